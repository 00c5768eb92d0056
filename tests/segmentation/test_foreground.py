"""Alpha from FSB, from a refined mask, and from what a user paints."""

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.truth_metrics import mean_iou
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.networks import weights
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.segmentation import foreground as segmentation
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.segmentation.foreground import (
    REGION_PX,
    estimate_matte,
    override_regions,
    remove_islands,
)
from napari_focusstack.segmentation.labels import (
    SOFT_REACH_PX,
    alpha_from_labels,
    antialias,
    apply_hard_mask,
    clamp_soft_band,
)


def half_plane(height=32, width=64, column=32):
    return (torch.arange(width) < column).expand(1, height, width)


def mask():
    painted = np.zeros((24, 32), bool)
    painted[6:18, 8:20] = True
    return painted


def result_of(steps):
    """Run a generator to its end: what it yielded and what it returned."""
    yielded = []
    while True:
        try:
            yielded.append(next(steps))
        except StopIteration as end:
            return yielded, end.value


LABELS = {
    "near 1, far 2": np.where(mask(), 1, 2),
    "near 1, far 0": mask().astype(np.uint8),
    "bool": mask(),
    "mask of 0 and 255": np.where(mask(), 255, 0).astype(np.uint8),
    "unsigned 64 bits": mask().astype(np.uint64),
    "some far, some not painted": np.where(mask(), 1, np.arange(32) % 2 * 2),
    "big endian": mask().astype(">i4"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_each_way_to_mark_the_foreground_means_the_same(labels):
    alpha = alpha_from_labels(labels, (24, 32))
    assert alpha.shape == (1, 24, 32)
    assert alpha.dtype == torch.float32
    assert torch.equal(alpha, alpha_from_labels(np.where(mask(), 1, 2), (24, 32)))
    np.testing.assert_array_equal(FocusMap.of_pair(alpha).labels, np.where(mask(), 1, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ">f4"])
def test_an_alpha_is_taken_as_it_is(dtype):
    alpha = np.linspace(0, 1, 24 * 32).reshape(24, 32).astype(dtype)
    np.testing.assert_array_equal(
        alpha_from_labels(alpha, (24, 32))[0].numpy(), alpha.astype(np.float32)
    )


def test_bytes_with_levels_between_are_an_alpha():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_allclose(
        alpha_from_labels(levels, (16, 16))[0].numpy(), levels / 255, atol=1e-7
    )


def test_bytes_with_levels_but_without_a_zero_are_an_alpha_too():
    levels = np.full((16, 16), 255, np.uint8)
    levels[:, 8:] = 51
    alpha = alpha_from_labels(levels, (16, 16))
    assert alpha[0, 0].tolist() == pytest.approx([1] * 8 + [0.2] * 8)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((24, 31), int), r"\(24, 31\)"),
        (np.zeros((24, 32, 1), int), r"\(24, 32, 1\)"),
        (np.full((24, 32), 3), "value 3"),
        (np.full((24, 32), -1), "value -1"),
        (np.full((24, 32), 1.5), "1.5"),
        (np.full((24, 32), -0.25), "-0.25"),
        (np.full((24, 32), np.nan), "nan"),
        (np.full((24, 32), 1j), "complex128"),
        (np.full((24, 32), "near"), "<U4"),
    ],
)
def test_labels_that_mean_nothing_are_refused_with_what_they_hold(labels, message):
    with pytest.raises(InputError, match=message):
        alpha_from_labels(labels, (24, 32))


def test_a_hard_edge_is_antialiased_and_stays_where_it_is():
    alpha = antialias(half_plane())[0, 16]
    weights = np.exp(-0.5 * (np.arange(-3, 4) / 0.7) ** 2)
    inside = weights[:4].sum() / weights.sum()  # of the pixel just inside the edge
    assert alpha[29:35].tolist() == pytest.approx([1, 1, inside, 1 - inside, 0, 0], abs=1e-4)
    assert ((alpha == 0) | (alpha == 1)).sum() >= 60


