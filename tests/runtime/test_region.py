"""Rows and columns of an image."""

import numpy as np
import torch

from napari_focusstack.runtime import region
from napari_focusstack.runtime.region import (
    bounding_box,
    intersection,
    largest_rectangle,
    to_global,
    to_local,
    union,
)


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


def test_regions_apart_share_nothing():
    region = (slice(0, 5), slice(0, 5))
    assert intersection(region, (slice(5, 9), slice(0, 5))) is None
    assert intersection(region, (slice(1, 9), slice(2, 3))) == (slice(1, 5), slice(2, 3))


def area(part):
    return (part[0].stop - part[0].start) * (part[1].stop - part[1].start)


def test_the_largest_rectangle_is_that_of_all():
    chance = np.random.default_rng(0)
    for share in (0.5, 0.8, 0.97):
        mask = chance.random((9, 12)) < share
        found = largest_rectangle(mask)
        assert mask[found].all()
        every = [
            (slice(top, bottom), slice(left, right))
            for top in range(9)
            for bottom in range(top + 1, 10)
            for left in range(12)
            for right in range(left + 1, 13)
            if mask[top:bottom, left:right].all()
        ]
        assert area(found) == max(map(area, every))
    assert largest_rectangle(np.zeros((3, 4), bool)) is None


def test_a_rectangle_of_a_large_mask_reaches_its_borders(monkeypatch):
    monkeypatch.setattr(region, "SEARCHED_CELLS", 8)
    mask = np.zeros((101, 83), bool)
    mask[13:97, 5:80] = True
    assert largest_rectangle(mask) == (slice(13, 97), slice(5, 80))
    mask[:] = False
    mask[50, 7:30] = True  # thinner than a cell
    assert largest_rectangle(mask) == (slice(50, 51), slice(7, 30))
