"""Blank backdrops are bright or black, and lie in the plane of what stands around."""

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.simulation.backdrops import SHADE_RANGE, backdrop, clearest, shaded


@pytest.fixture
def drawn(bundled_pictures):
    """Draws a backdrop of 64 px and its shade: drawn(seed)."""
    return lambda seed: backdrop(bundled_pictures, 64, torch.Generator().manual_seed(seed))


def test_backdrops_are_much_brighter_than_what_stands_before_them_or_black(drawn):
    light = {shade: [] for shade in (SHADE_RANGE, (1.0, 1.0))}
    for seed in range(24):
        picture, shade = drawn(seed)
        light[shade].append(float(picture.mean()))
    lit, black = light.values()
    assert 12 <= len(lit) < 24
    assert 0.35 < min(lit) < max(lit) <= 3.01
    assert max(lit) > 1  # overexposed
    assert max(black) < 0.03


def test_a_backdrop_has_no_detail(drawn):
    for seed in range(6):
        picture, _ = drawn(seed)
        detail = (picture - blur(picture, 2.0))[..., 8:-8, 8:-8].abs().mean()
        assert float(detail) < 0.04 * float(picture.mean())


def test_shaded_surfaces_are_darker_by_one_factor_and_cover_as_much():
    layer = torch.rand(3, 4, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.1
    dim = shaded(layer, (0.1, 0.2), torch.Generator().manual_seed(1))
    assert torch.equal(dim[:, 3:], layer[:, 3:])
    part = dim[:, :3] / layer[:, :3]
    assert 0.1 <= float(part.min()) < float(part.max()) <= 0.2
    torch.testing.assert_close(part, part[:, :1, :1, :1].expand_as(part))


@pytest.fixture
def leg():
    """A bar in focus in plane 2 of 6, before a backdrop: its cover, how sharp, and depth."""
    sharp = torch.zeros(64, 64)
    sharp[:, 24:40] = 1
    cover = torch.cat([blur(sharp[None], 2.0 * abs(plane - 2)) for plane in range(6)])
    return cover, sharp, torch.where(sharp > 0, 2.0, 5.0)


def test_beside_what_stands_before_it_a_backdrop_is_best_seen_in_the_plane_of_that(leg):
    cover, sharp, depth = leg
    best = clearest(cover, sharp, depth, depth == 5)
    assert (best[:, 18:46] == 2).all()


def test_far_from_it_all_planes_show_the_backdrop_alike_and_it_stays_with_what_is_around(leg):
    cover, sharp, depth = leg
    assert (clearest(cover, sharp, depth, depth == 5) == 2).all()


def test_between_two_surfaces_no_blurred_light_of_either_is_taken():
    sharp = torch.zeros(2, 64, 96)
    sharp[0, :, :30], sharp[1, :, 66:] = 1, 1
    bare = [
        (1 - blur(sharp[:1], abs(plane - 1.0))) * (1 - blur(sharp[1:], abs(plane - 6.0)))
        for plane in range(8)
    ]
    cover = 1 - torch.cat(bare)
    depth = torch.where(sharp[0] > 0, 1.0, torch.where(sharp[1] > 0, 6.0, 7.0))
    best = clearest(cover, sharp.amax(0), depth, depth == 7)
    found = cover.gather(0, best.long()[None])[0]
    bare = depth == 7
    assert float(found[bare].max()) < 0.03
    assert (best[:, 32] == 1).all()
    assert (best[:, 63] == 6).all()
