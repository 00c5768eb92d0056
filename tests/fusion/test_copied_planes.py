"""A copy that is left out takes no step of focus, unless a plane is missing for it."""

import numpy as np
import pytest

from napari_focusstack.fusion.copied_planes import places_without_copies
from napari_focusstack.fusion.pipeline import Pipeline
from napari_focusstack.parameters import FuseParameters


@pytest.fixture(scope="module")
def planes(make_focal_stack):
    return make_focal_stack(9, 1.0, side=128).planes(grey=True)


def test_planes_behind_a_copy_come_nearer_by_a_step(planes):
    stack = [*planes[:4], planes[3], *planes[4:]]
    left_out = [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert places_without_copies(stack, left_out) == [0, 1, 2, 3, 3, 4, 5, 6, 7, 8]
    original = [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert places_without_copies(stack, original) == [0, 1, 2, 3, 3, 4, 5, 6, 7, 8]


def test_several_copies_of_one_plane_take_no_step(planes):
    stack = [*planes[:4], planes[3], planes[3], *planes[4:]]
    places = places_without_copies(stack, [1, 2, 3, 4, 7, 8, 9, 10, 11])
    assert places == [0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8]


def test_a_copy_in_the_place_of_a_plane_keeps_its_step(planes):
    stack = [*planes[:6], planes[5], *planes[7:]]
    assert places_without_copies(stack, [1, 2, 3, 4, 5, 6, 8, 9]) is None


def test_planes_without_copies_keep_their_numbers_as_places(planes):
    assert places_without_copies(planes, [1, 2, 4, 5, 6, 7, 8, 9]) is None
    assert places_without_copies(planes, [1, 3, 5, 7, 9]) is None
    damaged = [*planes[:3], np.zeros((16, 16)), *planes[4:]]
    assert places_without_copies(damaged, [1, 2, 3, 5, 6, 7, 8, 9]) is None


def test_positions_count_from_either_end_in_the_unit_of_the_step(planes):
    stack = [*planes[:3], planes[2], *planes[3:]]
    parameters = FuseParameters(planes="1:3,5:10", z_step=0.5, near="last", device="cpu")
    pipeline = Pipeline(stack, parameters)
    expected = 0.5 * np.array([0, 1, 2, 3, 4, 5, 6, 6, 7, 8])
    np.testing.assert_allclose(pipeline.positions, expected)
    assert pipeline.surfaces.places is None or np.ptp(np.diff(pipeline.surfaces.places)) < 1e-6


def test_given_positions_hold_for_the_planes_that_are_used(planes):
    places = [0, 1, 2, 2, 4, 5, 6, 7, 8, 9]
    stack = [*planes[:3], planes[2], *planes[3:]]
    parameters = FuseParameters(planes="1:3,5:10", device="cpu")
    np.testing.assert_allclose(Pipeline(stack, parameters, None, places).positions, places)
