"""The foreground's matte from FSB, from DEB and from a refined mask."""

import pytest
import torch

from napari_focusstack.evaluation.truth_metrics import mean_iou
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.networks import weights
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.segmentation import foreground as segmentation
from napari_focusstack.segmentation.foreground import (
    REGION_PX,
    estimate_matte,
    override_regions,
    remove_islands,
)


def result_of(steps):
    """Run a generator to its end: what it yielded and what it returned."""
    yielded = []
    while True:
        try:
            yielded.append(next(steps))
        except StopIteration as end:
            return yielded, end.value


@pytest.fixture
def find(make_scene, fsb_weights, deb_weights):
    """Find the alpha of a scene: what was yielded, alpha, backend, the scene."""

    def run(side, **options):
        scene = make_scene(3.0, side=side)
        planes = [
            linear_to_srgb(plane).permute(1, 2, 0).numpy() for plane in (scene.near, scene.far)
        ]
        parameters = FuseParameters(device="cpu", **options)
        pair = FocalStack(planes, "srgb", torch.device("cpu"), 2**34)
        fsb, deb = (
            weights.load(name, torch.device("cpu"), path)[0]
            for name, path in (("fsb", fsb_weights), ("deb", deb_weights))
        )
        yielded, (alpha, backend) = result_of(estimate_matte(pair, fsb, deb, parameters))
        return yielded, alpha, backend, scene

    return run


def test_fsb_and_deb_find_what_is_in_focus(find):
    yielded, alpha, backend, scene = find(128, tile_px=64, crf=False)
    assert backend is None
    told = dict.fromkeys((p.step, p.done, p.total) for p in yielded)
    tiles = [("segment", i, 4) for i in range(5)]
    assert list(told)[:5] == tiles
    assert {step for step, *_ in list(told)[5:]} == {"find focus"}
    assert alpha.shape == (1, 128, 128)
    assert mean_iou(alpha[0].numpy() > 0.5, scene.mask) > 0.8


def test_deb_decides_over_regions_where_fsb_cannot(find, monkeypatch):
    monkeypatch.setattr(segmentation, "near_log_odds", said(20.0))
    *_, near, _, _ = find(64, crf=False)
    monkeypatch.setattr(segmentation, "near_log_odds", said(-20.0))
    *_, far, _, _ = find(64, crf=False)
    assert near.mean() > far.mean() + 0.2


def said(odds):
    """Say the same everywhere, in place of DEB."""

    def say(pair, network):
        yield Progress("find focus", 1, 1)
        return torch.full((1, *pair.size), odds)

    return say


def test_a_crf_says_which_it_was(find):
    _, alpha, backend, scene = find(96, crf=True)
    assert backend in ("pydensecrf", "torch")
    assert mean_iou(alpha[0].numpy() > 0.5, scene.mask) > 0.75


def square(side, size=64):
    mask = torch.zeros(1, size, size)
    middle = slice(size // 2 - side // 2, size // 2 + (side + 1) // 2)
    mask[:, middle, middle] = 1
    return mask


@pytest.mark.parametrize(("side", "decided"), [(5, False), (7, True), (30, True)])
def test_deb_decides_over_regions_and_not_over_details(side, decided):
    assert 2 * REGION_PX + 1 == 7
    mask = override_regions(torch.full((1, 64, 64), 0.1), square(side))
    assert bool(mask.any()) == decided
    if decided:
        assert int(mask.sum()) == side * side  # the whole region, with its corners


def test_deb_does_not_move_an_edge_by_a_few_pixels():
    alpha = (torch.arange(64) < 30).float().expand(1, 64, 64)
    other = (torch.arange(64) < 36).float().expand(1, 64, 64)
    assert torch.equal(override_regions(alpha, other), alpha > 0.5)


def test_islands_and_holes_stay_unless_the_odds_are_clearly_against_them():
    mask, odds = square(30), torch.zeros(1, 64, 64)
    hair, speckle = (
        (slice(None), slice(4, 5), slice(5, 40)),
        (slice(None), slice(60, 62), slice(3, 6)),
    )
    hole, gap = (
        (slice(None), slice(25, 28), slice(25, 28)),
        (slice(None), slice(40, 41), slice(25, 40)),
    )
    for part, value, told in ((hair, 1, -2.9), (speckle, 1, -3.1), (hole, 0, 3.1), (gap, 0, 2.9)):
        mask[part], odds[part] = value, told
    kept = remove_islands(mask > 0.5, odds)
    assert kept[hair].all()
    assert not kept[speckle].any()
    assert kept[hole].all()
    assert not kept[gap].any()
    assert int((kept != (mask > 0.5)).sum()) == 6 + 9


@pytest.mark.parametrize("value", [False, True])
def test_a_mask_of_one_side_is_an_island_as_well(value):
    mask = torch.full((1, 8, 8), value)
    assert torch.equal(remove_islands(mask, torch.zeros(1, 8, 8)), mask)
    against = torch.full((1, 8, 8), -4.0 if value else 4.0)
    assert torch.equal(remove_islands(mask, against), ~mask)


def test_deb_decides_up_to_the_border_of_the_image():
    other = torch.zeros(1, 64, 64)
    other[:, :8] = 1  # thinner than a region, but cut by the border
    assert torch.equal(override_regions(torch.zeros(1, 64, 64), other), other > 0.5)
