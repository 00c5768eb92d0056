"""Foreground layers: an alpha and its filling, premultiplied, or a cutout with its own matte."""

import pytest
import torch

from napari_focusstack.simulation import foreground as module
from napari_focusstack.simulation.foreground import foreground, random_alpha
from napari_focusstack.simulation.material import CUTOUT_PX, SHAPE_PX, SourceImages

BLUE = (0, 0, 255)
#: Photos and cutouts of this side make for fast tests, px.
SMALL_PX = 64
NO_SHAPES = torch.empty(0, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8)
NO_CUTOUTS = torch.empty(0, 4, CUTOUT_PX, CUTOUT_PX, dtype=torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def disk(side, radius):
    """A round hard alpha in the middle, (side, side) uint8."""
    grid = torch.arange(side) - (side - 1) / 2
    return ((torch.hypot(grid[:, None], grid) < radius) * 255).byte()


def material(colour=None, shapes=NO_SHAPES, cutouts=NO_CUTOUTS):
    """Material with photos of one colour, or all detail."""
    if colour is None:
        photos = torch.randint(0, 256, (2, 3, SMALL_PX, SMALL_PX), generator=generator(99)).byte()
    else:
        photos = torch.tensor(colour, dtype=torch.uint8)[None, :, None, None]
        photos = photos.expand(1, 3, SMALL_PX, SMALL_PX).contiguous()
    return SourceImages(photos, shapes, cutouts)


def cutout(alpha, colour=(255, 0, 0), side=SMALL_PX):
    """One cutout of one colour, red if not said, (1, 4, side, side)."""
    picture = torch.empty(1, 4, side, side, dtype=torch.uint8)
    picture[0, :3] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    picture[0, 3] = alpha
    return picture


def grey_backgrounds(count, side, light=0.3):
    return torch.full((count, 3, side, side), light)


STORED = disk(SHAPE_PX, 70)[None, None]
KINDS = pytest.mark.parametrize(
    "kind", [material(), material(shapes=STORED)], ids=["procedural", "stored"]
)


@KINDS
def test_alphas_have_the_size_asked_for_and_a_seed_makes_them_again(kind):
    first, again, other = (random_alpha(kind, 6, 72, generator(seed)) for seed in (1, 1, 2))
    assert first.shape == (6, 1, 72, 72)
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 1 + 1e-6
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@KINDS
def test_random_alphas_mix_solid_shapes_with_fine_ones_and_cover_neither_all_nor_nothing(kind):
    coverage = random_alpha(kind, 64, 64, generator(8)).mean((1, 2, 3))
    assert 0.25 < float(coverage.mean()) < 0.75
    assert float(coverage.std()) > 0.15


def test_stored_shapes_are_used():
    # A picture of one small speck leaves most of the foregrounds drawn from it almost empty.
    speck = disk(SHAPE_PX, 3)[None, None]
    empty = [
        float((random_alpha(kind, 64, 64, generator(9)).mean((1, 2, 3)) < 0.01).float().mean())
        for kind in (material(shapes=speck), material())
    ]
    assert empty[0] > empty[1] + 0.2


def test_a_fifth_of_the_alphas_grow_hair(monkeypatch):
    grown = []

    def count(alpha, rng):
        grown.append(len(alpha))
        return alpha

    monkeypatch.setattr(module, "fringe", count)
    random_alpha(material(), 300, 16, generator(10))
    assert sum(grown) == pytest.approx(60, abs=20)


def test_a_fifth_of_the_alphas_have_a_soft_edge(monkeypatch):
    # Edges as hard as can be, were it not for the softening.
    half = (torch.arange(32) < 16).float().expand(1, 1, 32, 32)
    monkeypatch.setattr(module, "blobs", lambda count, side, rng: half.repeat(count, 1, 1, 1))
    for name in ("mesh", "filaments"):
        monkeypatch.setattr(module, name, lambda n, side, rng: torch.zeros(n, 1, side, side))
    monkeypatch.setattr(module, "fringe", lambda alpha, rng: alpha)
    alpha = random_alpha(material(), 400, 32, generator(11))
    width = ((alpha > 0.02) & (alpha < 0.98))[:, 0, 8].sum(1)
    assert float((width > 0).float().mean()) == pytest.approx(0.17, abs=0.07)
    assert 8 <= int(width.max()) <= 12  # a Gaussian of 2.5 px rises from 0.02 to 0.98 in 10 px


@KINDS
def test_layers_are_premultiplied(kind):
    layer = foreground(kind, grey_backgrounds(24, 64), 0.3, 0.0, generator(2))
    assert layer.shape == (24, 4, 64, 64)
    assert torch.isfinite(layer).all()
    assert layer.min() >= 0
    assert layer[:, 3].max() <= 1 + 1e-6
    assert float((layer[:, :3] - layer[:, 3:]).max()) < 1e-6
    assert float(layer[:, :3].max()) > 0.9


def test_a_seed_makes_the_same_layers():
    kind = material(cutouts=cutout(disk(SMALL_PX, 20)))
    first, again, other = (
        foreground(kind, grey_backgrounds(3, 48), 0.3, 0.5, generator(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("mattes", [0.0, 0.3, 1.0])
def test_the_share_with_the_matte_of_a_cutout_is_the_one_asked_for(mattes):
    # Nothing of these cutouts is opaque, while every other layer is so somewhere.
    kind = material((255, 255, 255), cutouts=cutout(102))
    layer = foreground(kind, grey_backgrounds(300, 32), 0.0, mattes, generator(3))
    most = layer[:, 3].amax((1, 2))
    matted = most < 0.5
    assert float(matted.float().mean()) == pytest.approx(mattes, abs=0.08)
    shown = layer[matted, 3].flatten(1).median(1).values
    shown = shown[shown > 0.3]  # those that fill most of the picture
    assert len(shown) >= 100 * mattes
    torch.testing.assert_close(shown, torch.full_like(shown, 102 / 255), atol=0.02, rtol=0)


def test_without_cutouts_the_share_of_mattes_is_of_no_account():
    kind = material()
    none, all_ = (
        foreground(kind, grey_backgrounds(4, 48), 0.3, mattes, generator(4)) for mattes in (0, 1)
    )
    assert torch.equal(none, all_)


def test_half_of_the_mattes_come_in_the_colours_of_their_cutout():
    kind = material(BLUE, cutouts=cutout(disk(SMALL_PX, 30)))
    layer = foreground(kind, grey_backgrounds(200, 32), 0.0, 1.0, generator(5))
    red, green, blue, alpha = layer.sum((2, 3)).T
    seen = alpha > 1
    assert float(seen.float().mean()) > 0.9
    own = red[seen] > 0
    assert float(own.float().mean()) == pytest.approx(0.5, abs=0.12)
    torch.testing.assert_close(red[seen][own], alpha[seen][own], rtol=1e-3, atol=0)
    assert float(green[seen][own].max() + blue[seen][own].max()) < 1e-4
    # The others are filled as any layer is: premultiplied, and blue all over.
    share = (blue / alpha)[seen][~own]
    assert float(share.max()) <= 1 + 1e-4
    assert float(share.median()) > 0.7


def test_the_colours_of_a_cutout_become_linear_light():
    kind = material((0, 0, 0), cutouts=cutout(disk(SMALL_PX, 30), (188, 188, 188)))
    layer = foreground(kind, grey_backgrounds(40, 32), 0.0, 1.0, generator(6))
    light, alpha = layer[:, 0].sum((1, 2)), layer[:, 3].sum((1, 2))
    # 188 / 255 in sRGB is half the light.
    assert float((light / alpha)[light > 1].median()) == pytest.approx(0.5, abs=0.01)


def test_cutouts_are_shown_whole_or_in_part_up_to_about_their_own_size():
    side, radius = 72, 12
    kind = material((255, 255, 255), cutouts=cutout(disk(240, radius), side=240))
    alpha = foreground(kind, grey_backgrounds(120, side), 0.0, 1.0, generator(7))[:, 3]
    edge = torch.ones(side, side, dtype=torch.bool)
    edge[4:-4, 4:-4] = False
    whole = (alpha[:, edge].amax(1) == 0) & (alpha.amax((1, 2)) > 0)
    zoom = (alpha[whole].sum((1, 2)) / torch.pi).sqrt() / radius
    assert int(whole.sum()) > 30
    assert 0.23 < float(zoom.min()) < 0.32  # the whole cutout: 72 / 240, give or take a fifth
    assert 1.0 < float(zoom.max()) < 1.36


def test_cutouts_are_mirrored_half_of_the_time():
    # A turn by less than a right angle leaves the foot of an L on its side, a mirror does not.
    letter = torch.zeros(SMALL_PX, SMALL_PX, dtype=torch.uint8)
    letter[24:40, 30:32] = 255
    letter[38:40, 30:40] = 255
    kind = material((255, 255, 255), cutouts=cutout(letter))
    alpha = foreground(kind, grey_backgrounds(200, 64), 0.0, 1.0, generator(8))[:, 3]
    edge = torch.ones(64, 64, dtype=torch.bool)
    edge[2:-2, 2:-2] = False
    alpha = alpha[(alpha[:, edge].amax(1) == 0) & (alpha.sum((1, 2)) > 20)]
    grid = torch.arange(64.0)
    weight = alpha / alpha.sum((1, 2), keepdim=True)
    middle = (weight * grid).sum((1, 2), keepdim=True)
    skew = (weight * (grid - middle) ** 3).sum((1, 2))
    assert len(alpha) > 30
    assert float((skew > 0).float().mean()) == pytest.approx(0.5, abs=0.15)


def test_a_fifth_of_the_layers_are_as_bright_as_what_is_behind_them():
    dark = grey_backgrounds(300, 32, 0.02)
    layer = foreground(material(), dark, 0.0, 0.0, generator(9))
    brightness = layer[:, :3].sum((1, 2, 3)) / (3 * layer[:, 3].sum((1, 2)))
    alike = brightness < 0.03
    assert float(alike.float().mean()) == pytest.approx(0.2, abs=0.06)
    assert float(brightness[alike].mean()) == pytest.approx(0.02, rel=0.1)
    assert float(brightness[~alike].min()) > 0.15
