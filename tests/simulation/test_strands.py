"""Strands: free ones are thin unbroken lines; a fringe grows hair out of contours."""

import pytest
import torch
from scipy import ndimage

from napari_focusstack.simulation.shapes import soft_step
from napari_focusstack.simulation.strands import filaments, fringe

SIDE, RADIUS = 96, 20


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def distance_px():
    """How far each pixel of a picture is from its middle, (SIDE, SIDE)."""
    grid = torch.arange(SIDE) - (SIDE - 1) / 2
    return torch.hypot(grid[:, None], grid)


def disks(count):
    """Round alphas, (count, 1, SIDE, SIDE)."""
    return soft_step(RADIUS - distance_px(), 1.2).repeat(count, 1, 1, 1)


@pytest.fixture(scope="module")
def hairy():
    """The hair alone, (32, SIDE, SIDE), that stands out beyond the edge of disks."""
    return fringe(disks(32), generator(1))[:, 0] * (distance_px() > RADIUS + 1)


@pytest.mark.parametrize("make", [filaments, lambda n, s, rng: fringe(torch.rand(n, 1, s, s), rng)])
def test_strands_are_alphas_of_the_size_asked_for(make):
    alpha = make(6, 72, generator())
    assert alpha.shape == (6, 1, 72, 72)
    assert alpha.dtype == torch.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@pytest.mark.parametrize("make", [filaments, lambda n, s, rng: fringe(disks(n), rng)])
def test_a_seed_makes_the_same_strands(make):
    first, again, other = (make(3, 64, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_filaments_are_thin():
    alpha = filaments(32, 128, generator(3))
    seen = alpha.amax((1, 2, 3)) > 0.9
    assert float(seen.float().mean()) > 0.8
    for picture in alpha[seen, 0].numpy():
        # The largest circle that fits into crossing strands of at most 6 px stays small ...
        assert ndimage.distance_transform_edt(picture > 0.5).max() < 9
    # ... and a strand on its own is 0.7 to 6 px wide.
    one = filaments(48, 128, generator(4), strands=1)
    depths = [ndimage.distance_transform_edt(picture > 0.5).max() for picture in one[:, 0].numpy()]
    assert 0 < max(depths) <= 4


def test_one_filament_is_an_unbroken_line():
    for picture in filaments(24, 128, generator(5), strands=1)[:, 0].numpy():
        _, pieces = ndimage.label(picture > 0, structure=[[1] * 3] * 3)
        assert pieces <= 3  # it may leave the picture and come back, never fall apart


def test_a_fringe_takes_nothing_from_what_it_grows_on():
    alpha = disks(8)
    grown = fringe(alpha, generator(1))
    assert (grown >= alpha).all()
    assert torch.equal(grown[alpha == 1], alpha[alpha == 1])


def test_a_fringe_stands_out_from_every_contour_and_thins_with_distance(hairy):
    def share(first, last):
        ring = (distance_px() >= RADIUS + first) & (distance_px() < RADIUS + last)
        return (hairy[:, ring] > 0.05).float().mean(1)

    assert float(share(2, 5).min()) > 0.1  # no picture is left bald
    means = [float(share(first, first + 3).mean()) for first in (2, 6, 10, 16)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.35
    assert means[-1] > 0.01


def test_hair_grows_out_of_either_side_of_an_edge_where_the_foreground_is_not():
    upper = (torch.arange(64) < 32).float()[:, None].expand(8, 1, 64, 64)
    for alpha in (upper, 1 - upper):
        gained = (fringe(alpha, generator(2)) - alpha).mean((0, 1, 3))
        outside = alpha[0, 0, :, 0] == 0
        gained = gained[outside] if outside[-1] else gained[outside].flip(0)
        assert float(gained[:2].mean()) > 0.2
        assert float(gained[2:8].mean()) > 0.05
        assert float(gained[20:].sum()) == 0  # no hair is longer than a quarter of 64 px


def test_hair_reaches_from_a_few_pixels_to_a_quarter_of_the_side(hairy):
    reach = torch.stack([distance_px()[hair > 0.05].max() for hair in hairy]) - RADIUS
    assert float(reach.max()) < SIDE / 4 + 4
    assert float(reach.max()) > 15
    assert float(reach.min()) < 8


def test_hair_is_finer_than_two_pixels_and_much_of_it_translucent(hairy):
    for hair in hairy.numpy():
        assert ndimage.distance_transform_edt(hair > 0.5).max() <= 2  # where hairs cross
    shares = [float((hair[hair > 0.02] < 0.9).float().mean()) for hair in hairy]
    assert min(shares) > 0.95
    assert 0.15 < float(hairy[hairy > 0.02].mean()) < 0.5
    assert float(hairy.max()) > 0.9  # yet some hairs hide what is behind them


def test_the_hair_of_a_picture_leans_to_one_side():
    left = (torch.arange(96) < 32).float().expand(48, 1, 96, 96)
    hair = (fringe(left, generator(5)) - left)[:, 0]
    dy, dx = (slope[:, 8:-8, 34:60] for slope in torch.gradient(hair, dim=(1, 2)))
    # The structure tensor tells the common direction of lines; 0 is straight out of the edge.
    across = torch.atan2(2 * (dx * dy).sum((1, 2)), (dx**2 - dy**2).sum((1, 2))) / 2
    slant = torch.remainder(across, torch.pi) - torch.pi / 2
    assert float(slant.abs().median()) > 0.5  # without lean, chance alone gives 0.3
    assert 0.25 < float((slant > 0).float().mean()) < 0.75


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_without_a_contour_nothing_grows(value):
    alpha = torch.full((2, 1, 48, 48), value)
    assert torch.equal(fringe(alpha, generator()), alpha)


def test_a_picture_without_contour_beside_others_stays_as_it_is():
    alpha = torch.cat([disks(1), torch.zeros(1, 1, SIDE, SIDE)])
    grown = fringe(alpha, generator(3))
    assert torch.equal(grown[1], alpha[1])
    assert float((grown[0] - alpha[0]).sum()) > 20


def test_the_more_hairs_the_more_is_covered():
    few, many = (
        float((fringe(disks(8), generator(4), strands=count) - disks(8)).mean())
        for count in (5, 100)
    )
    assert many > 5 * few > 0
