"""Windows are cut where the boundary tells most."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.windows import WINDOW_PX, WINDOWS, Windows


@pytest.mark.parametrize(("value", "percent"), [(0.0, "0%"), (1.0, "100%")])
def test_a_mask_without_a_boundary_is_refused(value, percent):
    plane = torch.rand(3, 32, 32)
    with pytest.raises(InputError, match=percent):
        Windows.along_boundary(plane, plane, torch.full((1, 32, 32), value))


def test_windows_lie_inside_the_image_along_the_boundary():
    side = 700
    alpha = torch.zeros(1, side, side)
    alpha[:, :, :350] = 1
    rng = torch.Generator().manual_seed(0)
    near, far = torch.rand(2, 3, side, side, generator=rng)
    windows = Windows.along_boundary(near, far, alpha)
    assert 1 < len(windows.corners) <= WINDOWS
    assert windows.near.shape == (len(windows.corners), 3, WINDOW_PX, WINDOW_PX)
    for (y, x), piece in zip(windows.corners, windows.alpha, strict=True):
        assert 0 <= y <= side - WINDOW_PX
        assert x < 350 < x + WINDOW_PX
        assert 0 < float(piece.mean()) < 1


def test_an_image_smaller_than_a_window_is_one_window(make_scene):
    scene = make_scene(2.0, side=64)
    windows = Windows.along_boundary(scene.near, scene.far, scene.alpha)
    assert windows.corners == ((0, 0),)
    assert torch.equal(windows.far[0], scene.far)
