"""Planes that are blurred as a whole stand out from both sides nearly everywhere."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter1d

from napari_focusstack.diagnostics.blurred import blurred_planes
from napari_focusstack.diagnostics.similarity import summarize


@pytest.fixture(scope="module")
def planes():
    """A tilted surface in nine planes: each column is in focus in one of them."""
    chance = np.random.default_rng(0)
    surface = gaussian_filter(chance.random((192, 192)), 1.0)
    depth = np.arange(192) / 191 * 8
    blurred = np.stack([gaussian_filter(surface, 0.7 * step + 1e-3) for step in range(9)])
    columns = np.arange(192)
    return [
        np.stack([blurred[round(abs(plane - depth[x])), :, x] for x in columns], 1)
        for plane in range(9)
    ]


def blurred_of(planes):
    return blurred_planes([summarize(plane) for plane in planes])


def test_a_good_stack_has_none(planes):
    assert blurred_of(planes) == []
    assert blurred_of(planes[:3]) == []


@pytest.mark.parametrize("failed", [[4], [2], [3, 4]])
def test_planes_out_of_focus_are_named(planes, failed):
    stack = [gaussian_filter(one, 4) if at in failed else one for at, one in enumerate(planes)]
    assert blurred_of(stack) == failed


def test_a_shaken_plane_is_named(planes):
    stack = list(planes)
    stack[4] = uniform_filter1d(uniform_filter1d(planes[4], 21, axis=1), 9, axis=0)
    assert blurred_of(stack) == [4]


def test_the_planes_at_the_ends_are_never_named(planes):
    """Nobody knows what lies beyond: they may be out of focus rightly."""
    assert blurred_of([gaussian_filter(planes[0], 4), *planes[1:]]) == []


def test_a_plane_that_alone_shows_something_stays(planes):
    stack = list(planes)
    stack[4] = gaussian_filter(planes[4], 4)
    stack[4][:, 64:128] = planes[4][:, 64:128]
    assert blurred_of(stack) == []


def test_planes_without_detail_are_not_judged():
    assert blurred_of([np.full((64, 64), 5.0)] * 5) == []


def test_a_plane_between_hairs_and_the_ground_behind_them_stays():
    """Each of the planes around it shows one of the two, at the same places."""
    chance = np.random.default_rng(1)
    ground = gaussian_filter(chance.random((160, 160)), 1.0) - 0.5
    hairs = np.zeros((160, 160))
    hairs[::20], hairs[:, ::20] = 0.3, 0.3
    planes = [
        gaussian_filter(ground, 2.0 * (4 - step)) + gaussian_filter(hairs, 2.0 * step)
        for step in range(5)
    ]
    assert blurred_of(planes) == []
