"""Edges between the surfaces of a stack: which two meet, and how they share the pixels."""

import time

import numpy as np
import pytest
import torch

from napari_focusstack.networks import weights
from napari_focusstack.networks.meb import MEB
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import run
from napari_focusstack.segmentation import depth_edges as occlusion
from napari_focusstack.segmentation.depth_edges import (
    REACH_PX,
    SurfacePair,
    refine_edges,
    to_focus_map,
)
from napari_focusstack.segmentation.depth_inpainting import UNRELIABLE_RADIUS_PX

CPU = torch.device("cpu")


def row(*depths):
    return torch.tensor(depths, dtype=torch.float32)[None, None]


def near_a_step(depth, reach_px=REACH_PX):
    """Where depth (1, Y, X) changes within so many px, bool."""
    changed = SurfacePair.of(depth).signed_distance_px.abs()
    return (changed > 0) & (changed < reach_px)


def trusting(trust=8.0):
    """A MEB that takes each step for where it was found."""
    network = MEB(width=4, down=(2,))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.prior_logit.fill_(trust)
    return network.eval()


@pytest.fixture(scope="module")
def shipped():
    return weights.load("meb", torch.device("cpu"))[0]


def test_beside_a_step_each_pixel_has_its_own_surface_and_the_other():
    found = SurfacePair.of(row(2, 2, 2, 5, 5))
    assert found.front[0, 0].tolist() == [2] * 5
    assert found.behind[0, 0].tolist() == [5] * 5
    assert found.signed_distance_px[0, 0].tolist() == [2.5, 1.5, 0.5, -0.5, -1.5]


def test_further_from_a_step_there_is_one_surface():
    depth = row(*[1.0] * 10, *[4.0] * 10)
    found = SurfacePair.of(depth)
    near = found.signed_distance_px[0, 0] != 0
    assert near.tolist() == [False] * 4 + [True] * 12 + [False] * 4
    assert torch.equal(found.front[0, 0, ~near], found.behind[0, 0, ~near])
    assert torch.equal(found.front[0, 0, ~near], depth[0, 0, ~near])


def test_a_slope_passes_from_plane_to_plane_without_an_edge():
    slope = torch.linspace(1, 6, 64).expand(1, 4, 64)
    assert not SurfacePair.of(slope).signed_distance_px.any()


def test_of_three_surfaces_the_nearest_one_meets():
    found = SurfacePair.of(row(1, 1, 1, 1, 4, 4, 4, 4, 4, 9, 9))
    assert found.front[0, 0].tolist() == [1, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4]
    assert found.behind[0, 0].tolist() == [4, 4, 4, 4, 4, 4, 9, 9, 9, 9, 9]
    # equally far from both edges: that of the greater step
    assert found.signed_distance_px[0, 0, 6] == 2.5


def test_depths_of_the_surfaces_are_those_beside_the_step():
    found = SurfacePair.of(row(2.2, 2.1, 2.0, 5.0, 5.3, 5.6))
    torch.testing.assert_close(found.front[0, 0], torch.tensor([2.2, 2.1, 2.0, 2.0, 2.0, 2.0]))
    torch.testing.assert_close(found.behind[0, 0], torch.tensor([5.0, 5.0, 5.0, 5.0, 5.3, 5.6]))


def test_only_pixels_along_an_edge_are_shared():
    meeting = SurfacePair.of(row(*[1.0] * 8, *[4.0] * 8))
    alpha = torch.tensor([0.9] * 6 + [0.7] + [0.4] * 9)[None, None]  # the edge a pixel further left
    focus = to_focus_map(meeting, alpha, torch.ones_like(alpha), 5)
    assert focus.depth[0, 0].tolist() == [1] * 7 + [4] * 9
    soft = (focus.alpha > 0) & (focus.alpha < 1)
    assert soft[0, 0].nonzero().flatten().tolist() == [6, 7]
    torch.testing.assert_close(
        focus.alpha[0, 0, 6:8], torch.tensor([0.7083, 0.3958]), atol=1e-4, rtol=0
    )
    for surface in (focus.front, focus.behind):
        assert torch.equal(surface[~soft], focus.depth[~soft])
    assert focus.front[0, 0, 6:8].tolist() == [1, 1]
    assert focus.behind[0, 0, 6:8].tolist() == [4, 4]


def test_doubt_that_is_less_than_a_hundredth_is_none():
    meeting = SurfacePair.of(row(1, 1, 4, 4))
    alpha = row(1.0, 0.99, 0.01, 0.0)
    assert (to_focus_map(meeting, alpha, torch.ones_like(alpha), 5).alpha == 1).all()


@pytest.fixture(scope="module")
def scene(make_focal_stack):
    return make_focal_stack(5, 1.5, side=128)


@pytest.fixture(scope="module")
def stack(scene):
    return FocalStack(scene.planes(), "auto", CPU, 2**34)


@pytest.fixture(scope="module")
def depth(scene):
    return torch.from_numpy(scene.labels.astype(np.float32))[None]


