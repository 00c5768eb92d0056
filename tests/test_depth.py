"""Depth from DEB: between planes, tile by tile, of any number of planes."""

import numpy as np
import pytest
import torch

from napari_focusstack import depth
from napari_focusstack.depth import expected_depth
from napari_focusstack.fusion import drain
from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import DEB
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.stack import Stack


@pytest.fixture(scope="module")
def classical(deb_weights):
    """A DEB that answers with the sharpest plane."""
    return weights.load("deb", torch.device("cpu"), deb_weights)[0]


def stack_of(planes):
    return Stack(planes, FuseParameters(device="cpu"))


def found(planes, network, tile_px=1024):
    return drain(depth.find(stack_of(planes), network, tile_px))


def test_depth_lies_where_the_probabilities_of_neighbours_draw_it():
    logits = torch.tensor([[0.1, 0.6, 0.2, 0.1], [0.98, 0.01, 0.01, 0.0], [0.4, 0.1, 0.1, 0.4]])
    answer = expected_depth(logits.T.clamp(min=1e-9).log()[:, None])[0, 0]
    assert answer[0] == pytest.approx(2 + (0.2 - 0.1) / 0.9, abs=1e-4)
    assert answer[1] == pytest.approx(1 + 0.01 / 0.99, abs=1e-4)
    # of two planes far apart the first is taken; their mean would be neither
    assert answer[2] == pytest.approx(1 + 0.1 / 0.5, abs=1e-4)


def test_depth_never_leaves_the_most_probable_plane():
    logits = 20 * torch.randn(7, 40, 40, generator=torch.Generator().manual_seed(0))
    answer = expected_depth(logits)
    assert torch.equal(answer[0].round().long(), logits.argmax(0) + 1)
    assert answer.min() >= 1
    assert answer.max() <= 7


@pytest.mark.parametrize(("dtype", "grey"), [("uint8", False), ("uint16", True), ("float32", True)])
def test_surfaces_lie_in_the_planes_where_they_are_sharp(make_focal_stack, classical, dtype, grey):
    scene = make_focal_stack(5, 1.5)
    answer = found(scene.planes(dtype, grey=grey), classical)
    assert answer.shape == (1, 96, 96)
    assert answer.dtype == torch.float32
    apart = np.abs(answer[0].numpy() - scene.labels)
    assert (apart <= 1).mean() > 0.85
    assert np.median(apart) < 0.2


def test_the_shipped_network_finds_them_better(make_focal_stack, classical):
    scene = make_focal_stack(7, 1.2, side=128)
    planes = scene.planes()
    shipped, _ = weights.load("deb", torch.device("cpu"), None)
    ours, theirs = (
        (np.abs(found(planes, one)[0].numpy() - scene.labels) <= 1).mean()
        for one in (shipped, classical)
    )
    assert ours > 0.95
    assert ours > theirs


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize("side", [16, 33])
def test_planes_may_be_few_and_small(make_focal_stack, classical, count, side):
    answer = found(make_focal_stack(count, 1.0, side=side).planes("uint16", grey=True), classical)
    assert answer.shape == (1, side, side)
    assert answer.min() >= 1
    assert answer.max() <= count


def test_tiles_do_not_show(make_focal_stack, classical, monkeypatch):
    planes = make_focal_stack(3, 1.5, side=200).planes()
    whole = found(planes, classical)
    monkeypatch.setattr(depth, "REACH_PX", 32)  # more than the classical measure looks around
    torch.testing.assert_close(found(planes, classical, 64), whole)


def test_a_network_that_looks_far_agrees_between_tiles_but_for_few_pixels(make_focal_stack):
    planes = make_focal_stack(4, 1.5, side=320).planes()
    shipped, _ = weights.load("deb", torch.device("cpu"), None)
    whole, tiled = (found(planes, shipped, tile_px) for tile_px in (1024, 160))
    assert ((whole.round() - tiled.round()).abs() > 0).float().mean() < 0.01


def test_progress_counts_the_planes_of_all_tiles(make_focal_stack):
    stack = stack_of(make_focal_stack(3, 1.5, side=96).planes())
    told = list(depth.find(stack, DEB(8, 2), 64))
    assert [(each.step, each.done, each.total) for each in told] == [
        ("find focus", number, 12) for number in range(1, 13)
    ]
