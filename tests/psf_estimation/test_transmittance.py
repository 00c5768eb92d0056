"""What shines through a surface is the detail of another one in its place."""

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.psf_estimation.flat_patches import flat_patches
from napari_focusstack.psf_estimation.transmittance import measure_transmittance
from napari_focusstack.segmentation.focus_map import FocusMap

SIDE, SIGMA_PX = 128, 1.5


def texture(seed):
    noise = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return (0.3 + 0.3 * blur(noise, 0.7)).clamp(0.02, 1)


def share(light_of, front, back, noise=0.002):
    """What shows of ``back``, in focus in plane 6, in the place of ``front``, in plane 2."""
    generator = torch.Generator().manual_seed(9)
    planes = []
    for plane in range(1, 8):
        light = blur(front, SIGMA_PX * abs(plane - 2)) + blur(back, SIGMA_PX * abs(plane - 6))
        light = light[0] + noise * torch.randn(light.shape[1:], generator=generator)
        planes.append(light.clamp(min=0))
    focus = FocusMap.of_depth(torch.full((1, SIDE, SIDE), 2.0), 7)

    return measure_transmittance(light_of(planes), focus, flat_patches(focus), SIGMA_PX)


def test_a_surface_that_hides_all_shows_its_detail_in_its_own_plane_only(light_of):
    assert share(light_of, texture(0), torch.zeros(1, 3, SIDE, SIDE)) < 0.1


@pytest.mark.parametrize("transmitted", [0.5, 1.0])
def test_the_transmittance_of_a_clear_surface_is_estimated(light_of, transmitted):
    found = share(light_of, texture(0), transmitted * texture(1))
    assert found == pytest.approx(transmitted, abs=0.2)


def test_a_surface_without_detail_tells_nothing(light_of):
    even = torch.full((1, 3, SIDE, SIDE), 0.4)
    assert share(light_of, even, torch.zeros_like(even), noise=0.01) == 0


def test_without_patches_there_is_no_estimate(light_of):
    focus = FocusMap.of_depth(torch.full((1, SIDE, SIDE), 2.0), 7)
    assert measure_transmittance(lambda plane, where: texture(0)[0], focus, [], SIGMA_PX) == 0