def drawn(stack, depth, network):
    return run(refine_edges(stack, depth, torch.full_like(depth, 0.9), network))


def test_where_the_step_is_trusted_depth_stays_as_it_was(stack, depth):
    focus = drawn(stack, depth, trusting())
    assert torch.equal(focus.depth, depth)
    assert (focus.alpha == 1).all()
    assert focus.planes == 5
    assert (focus.confidence == 0.9).all()


@pytest.mark.parametrize("off", [(3, 0), (0, -3), (2, 2)])
def test_an_edge_estimated_beside_its_place_is_drawn_where_the_planes_show_it(
    stack, depth, shipped, off
):
    wrong = depth.roll(off, (1, 2))
    focus = drawn(stack, wrong, shipped)
    before, after = ((one != depth).float().mean() for one in (wrong, focus.depth))
    assert before > 0.02
    assert after < 0.45 * before


def test_nothing_changes_further_from_the_steps(stack, depth, shipped):
    focus = drawn(stack, depth, shipped)
    away = ~near_a_step(depth, REACH_PX + 1)
    assert away.any()
    for surface in (focus.front, focus.behind):
        assert torch.equal(surface[away], depth[away])
    assert (focus.alpha[away] == 1).all()


def test_blocks_leave_no_trace(stack, depth, monkeypatch):
    torch.manual_seed(1)
    network = MEB(width=4, down=(2, 4)).eval()
    whole = drawn(stack, depth, network)
    assert ((whole.alpha > 0) & (whole.alpha < 1)).any()
    monkeypatch.setattr(occlusion, "BLOCK_PX", 40)
    pieces = drawn(stack, depth, network)
    for name in ("front", "behind", "alpha"):
        torch.testing.assert_close(getattr(pieces, name), getattr(whole, name), atol=0.02, rtol=0)


def test_a_stack_without_steps_is_left_alone(stack, depth, shipped):
    flat = torch.full_like(depth, 2.3)
    focus = drawn(stack, flat, shipped)
    assert torch.equal(focus.front, flat)
    assert torch.equal(focus.behind, flat)


def test_where_depth_is_a_guess_no_edge_is_drawn(stack, depth, shipped):
    wrong = depth.roll((2, 2), (1, 2))
    unsure = torch.full_like(depth, 0.1)
    unsure[:, :60] = 0.9
    focus = run(refine_edges(stack, wrong, unsure, shipped))
    below = slice(60 + UNRELIABLE_RADIUS_PX, None)
    assert near_a_step(wrong)[:, below].any()
    assert torch.equal(focus.depth[:, below], wrong[:, below])
    assert (focus.alpha[:, below] == 1).all()
    assert not torch.equal(focus.depth[:, :60], wrong[:, :60])


def test_progress_counts_the_blocks(stack, depth, monkeypatch):
    monkeypatch.setattr(occlusion, "BLOCK_PX", 64)
    told = list(refine_edges(stack, depth, torch.ones_like(depth), trusting()))
    assert [(one.done, one.total) for one in told] == [(number, 4) for number in range(5)]
    assert {one.step for one in told} == {"draw edges"}


@pytest.mark.parametrize("budget_bytes", [2**34, 1])
def test_memory_for_one_block_at_a_time_is_enough_and_changes_no_bit(
    scene, depth, shipped, monkeypatch, budget_bytes
):
    monkeypatch.setattr(occlusion, "BLOCK_PX", 64)
    stack = FocalStack(scene.planes(), "auto", CPU, budget_bytes)
    whole = drawn(stack, depth, shipped)
    refined, running, together = occlusion._refined_block, [], []

    def block(*args):
        running.append(args)
        time.sleep(0.05)
        together.append(len(running))
        try:
            if len(running) > 1:
                raise MemoryError
            return refined(*args)
        finally:
            running.pop()

    monkeypatch.setattr(occlusion, "_refined_block", block)
    if budget_bytes > 1:
        monkeypatch.setattr(occlusion, "worker_count", lambda *_: 2)
    assert drawn(stack, depth, shipped) == whole
    assert max(together) == (1 if budget_bytes == 1 else 2)
    assert together[-3:] == [1, 1, 1]


def test_a_block_whose_memory_ran_out_is_drawn_once_more(stack, depth, shipped, monkeypatch):
    whole = drawn(stack, depth, shipped)
    refined, begun = occlusion._refined_block, []

    def block(*args):
        begun.append(args[-1])
        if len(begun) == 1:
            raise MemoryError
        return refined(*args)

    monkeypatch.setattr(occlusion, "_refined_block", block)
    assert drawn(stack, depth, shipped) == whole
    assert begun[0] == begun[1]


def test_soft_pixels_lie_within_the_reach_of_the_edge(stack, depth):
    focus = drawn(stack, depth, trusting(1.0))  # unsure everywhere near steps
    soft = (focus.alpha < 1) & (focus.alpha > 0)
    assert soft.any()
    assert not soft[~near_a_step(depth, 1)].any()