def test_a_mask_without_an_edge_stays_hard():
    for value in (False, True):
        hard = torch.full((1, 16, 16), value)
        assert torch.equal(antialias(hard), hard.float())


def test_softness_far_from_the_edge_is_doubt_and_is_decided():
    alpha = half_plane().float()
    alpha[:, :, 4] = 0.7
    alpha[:, :, 50] = 0.4
    alpha[:, :, 31 + SOFT_REACH_PX] = 0.3
    decided = clamp_soft_band(alpha)[0, 16]
    assert decided[4] == 1
    assert decided[50] == 0
    assert 0.25 < float(decided[31 + SOFT_REACH_PX]) < 0.3


def test_alpha_is_soft_within_reach_of_the_edge_alone():
    alpha = torch.linspace(0.9, 0.1, 64).expand(1, 32, 64)  # passes 0.5 between columns 31 and 32
    soft = (clamp_soft_band(alpha)[0, 16] % 1 != 0).nonzero().flatten()
    assert soft.tolist() == list(range(32 - SOFT_REACH_PX, 32 + SOFT_REACH_PX))


def test_a_sigmoid_that_is_almost_sure_is_taken_at_its_word():
    alpha = torch.where(half_plane(), 0.985, 0.015)
    assert torch.equal(clamp_soft_band(alpha), half_plane().float())


def test_a_painted_mask_decides_and_far_from_the_paint_alpha_stays_soft():
    alpha = torch.where(half_plane(column=32), 0.8, 0.3)
    painted = half_plane(column=40)
    result = apply_hard_mask(alpha, painted)[0, 16]
    doubt = SOFT_REACH_PX
    assert result[: 32 - doubt].tolist() == pytest.approx([0.8] * (32 - doubt))
    assert result[32 - doubt : 39].tolist() == [1] * (7 + doubt)  # painted over alpha's no
    assert result[41 : 40 + doubt].tolist() == [0] * (doubt - 1)
    assert result[40 + doubt :].tolist() == pytest.approx([0.3] * (24 - doubt))
    assert torch.equal(apply_hard_mask(alpha, painted) > 0.5, painted)


def test_where_mask_and_alpha_see_the_same_edge_a_sliver_apart_alpha_says_how_soft_it_is():
    alpha = (0.5 + (31.5 - torch.arange(64)) / 8).clamp(0, 1).expand(1, 32, 64)
    moved = half_plane(column=33)
    result = apply_hard_mask(alpha, moved)
    assert torch.equal(result > 0.5, moved)
    agreed = (alpha > 0.5) == moved
    assert torch.equal(result[agreed], alpha[agreed])
    assert int((~agreed).sum()) == 32


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


def test_deb_decides_over_regions_that_fsb_cannot_tell(find, monkeypatch):
    monkeypatch.setattr(segmentation, "near_log_odds", said(20.0))
    *_, near, _, _ = find(64, crf=False)
    monkeypatch.setattr(segmentation, "near_log_odds", said(-20.0))
    *_, far, _, _ = find(64, crf=False)
    assert near.mean() > far.mean() + 0.2


def said(odds):
    """Say the same everywhere, in place of DEB."""

    def say(pair, network, tile_px):
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


@pytest.mark.parametrize(("side", "decided"), [(9, False), (11, True), (30, True)])
def test_a_second_opinion_decides_over_regions_and_not_over_details(side, decided):
    assert 2 * REGION_PX + 1 == 11
    mask = override_regions(torch.full((1, 64, 64), 0.1), square(side))
    assert bool(mask.any()) == decided
    if decided:
        assert int(mask.sum()) == side * side  # the whole region, with its corners


def test_a_second_opinion_does_not_move_an_edge_by_a_few_pixels():
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


def test_a_second_opinion_reaches_the_border_of_the_image():
    other = torch.zeros(1, 64, 64)
    other[:, :8] = 1  # thinner than a region, but cut by the border
    assert torch.equal(override_regions(torch.zeros(1, 64, 64), other), other > 0.5)
