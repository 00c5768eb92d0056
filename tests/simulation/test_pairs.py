"""Synthetic pairs obey the imaging model, and come with their truth."""

import math
from dataclasses import replace

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.srgb import srgb_to_linear
from napari_focusstack.simulation import pairs as synthesis
from napari_focusstack.simulation.material import SourceImages
from napari_focusstack.simulation.pairs import KEB_SCENES, Lens, SceneParameters, _move, synthesise

PURE = SceneParameters(second_layer=0, third_layer=0, curved=0, defects=0, sigma_px=(2.0, 4.0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def material():
    rng = generator(99)
    photos = torch.randint(0, 256, (4, 3, 128, 128), generator=rng).byte()
    cutouts = torch.randint(0, 256, (2, 4, 96, 96), generator=rng).byte()
    shapes = torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    shapes[:, :, 16:48, 16:48] = 255
    return SourceImages(photos, shapes, cutouts)


@pytest.fixture(scope="module")
def pure(material):
    """Pairs of the pure model: one layer, no defects."""
    return synthesise(material, 12, 64, generator(1), PURE)


@pytest.mark.parametrize("scenes", [SceneParameters(), KEB_SCENES, PURE])
def test_pairs_have_their_shapes_and_ranges(material, scenes):
    pairs = synthesise(material, 6, 48, generator(), scenes)
    assert pairs.planes.shape == (6, 6, 48, 48)
    assert torch.equal(pairs.planes[:, :3], pairs.near)
    assert pairs.alpha.shape == (6, 1, 48, 48)
    assert pairs.all_in_focus.shape == (6, 3, 48, 48)
    assert pairs.sigma_px.shape == (6,)
    for image in (pairs.near, pairs.far, pairs.alpha, pairs.all_in_focus):
        assert torch.isfinite(image).all()
        assert image.min() >= 0
        assert image.max() <= 1 + 1e-5
    low, high = scenes.sigma_px
    assert ((pairs.sigma_px >= low * 0.999) & (pairs.sigma_px <= high * 1.001)).all()


def test_a_seed_makes_the_same_pairs(material):
    first, again, other = (
        synthesise(material, 3, 48, generator(seed), SceneParameters()) for seed in (7, 7, 8)
    )
    for name in ("near", "far", "alpha", "sigma_px", "all_in_focus"):
        assert torch.equal(getattr(first, name), getattr(again, name)), name
    assert not torch.equal(first.near, other.near)


def test_where_the_blurred_foreground_does_not_reach_the_far_plane_is_the_truth(pure):
    clear = blur(pure.alpha, 6.0, "disk") < 1e-6  # further than the widest PSF, 2 sigma or 3 sigma
    clear &= blur(pure.alpha, 4.0) < 1e-6
    clear[..., :17, :] = clear[..., -17:, :] = False  # what lies beyond the border is unknown
    clear[..., :17] = clear[..., -17:] = False
    assert clear.any()
    difference = (srgb_to_linear(pure.far) - pure.all_in_focus).abs().amax(1, keepdim=True)
    assert float(difference[clear].max()) < 1e-3


def test_where_the_foreground_covers_all_the_near_plane_is_the_truth(pure):
    covered = (pure.alpha == 1).expand_as(pure.near)
    assert covered.any()
    difference = (srgb_to_linear(pure.near) - pure.all_in_focus).abs()
    assert float(difference[covered].max()) < 1e-5


def test_the_far_plane_has_a_halo_around_the_foreground(pure):
    veiled = (pure.alpha == 0) & (blur(pure.alpha, 2.0) > 0.2)
    error = (srgb_to_linear(pure.far) - pure.all_in_focus).abs().mean(1, keepdim=True)
    assert float(error[veiled].mean()) > 0.03


def left_half(colours, alpha):
    """A stand-in for foreground: the left half, in one colour after the other."""
    colours = iter(colours)

    def draw(material, background, flat, mattes, rng):
        side = background.shape[-1]
        cover = alpha * (torch.arange(side) < side // 2).float().expand(1, 1, side, side)
        layer = torch.cat([cover * c for c in next(colours)] + [cover], 1)
        return layer.repeat(len(background), 1, 1, 1)

    return draw


@pytest.mark.parametrize(
    ("second", "third", "expected"), [(0, 0, 0.5), (1, 0, 0.75), (0, 1, 0.75), (1, 1, 0.875)]
)
def test_the_alpha_of_several_layers_is_that_of_their_union(
    material, monkeypatch, second, third, expected
):
    monkeypatch.setattr(synthesis, "foreground", left_half([(1, 1, 1)] * 3, 0.5))
    scenes = SceneParameters(second_layer=second, third_layer=third, curved=0, defects=0)
    alpha = synthesise(material, 2, 64, generator(), scenes).alpha
    torch.testing.assert_close(alpha[..., :32], torch.full_like(alpha[..., :32], expected))
    assert (alpha[..., 32:] == 0).all()


def test_more_layers_stand_in_the_share_of_scenes_asked_for(material, monkeypatch):
    monkeypatch.setattr(synthesis, "foreground", left_half([(1, 1, 1)] * 3, 0.5))
    scenes = SceneParameters(second_layer=0.4, third_layer=0.2, curved=0, defects=0)
    alpha = synthesise(material, 200, 8, generator(3), scenes).alpha[:, 0, 0, 0]
    layers = torch.log2(1 / (1 - alpha)).round()
    for count, share in ((1, 0.6 * 0.8), (2, 0.4 * 0.8 + 0.6 * 0.2), (3, 0.4 * 0.2)):
        assert float((layers == count).float().mean()) == pytest.approx(share, abs=0.1)


def test_of_several_layers_the_last_drawn_is_nearest(material, monkeypatch):
    colours = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    monkeypatch.setattr(synthesis, "foreground", left_half(colours, 1.0))
    scenes = SceneParameters(
        second_layer=1, third_layer=1, curved=0, defects=0, sigma_px=(0.7, 1.0)
    )
    pairs = synthesise(material, 2, 64, generator(), scenes)
    blue = torch.tensor([0.0, 0, 1])[:, None, None].expand(2, 3, 64, 20)
    for image in (pairs.near, pairs.far, pairs.all_in_focus):
        torch.testing.assert_close(image[..., :20], blue, atol=1e-4, rtol=0)


def test_each_layer_is_defocused_by_its_own_sigma(material, monkeypatch):
    used = []

    def remember(lens, image, sigma_px):
        used.append(sigma_px.clone())
        return image

    monkeypatch.setattr(Lens, "defocus", remember)
    scenes = SceneParameters(
        second_layer=1.0, third_layer=1.0, curved=0, defects=0, sigma_px=(1.0, 9.0)
    )
    pairs = synthesise(material, 16, 32, generator(4), scenes)
    background, third, second, first = used
    assert torch.equal(first, pairs.sigma_px)
    for other in (background, third, second):
        assert float((other - first).abs().min()) > 0
        ratio = (other / first).log()
        assert 0.15 < float(ratio.std()) < 0.7
        assert float(ratio.mean()) == pytest.approx(0, abs=0.3)
    assert not torch.equal(second, third)


def test_a_curved_background_is_sharp_near_in_one_place_and_far_in_another(material):
    scenes = replace(PURE, curved=1, flat=0, sigma_px=(4.0, 6.0))
    pairs = synthesise(material, 8, 96, generator(2), scenes)

    def detail(image):
        return image.diff(dim=-1)[..., 1:, :].abs() + image.diff(dim=-2)[..., 1:].abs()

    near, far = (detail(image).mean(1) for image in (pairs.near, pairs.far))
    mine = pairs.alpha[:, 0, 1:, 1:]
    for share, sharp, blurred in ((mine > 0.99, near, far), (mine < 0.01, far, near)):
        assert share.float().mean() > 0.05
        assert float(sharp[share].mean()) > 1.5 * float(blurred[share].mean())


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_lens_between_disk_and_gaussian_keeps_sigma(share):
    point = torch.zeros(1, 1, 65, 65)
    point[..., 32, 32] = 1
    spread = Lens(share).defocus(point, torch.tensor([4.0]))[0, 0]
    offset = torch.arange(65.0) - 32
    assert float(spread.sum()) == pytest.approx(1, abs=1e-4)
    sigma = math.sqrt(float((spread.sum(0) * offset**2).sum()))
    assert sigma == pytest.approx(4.0, rel=0.02)


def test_lenses_of_all_kinds_are_drawn():
    shares = [Lens.random(generator(seed)).gaussian_share for seed in range(40)]
    assert {0.0, 1.0} < set(shares)
    assert any(0 < share < 1 for share in shares)


def test_sigmas_are_drawn_log_uniformly(material):
    scenes = replace(PURE, sigma_px=(1.0, 9.0))
    sigmas = torch.cat(
        [synthesise(material, 64, 8, generator(seed), scenes).sigma_px for seed in range(4)]
    )
    assert float(sigmas.log().mean()) == pytest.approx(math.log(3), abs=0.15)


def test_the_size_of_the_defects_changes_the_planes_and_not_the_scene(material):
    faint, full = (
        synthesise(material, 12, 64, generator(1), replace(PURE, defects=defects))
        for defects in (1e-6, 1.0)
    )
    assert torch.equal(faint.alpha, full.alpha)
    assert torch.equal(faint.sigma_px, full.sigma_px)
    for name in ("near", "far"):
        difference = (getattr(faint, name) - getattr(full, name)).abs().mean((1, 2, 3))
        assert float(difference.max()) > 0.02


def spots(count, side, offset):
    """Two layers with a spot left and right of the middle, (count, 2, side, side)."""
    grid = torch.arange(side) - (side - 1) / 2
    spot = [
        torch.exp(-(grid[:, None] ** 2 + (grid - column) ** 2) / 8) for column in (-offset, offset)
    ]
    return torch.stack(spot).expand(count, 2, side, side).clone()


def middles(layers):
    """Rows and columns of the centroid of each layer from the middle, (count, 2, 2)."""
    grid = torch.arange(layers.shape[-1]) - (layers.shape[-1] - 1) / 2
    total = layers.sum((2, 3))
    return torch.stack([(layers.sum(axis) * grid).sum(2) / total for axis in (3, 2)], -1)


@pytest.mark.parametrize(
    ("magnification", "shift_px", "defects"), [(0.1, 0.0, 1.0), (0.0, 1.5, 1.0), (0.05, 0.6, 2.0)]
)
def test_a_third_of_the_layers_move_by_the_deviations_asked_for(magnification, shift_px, defects):
    given = spots(500, 41, 8.0)
    moved = _move(given, magnification, shift_px, defects, generator(5))
    changed = (moved != given).flatten(1).any(1)
    assert float(changed.float().mean()) == pytest.approx(0.35, abs=0.07)
    assert torch.equal(moved[~changed], given[~changed])
    left, right = middles(moved[changed]).unbind(1)
    shift, zoom = (left + right) / 2, (right - left)[:, 1] / 16
    expected = pytest.approx(shift_px * defects, rel=0.15, abs=0.02)
    assert float(shift[:, 0].std()) == expected
    assert float(shift[:, 1].std()) == expected
    assert float(zoom.std()) == pytest.approx(magnification * defects, rel=0.2, abs=0.002)
    assert float(zoom.mean()) == pytest.approx(1, abs=0.03)


def test_without_defects_nothing_moves():
    given = spots(3, 33, 5.0)
    assert _move(given, 0.1, 1.0, 0.0, generator()) is given


def test_without_shapes_and_cutouts_there_are_still_scenes(material):
    bare = SourceImages(
        material.photos,
        torch.empty(0, 1, 64, 64, dtype=torch.uint8),
        torch.empty(0, 4, 96, 96, dtype=torch.uint8),
    )
    pairs = synthesise(bare, 8, 48, generator(), SceneParameters())
    assert 0.1 < float(pairs.alpha.mean()) < 0.9
