"""Holes of a depth map: what is known stays, what is not goes on from it smoothly."""

import pytest
import torch

from napari_focusstack.segmentation.depth_inpainting import (
    MIN_CONFIDENCE,
    UNRELIABLE_RADIUS_PX,
    holes,
    inpaint,
    unreliable,
)


@pytest.fixture
def slope():
    """Depth that rises by 0.1 a column and 0.05 a row, (1, 61, 90)."""
    y, x = torch.meshgrid(torch.arange(61.0), torch.arange(90.0), indexing="ij")
    return (1 + 0.1 * x + 0.05 * y)[None]


def unsure(depth, rows, columns):
    confidence = torch.full_like(depth, 0.9)
    confidence[0, rows, columns] = 0.05
    return confidence


def test_only_what_is_not_confident_changes(slope):
    confidence = unsure(slope, slice(20, 40), slice(30, 50))
    confidence[0, 0, 0] = MIN_CONFIDENCE
    wrong = torch.where(confidence < MIN_CONFIDENCE, 99.0, slope)
    answer = inpaint(wrong, confidence)
    hole = holes(confidence)
    assert int(hole.sum()) == 400
    assert torch.equal(answer[~hole], slope[~hole])
    assert (answer[hole] - slope[hole]).abs().max() < 0.6  # wrong is 90 off, and the hole spans 3
    assert (answer[hole] - slope[hole]).abs().mean() < 0.3


def test_a_hole_joins_its_rim_without_a_step(slope):
    answer = inpaint(slope, unsure(slope, slice(10, 50), slice(20, 70)))[0]
    steps = max(answer.diff(dim=axis).abs().max() for axis in (0, 1))
    assert steps < 0.5


def test_a_hole_at_the_border_goes_on_from_the_inside(slope):
    flat = torch.where(slope > 0, 3.0, slope)
    confidence = unsure(flat, slice(0, 25), slice(0, 90))
    torch.testing.assert_close(
        inpaint(torch.where(confidence < MIN_CONFIDENCE, 8.0, flat), confidence), flat
    )


def test_one_known_pixel_fills_all_and_none_fills_nothing(slope):
    confidence = torch.zeros_like(slope)
    assert not holes(confidence).any()
    assert torch.equal(inpaint(slope, confidence), slope)
    confidence[0, 30, 70] = 1
    assert int(holes(confidence).sum()) == slope.numel() - 1
    torch.testing.assert_close(
        inpaint(slope, confidence), slope[0, 30, 70].expand_as(slope).contiguous()
    )


def test_the_more_confident_of_two_neighbours_counts_more():
    depth = torch.tensor([[[2.0, 9.0, 4.0, 9.0]]])
    confidence = torch.tensor([[[0.9, 0.0, 0.3, 0.0]]])
    assert 2 < float(inpaint(depth, confidence)[0, 0, 1]) < 3


def test_depth_is_a_guess_where_nothing_around_is_sure():
    confidence = torch.zeros(1, 40, 40)
    confidence[:, 20, 20] = 0.5
    known = ~unreliable(confidence)
    side = slice(20 - UNRELIABLE_RADIUS_PX, 21 + UNRELIABLE_RADIUS_PX)
    assert known[:, side, side].all()
    assert int(known.sum()) == (2 * UNRELIABLE_RADIUS_PX + 1) ** 2
