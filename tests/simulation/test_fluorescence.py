"""Rendered fluorescence: light of all depths adds up, and nothing is hidden."""

import numpy as np
import pytest

from napari_focusstack.simulation.fluorescence import fluorescence_stack

SEEDS = range(8)


def _drawn(seed, planes=5):
    return fluorescence_stack(planes, 128, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_planes_and_truth_have_one_size_and_dtype(seed):
    stack = _drawn(seed)
    truth = stack.all_in_focus
    assert truth.dtype in (np.uint8, np.uint16)
    assert {(plane.shape, plane.dtype) for plane in stack.planes} == {((128, 128), truth.dtype)}


@pytest.mark.parametrize("seed", SEEDS)
def test_each_plane_holds_as_much_light_as_the_truth(seed):
    stack = _drawn(seed)
    inner = slice(16, -16), slice(16, -16)  # light leaves through the border
    mean = stack.all_in_focus[inner].mean()
    assert [plane[inner].mean() for plane in stack.planes] == pytest.approx([mean] * 5, rel=0.04)


def test_each_plane_shows_a_part_of_the_truth():
    stack = _drawn(1, planes=9)
    errors = np.abs(np.subtract(stack.planes, stack.all_in_focus, dtype=np.float32))
    assert errors.min(0).mean() < 0.5 * errors.mean((1, 2)).min()


def test_the_same_seed_draws_the_same_stack():
    first, again, other = _drawn(3), _drawn(3), _drawn(4)
    assert np.array_equal(first.planes, again.planes)
    assert not np.array_equal(first.all_in_focus, other.all_in_focus)
