"""Fillings of layers: crops of photos, or surfaces without fine detail."""

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.srgb import linear_to_srgb
from napari_focusstack.simulation.material import CUTOUT_PX, PHOTO_PX, SHAPE_PX, SourceImages
from napari_focusstack.simulation.textures import texture


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def material(photos):
    """Material of photos alone."""
    return SourceImages(
        photos,
        torch.empty(0, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8),
        torch.empty(0, 4, CUTOUT_PX, CUTOUT_PX, dtype=torch.uint8),
    )


@pytest.fixture(scope="module")
def grainy():
    """Photos that are all fine detail."""
    photos = torch.randint(0, 256, (4, 3, 120, 120), generator=generator(99)).byte()
    return material(photos)


@pytest.fixture(scope="module")
def halves():
    """One photo, its left half black and its right half white."""
    right = torch.arange(PHOTO_PX) >= PHOTO_PX // 2
    return material((right * 255).byte().expand(1, 3, PHOTO_PX, PHOTO_PX).contiguous())


def fine_detail(light):
    """Root mean square of what a blur of 2 px takes from each picture, away from the border."""
    lost = (light - blur(light, 2.0))[..., 8:-8, 8:-8]
    return lost.square().mean((1, 2, 3)).sqrt()


@pytest.mark.parametrize("flat", [0.0, 0.5, 1.0])
def test_textures_are_light_of_the_size_asked_for(grainy, flat):
    light = texture(grainy, 5, 72, flat, generator())
    assert light.shape == (5, 3, 72, 72)
    assert light.dtype == torch.float32
    assert light.min() >= 0
    assert light.max() <= 1


def test_a_seed_makes_the_same_textures(grainy):
    first, again, other = (texture(grainy, 4, 48, 0.5, generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_photos_keep_their_detail_and_flat_surfaces_have_none(grainy):
    with_detail = fine_detail(texture(grainy, 48, 72, 0.0, generator(2)))
    without = fine_detail(texture(grainy, 48, 72, 1.0, generator(2)))
    assert float(with_detail.min()) > 0.1
    assert float(without.max()) < 0.05
    assert float(with_detail.median()) > 15 * float(without.median())


def test_the_share_without_detail_is_the_one_asked_for(grainy):
    detail = fine_detail(texture(grainy, 300, 48, 0.3, generator(3)))
    assert float((detail < 0.06).float().mean()) == pytest.approx(0.3, abs=0.07)


def test_a_part_of_the_flat_surfaces_keeps_the_coarse_colours_of_a_photo(halves):
    flat, sharp = (
        linear_to_srgb(texture(halves, 60, 144, share, generator(4))) for share in (1.0, 0.0)
    )
    # Where the halves meet, a photo jumps by most of the range, a flat surface by a trace at most.
    assert float(sharp.diff(dim=-1).abs().max()) > 0.5
    assert float(flat.diff(dim=-1).abs().max()) < 0.14
    coarse = flat.std((1, 2, 3)) > 0.1
    assert 0.2 < float(coarse.float().mean()) < 0.55  # two in five
    assert float(flat.std((1, 2, 3))[~coarse].median()) < 0.06


def test_half_of_the_surfaces_of_one_colour_are_painted():
    black = material(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    colour = linear_to_srgb(texture(black, 400, 16, 1.0, generator(5))).mean((2, 3))
    painted = colour.amax(1) > 0.001
    # 0.6 are of one colour, the others the coarse colours of a black photo.
    assert float(painted.float().mean()) == pytest.approx(0.3, abs=0.07)
    darkest, _, brightest = colour[painted].sort(1).values.T
    assert float(brightest.max()) > 0.8
    assert float(darkest.min()) < 0.1
    assert 0.05 < float((brightest - darkest).mean()) < 0.25  # tinted, not gaudy


def test_a_photo_is_painted_only_where_it_has_no_detail():
    black = material(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    assert texture(black, 64, 16, 0.0, generator(6)).max() == 0


def test_photos_differ_in_contrast_and_some_are_shaded():
    grid = torch.arange(128) // 4
    checked = 96 + 64 * ((grid[:, None] + grid) % 2)  # 96 and 160: stays in range
    photos = material(checked.byte().expand(1, 3, -1, -1).contiguous())
    coded = linear_to_srgb(texture(photos, 200, 64, 0.0, generator(7)))
    contrast = coded.std((1, 2, 3)) / (32 / 255)
    assert 0.45 < float(contrast.min()) < 0.7
    assert 1.0 < float(contrast.max()) < 1.5
    cells = torch.nn.functional.avg_pool2d(coded, 16)  # two squares each way average out
    uneven = cells.std((1, 2, 3)) / cells.mean((1, 2, 3))
    assert 0.2 < float((uneven > 0.04).float().mean()) < 0.6


def test_every_photo_is_drawn():
    levels = torch.tensor([40, 120, 220], dtype=torch.uint8)
    photos = levels[:, None, None, None].expand(-1, 3, 32, 32).contiguous()
    coded = linear_to_srgb(texture(material(photos), 90, 16, 0.0, generator(8))).mean((1, 2, 3))
    for level in levels.tolist():
        share = float(((coded * 255 - level).abs() < 20).float().mean())
        assert share == pytest.approx(1 / 3, abs=0.15)
