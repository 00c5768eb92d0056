"""Rows and columns of an image."""

import numpy as np
import torch

from napari_focusstack.runtime.region import bounding_box, to_global, to_local, union


def test_bounds_hold_all_that_is_true():
    mask = np.zeros((9, 9), bool)
    assert bounding_box(mask) is None
    mask[2, 7] = mask[5, 3] = True
    assert bounding_box(mask) == (slice(2, 6), slice(3, 8))
    assert union(bounding_box(mask), (slice(0, 1), slice(4, 5))) == (slice(0, 6), slice(3, 8))


def test_bounds_are_those_of_a_tensor_too():
    mask = torch.zeros(9, 9, dtype=torch.bool)
    assert bounding_box(mask) is None
    mask[2, 7] = mask[5, 3] = True
    assert bounding_box(mask) == (slice(2, 6), slice(3, 8))


def test_a_part_is_placed_where_it_lies_inside():
    part, outer = (slice(12, 20), slice(7, 9)), (slice(10, 30), slice(5, 25))
    assert to_local(part, outer) == (slice(2, 10), slice(2, 4))
    assert to_global(to_local(part, outer), outer) == part
