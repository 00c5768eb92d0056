"""Synthetic pairs obey the imaging model, and come with their truth."""

import math

import pytest
import torch

from napari_focusstack.optics import blur, srgb_to_linear
from napari_focusstack.training import synthesis
from napari_focusstack.training.material import Material
from napari_focusstack.training.synthesis import (
    KEB_SCENES,
    Lens,
    SceneParameters,
    synthesise,
)

PURE = SceneParameters(second_layer=0, curved=0, defects=0, sigma_px=(2.0, 4.0))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def material():
    rng = generator(99)
    photos = torch.randint(0, 256, (4, 3, 320, 320), generator=rng).byte()
    cutouts = torch.randint(0, 256, (2, 4, 160, 160), generator=rng).byte()
    shapes = torch.zeros(2, 1, 160, 160, dtype=torch.uint8)
    shapes[:, :, 40:120, 40:120] = 255
    return Material(photos, shapes, cutouts)


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
    clear = blur(pure.alpha, 6.0, "disk") == 0  # further than the widest PSF, 2 sigma or 3 sigma
    clear &= blur(pure.alpha, 4.0) < 1e-6
    clear[..., :17, :] = clear[..., -17:, :] = False  # what lies beyond the border is not seen
    clear[..., :17] = clear[..., -17:] = False
    assert clear.any()
    difference = (srgb_to_linear(pure.far) - pure.all_in_focus).abs().amax(1, keepdim=True)
    assert float(difference[clear].max()) < 1e-3


def test_where_the_foreground_covers_all_the_near_plane_is_the_truth(pure):
    covered = (pure.alpha == 1).expand_as(pure.near)
    assert covered.any()
    difference = (srgb_to_linear(pure.near) - pure.all_in_focus).abs()
    assert float(difference[covered].max()) < 1e-5


def test_the_far_plane_is_veiled_around_the_foreground(pure):
    veiled = (pure.alpha == 0) & (blur(pure.alpha, 2.0) > 0.2)
    error = (srgb_to_linear(pure.far) - pure.all_in_focus).abs().mean(1, keepdim=True)
    assert float(error[veiled].mean()) > 0.03


def test_the_alpha_of_two_layers_is_that_of_their_union(material, monkeypatch):
    def white(material, count, side, flat, rng):
        left = (torch.arange(side) < side // 2).float().expand(count, 1, side, side)
        return left.repeat(1, 4, 1, 1) * 0.5

    monkeypatch.setattr(synthesis, "_foreground", white)
    scenes = SceneParameters(second_layer=1, curved=0, defects=0)
    alpha = synthesise(material, 2, 64, generator(), scenes).alpha
    torch.testing.assert_close(alpha[..., :32], torch.full_like(alpha[..., :32], 0.75))
    assert (alpha[..., 32:] == 0).all()


def test_a_curved_background_is_sharp_near_in_one_place_and_far_in_another(material):
    scenes = SceneParameters(second_layer=0, curved=1, defects=0, flat=0, sigma_px=(4.0, 6.0))
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
    scenes = SceneParameters(sigma_px=(1.0, 9.0), second_layer=0, curved=0, defects=0)
    sigmas = torch.cat(
        [synthesise(material, 64, 8, generator(seed), scenes).sigma_px for seed in range(4)]
    )
    assert float(sigmas.log().mean()) == pytest.approx(math.log(3), abs=0.15)


def test_defects_change_the_planes_and_not_the_truth(material, pure):
    # The scene itself is drawn before the camera: only the far layer's breathing comes between.
    noisy = synthesise(material, 12, 64, generator(1), SceneParameters(**{
        **vars(PURE), "defects": 1.0,
    }))  # fmt: skip
    assert torch.equal(noisy.alpha, pure.alpha)
    assert torch.equal(noisy.sigma_px, pure.sigma_px)
    assert not torch.equal(noisy.far, pure.far)


def test_without_shapes_and_cutouts_there_are_still_scenes(material):
    bare = Material(
        material.photos,
        torch.empty(0, 1, 160, 160, dtype=torch.uint8),
        torch.empty(0, 4, 160, 160, dtype=torch.uint8),
    )
    pairs = synthesise(bare, 8, 48, generator(), SceneParameters())
    assert 0.1 < float(pairs.alpha.mean()) < 0.9
