"""Of planes between which focus hardly moves, those that differ are taken."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_focusstack.planes.distinct import FEW_PLANES, distinct_planes, half_width, width_of

SPAN_PX = 5.2


@pytest.fixture
def make_stack(focal_stack_of):
    """Return a function for stacks of so many planes between two surfaces of equal distance."""
    chance = np.random.default_rng(0)
    near, far = gaussian_filter(chance.random((2, 128, 128)), (0, 0.8, 0.8))

    def make(count):
        planes = []
        for share in np.linspace(0, 1, count):
            left = gaussian_filter(near, max(SPAN_PX * share, 1e-3))[:, :64]
            right = gaussian_filter(far, max(SPAN_PX * (1 - share), 1e-3))[:, 64:]
            planes.append((65535 * np.hstack([left, right])).astype(np.uint16))
        return focal_stack_of(planes)

    return make


def enough_of(stack):
    """Return the planes of a stack that are enough."""
    return distinct_planes(len(stack), width_of(stack))


def test_planes_that_differ_by_more_than_a_pixel_are_all_taken(make_stack):
    assert enough_of(make_stack(5)) == [1, 2, 3, 4, 5]
    assert enough_of(make_stack(6)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("count", [33, 65, 200])
def test_of_many_planes_a_few_are_taken_evenly_from_end_to_end(make_stack, count):
    numbers = enough_of(make_stack(count))
    assert (numbers[0], numbers[-1]) == (1, count)
    steps = np.diff(numbers)
    assert steps.max() - steps.min() <= 1
    blur_px = SPAN_PX * steps.mean() / (count - 1)
    assert 0.5 < blur_px < 2
    assert len(numbers) >= FEW_PLANES


def test_planes_without_detail_are_all_taken(focal_stack_of):
    ramp = np.linspace(0, 60000, 64 * 64).reshape(64, 64).astype(np.uint16)
    assert enough_of(focal_stack_of([ramp] * 9)) == list(range(1, 10))


def test_the_width_is_that_of_the_detail_that_fades_fastest():
    planes = np.arange(21.0)
    fast, slow = (np.exp(-(((planes - 10) / width) ** 2)) for width in (2, 8))
    assert half_width(np.stack([slow] * 30 + [fast] * 34, 1)) == pytest.approx(1.66, abs=0.1)
    assert half_width(np.ones((5, 3))) == np.inf
