"""DEB tile by tile: what it reads, what it says, how much memory it takes."""

import pytest
import torch

from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.tiled_deb import (
    BYTES_PER_PIXEL,
    MIN_TILE_PX,
    WORK_BYTES,
    run_tiled,
    tile_plan,
)
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def deb(deb_weights):
    """A DEB that answers with the sharpest plane."""
    return weights.load("deb", torch.device("cpu"), deb_weights)[0]


def stack_of(planes):
    return FocalStack(planes, "auto", CPU, 2**34)


def least(strips, features):
    """The least logit of each pixel."""
    return torch.cat([logits.amin(0, keepdim=True) for logits in strips], 1)


def test_progress_counts_the_tiles(make_focal_stack):
    stack = stack_of(make_focal_stack(3, 1.5, side=96).planes())
    told = list(run_tiled(stack, DEB(8, 2), 64, 96, least))
    assert [(each.step, each.done, each.total) for each in told] == [
        ("find focus", number, 4) for number in range(5)
    ]


def test_a_search_that_is_given_up_stops_after_the_tiles_at_hand(make_focal_stack):
    stack = stack_of(make_focal_stack(3, 1.5, side=256).planes())
    looked_at = []

    def read(strips, features):
        looked_at.append(1)
        return least(strips, features)

    steps = run_tiled(stack, DEB(8, 2), 64, 96, read)
    next(steps)
    next(steps)
    steps.close()
    assert len(looked_at) <= 4


@pytest.mark.parametrize("planes", [3, 12, 24, 48])
def test_tiles_take_the_same_memory_however_many_planes(planes):
    side_px, together = tile_plan(planes, 1024, 96, 2, 10**10)
    assert side_px >= MIN_TILE_PX
    assert together * side_px**2 * planes * BYTES_PER_PIXEL <= WORK_BYTES


def test_very_many_planes_take_more_memory_rather_than_tiny_tiles():
    assert tile_plan(200, 1024, 96, 4, 10**10) == (MIN_TILE_PX, 1)


@pytest.mark.parametrize("budget_bytes", [10**8, 3 * 10**8, 10**9])
def test_tiles_keep_to_the_budget(budget_bytes):
    side_px, together = tile_plan(12, 1024, 96, 4, budget_bytes)
    assert together * side_px**2 * 12 * BYTES_PER_PIXEL <= budget_bytes


def test_no_tile_is_larger_than_was_asked_for():
    assert tile_plan(3, 64, 96, 2, 10**10) == (256, 2)


def test_tiles_that_see_far_are_large_and_worked_on_one_by_one():
    assert tile_plan(2, 1024, 612, 4, 10**10) == (1024 + 2 * 612, 1)


def test_a_small_budget_gives_the_same_answer(deb, make_focal_stack):
    planes = make_focal_stack(3, 1.5, side=128).planes()
    wide, tight = (
        run(run_tiled(FocalStack(planes, "auto", CPU, budget_bytes), deb, 1024, 96, least))
        for budget_bytes in (10**9, 10**6)
    )
    torch.testing.assert_close(tight, wide)
