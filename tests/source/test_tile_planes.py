"""Planes of a tile are read one by one; tiles with their margins fit into the budget."""

import numpy as np
import pytest
import torch

from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.region import pad
from napari_focusstack.runtime.tiles import pad_to_multiple
from napari_focusstack.source.tile_planes import (
    CuesOfRegions,
    TilePlanes,
    TileStep,
    Work,
    kept_bytes,
)

STEP = TileStep(100.0, 10.0, reach_px=24, grid_px=8, least_px=16)
PART = (slice(0, 64), slice(0, 90))


def stack_of(dtype="uint8", channels=(3,)):
    top = {"uint8": 255, "uint16": 60000, "float32": 1}[dtype]
    planes = np.random.default_rng(0).random((3, 250, 420, *channels)) * top
    return FocalStack(list(planes.astype(dtype)), "auto", torch.device("cpu"), 2**30)


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", (3,)), ("uint16", ()), ("float32", ())])
def test_planes_are_read_for_display_and_as_they_are_stored(dtype, channels):
    stack = stack_of(dtype, channels)
    display, coded = (TilePlanes(stack, PART, coded=coded) for coded in (False, True))
    assert len(display) == len(coded) == 3
    count = 3 if channels else 1
    assert torch.equal(display[1], stack.display(2, PART)[:count])
    assert torch.equal(coded[2], stack.coded(3, PART))


@pytest.mark.parametrize(("dtype", "kept"), [("uint8", 0), ("uint16", 0), ("float32", 12)])
def test_what_takes_long_to_convert_is_kept(dtype, kept):
    planes = TilePlanes(stack_of(dtype), PART)
    assert kept_bytes(stack_of(dtype)) == kept
    assert (planes[0] is planes[0]) == bool(kept)


def test_cues_of_the_last_region_are_kept():
    stack = stack_of()
    cues = CuesOfRegions(stack, 32, 0.004)
    first = cues.of(stack.full)
    assert cues.of(stack.full) is first
    part = cues.of(PART)
    assert len(part.planes) == 3
    assert part.planes[2].shape == (1, 3, 64, 96)
    whole = stack.display(2, stack.full)[None]
    assert torch.equal(first.planes[1], pad_to_multiple(whole, 32))
    assert cues.of(stack.full) is not first


@pytest.mark.parametrize("budget", [10**6, 2 * 10**6, 10**8])
def test_tiles_with_their_margins_fit_into_the_budget(budget):
    stack = stack_of()
    tiles = Work(1024, budget).tiles_of(stack, STEP)
    areas = []
    for tile in tiles:
        assert all(part.start % STEP.grid_px == 0 for part in tile)
        rows, columns = pad(tile, STEP.reach_px, stack.size)
        areas.append((rows.stop - rows.start) * (columns.stop - columns.start))
    assert max(areas) * (100 + 3 * 10) <= budget
    assert (tiles.total == 1) == (budget == 10**8)


def test_the_least_budget_is_enough_for_the_least_tile():
    stack = stack_of()
    least = STEP.least_bytes(3, stack.size)
    smallest = Work(1024, least).tiles_of(stack, STEP)
    assert least == 72 * 72 * 130
    assert max(rows.stop - rows.start for rows, _ in smallest) == STEP.least_px


def test_the_user_may_ask_for_smaller_tiles():
    tiles = Work(64, 10**9).tiles_of(stack_of(), STEP)
    assert tiles.total == 4 * 7
