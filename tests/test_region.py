"""Rows and columns of an image."""

import numpy as np
import torch

from napari_focusstack.region import around, bounds, inside, placed


def test_bounds_hold_all_that_is_true():
    mask = np.zeros((9, 9), bool)
    assert bounds(mask) is None
    mask[2, 7] = mask[5, 3] = True
    assert bounds(mask) == (slice(2, 6), slice(3, 8))
    assert around(bounds(mask), (slice(0, 1), slice(4, 5))) == (slice(0, 6), slice(3, 8))


def test_bounds_are_those_of_a_tensor_too():
    mask = torch.zeros(9, 9, dtype=torch.bool)
    assert bounds(mask) is None
    mask[2, 7] = mask[5, 3] = True
    assert bounds(mask) == (slice(2, 6), slice(3, 8))


def test_a_part_is_placed_where_it_lies_inside():
    part, outer = (slice(12, 20), slice(7, 9)), (slice(10, 30), slice(5, 25))
    assert inside(part, outer) == (slice(2, 10), slice(2, 4))
    assert placed(inside(part, outer), outer) == part
