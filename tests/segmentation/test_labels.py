"""Alpha from labels and masks, and soft bands along their edges."""

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.segmentation.focus_map import FocusMap
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


def test_softness_far_from_the_edge_is_decided():
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


def test_an_alpha_close_to_0_or_1_becomes_0_or_1():
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


def test_where_the_edges_of_mask_and_alpha_lie_one_pixel_apart_softness_is_that_of_alpha():
    alpha = (0.5 + (31.5 - torch.arange(64)) / 8).clamp(0, 1).expand(1, 32, 64)
    moved = half_plane(column=33)
    result = apply_hard_mask(alpha, moved)
    assert torch.equal(result > 0.5, moved)
    agreed = (alpha > 0.5) == moved
    assert torch.equal(result[agreed], alpha[agreed])
    assert int((~agreed).sum()) == 32
