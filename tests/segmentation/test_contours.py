"""Parts of a mask that are closed where nothing is to be seen join their surroundings."""

import pytest
import torch

from napari_focusstack.segmentation.contours import MOST_LOG_ODDS, join_blank_parts

SIDE = 48
HERE = (..., slice(12, 22), slice(20, 30))


def part_of(value):
    """A mask of one side with a part of the other."""
    mask = torch.full((1, SIDE, SIDE), not value)
    mask[HERE] = value
    return mask


@pytest.fixture
def blank():
    return torch.full((3, SIDE, SIDE), 0.5)


@pytest.fixture
def outlined(blank):
    plane = blank.clone()
    plane[HERE] = 0.6
    return plane


@pytest.mark.parametrize("value", [True, False])
def test_a_part_without_an_edge_joins_its_surroundings(value, blank):
    joined = join_blank_parts(part_of(value), torch.zeros(1, SIDE, SIDE), blank, blank)
    assert (joined != value).all()


@pytest.mark.parametrize("plane", ["near", "far"])
def test_a_part_with_an_edge_in_either_plane_stays(plane, blank, outlined):
    planes = (outlined, blank) if plane == "near" else (blank, outlined)
    mask = part_of(False)
    assert torch.equal(join_blank_parts(mask, torch.zeros(1, SIDE, SIDE), *planes), mask)


def test_a_part_of_which_the_networks_are_certain_stays(blank):
    mask, odds = part_of(True), torch.full((1, SIDE, SIDE), MOST_LOG_ODDS + 0.5)
    assert torch.equal(join_blank_parts(mask, odds, blank, blank), mask)
    assert torch.equal(join_blank_parts(~mask, -odds, blank, blank), ~mask)


def test_a_large_part_stays(blank):
    mask = torch.zeros(1, SIDE, SIDE, dtype=torch.bool)
    mask[..., :20] = True
    assert torch.equal(join_blank_parts(mask, torch.zeros(1, SIDE, SIDE), blank, blank), mask)


def test_a_part_at_the_border_joins_and_an_empty_mask_stays(blank):
    mask = torch.ones(1, SIDE, SIDE, dtype=torch.bool)
    mask[..., :5, :5] = False
    zeros = torch.zeros(1, SIDE, SIDE)
    assert join_blank_parts(mask, zeros, blank, blank).all()
    assert not join_blank_parts(~torch.ones_like(mask), zeros, blank, blank).any()


def test_noise_keeps_every_contour():
    noisy = 0.5 + 0.02 * torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    mask = part_of(True)
    assert torch.equal(join_blank_parts(mask, torch.zeros(1, SIDE, SIDE), noisy, noisy), mask)
