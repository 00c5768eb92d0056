"""A scene as it is seen from one point of the aperture."""

import numpy as np
import pytest

from napari_focusstack.simulation.thin_lens.scene import CANVAS_SCALE, Scene, Surface
from napari_focusstack.simulation.thin_lens.views import Eye

SIDE, MARGIN = 24, 12


def scene_of(disparity_px):
    side = (SIDE + 2 * MARGIN) * CANVAS_SCALE
    light = np.zeros((side, side, 3), np.float32)
    light[:, : side // 2] = 1
    return Scene((Surface(light, None, disparity_px),))


def edge_column(view):
    """The column at which the left, bright half ends, px."""
    return float(view[SIDE // 2, :, 0].sum())


@pytest.mark.parametrize("disparity_px", [0.0, 3.0, -2.0])
def test_a_surface_moves_by_its_disparity_times_the_point_of_the_aperture(disparity_px):
    eye = Eye(scene_of(disparity_px), SIDE)
    middle, right, up = (
        edge_column(eye.view(np.array(point), np.zeros(2)))
        for point in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )
    assert middle == pytest.approx(SIDE / 2, abs=0.1)
    moved = sorted(abs(column - middle) for column in (right, up))
    assert moved == pytest.approx([0, abs(disparity_px)], abs=0.1)


def test_the_front_surface_gives_the_depth():
    near = Surface(np.ones((96, 96, 3), np.float32), None, 2.0)
    far = Surface(np.zeros((96, 96, 3), np.float32), None, -1.0)
    assert Eye(Scene((far, near)), SIDE).front_disparity() == pytest.approx(2.0)
