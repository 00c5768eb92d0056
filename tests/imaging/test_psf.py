"""Breathing: the foreground moves between the planes, and is moved back before it is removed."""

import math

import pytest
import torch

from napari_focusstack.elimination import blockwise as elimination
from napari_focusstack.elimination.alpha_matting import refine_alpha
from napari_focusstack.elimination.blockwise import eliminate
from napari_focusstack.elimination.diffusion import transition_region, unmix
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.image_formation import over, premultiply
from napari_focusstack.imaging.psf import Psf, gather_blur
from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
from napari_focusstack.psf_estimation.search import fit
from napari_focusstack.segmentation.focus_map import FocusMap

SIDE = 128
CENTRE = [(-(SIDE - 1) / 2, -(SIDE - 1) / 2)]


def spot(row, column, sigma_px=3.0):
    """A Gaussian spot, (1, 1, SIDE, SIDE)."""
    place = torch.arange(SIDE, dtype=torch.float32)
    profile = torch.exp(-(((place[:, None] - row) ** 2 + (place - column) ** 2) / 2 / sigma_px**2))
    return profile[None, None]


def breathe(scene, breathing, sigma_px):
    """Return the far plane of a scene whose foreground moves."""
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    layer = premultiply(scene.foreground, scene.alpha)[None]
    return over(
        Psf(sigma_px, breathing=breathing).scatter_blur(layer, origins), scene.background[None]
    )[0]


def psnr_in(region, image, truth):
    return -10 * math.log10(float((image - truth).square()[:, region].mean()))


def test_nothing_moves_by_default():
    layer = spot(40, 50)
    assert Breathing().move(layer, CENTRE) is layer
    assert Breathing().reach_px((2048, 2048)) == 0


def test_a_shift_moves_rows_and_columns():
    moved = Breathing(shift_px=(4.0, -6.0)).move(spot(40, 50), CENTRE)
    assert torch.allclose(moved, spot(44, 44), atol=2e-3)


def test_a_magnification_moves_away_from_the_centre_and_widens():
    moved = Breathing(magnification=1.2).move(spot(43.5, 83.5), CENTRE)
    # 20 px above and right of the centre at 63.5 become 24 px.
    assert torch.allclose(moved, spot(39.5, 87.5, sigma_px=3.6), atol=0.02)


def test_a_piece_moves_as_it_does_in_the_whole_image():
    breathing = Breathing(1.05, (1.5, -2.0))
    layer = spot(50, 70, sigma_px=8.0)
    whole = breathing.move(layer, CENTRE)
    piece = breathing.move(layer[..., 20:100, 30:120], [(CENTRE[0][0] + 20, CENTRE[0][1] + 30)])
    assert torch.allclose(piece[..., 10:-10, 10:-10], whole[..., 30:90, 40:110], atol=1e-5)


def test_nothing_moves_further_than_is_said():
    breathing = Breathing(1.1, (3.0, 4.0))
    assert breathing.reach_px((60, 80)) >= 0.1 * 50 + 5


def test_a_signed_layer_keeps_its_sign():
    moved = Breathing(shift_px=(2.0, 0.0)).move(-spot(40, 50), CENTRE)
    assert float(moved.min()) == pytest.approx(-1, abs=0.01)


def test_breathing_is_found_and_a_still_scene_stays_still(make_scene):
    scene = make_scene(3.0, side=SIDE)
    true = Breathing(1.03, (1.0, -2.0))
    moving = fit(
        BoundaryPatches.from_pair(scene.near, breathe(scene, true, 3.0), scene.alpha), "gaussian"
    )
    still = fit(BoundaryPatches.from_pair(scene.near, scene.far, scene.alpha), "gaussian")
    assert still.breathing.still
    assert moving.breathing.magnification == pytest.approx(1.03, abs=0.01)
    assert moving.breathing.shift_px == pytest.approx((1.0, -2.0), abs=0.6)
    assert moving.sigma_px == pytest.approx(3.0, rel=0.12)


def test_moving_the_foreground_back_removes_the_veil_that_a_still_model_leaves(make_scene):
    scene = make_scene(3.0, side=SIDE)
    true = Breathing(1.03, (1.0, -2.0))
    far = breathe(scene, true, 3.0)
    region = transition_region(scene.alpha, blur(scene.alpha, 3.0))[0]
    args = scene.near[None], far[None], scene.alpha[None]
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    still, moving = (
        psnr_in(region, unmix(*args, Psf(3.0, 3.0, breathing=b), origins)[0], scene.truth)
        for b in (Breathing(), true)
    )
    assert moving > still + 6


def test_blocks_see_the_motion_of_the_whole_image(make_scene, monkeypatch, light_of):
    monkeypatch.setattr(elimination, "BLOCK_PX", 96)
    scene = make_scene(2.0, side=2 * SIDE)
    psf = Psf(2.0, 2.0, breathing=Breathing(1.02, (1.0, 1.0)))
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    near, far, alpha = scene.near[None], scene.far[None], scene.alpha[None]
    whole = unmix(near, far, refine_alpha(near, alpha), psf, origins)[0]
    light = light_of([scene.near, scene.far])
    blocks = 0
    for where, region, found in eliminate(light, FocusMap.of_pair(scene.alpha), psf):
        assert torch.allclose(found, whole[:, *where][:, region], atol=1e-4)
        blocks += 1
    assert blocks > 1


@pytest.fixture
def layer():
    """A smooth layer, premultiplied, whose right half is empty, (1, 4, 160, 160)."""
    rng = torch.Generator().manual_seed(3)
    colours = torch.nn.functional.interpolate(
        torch.rand(1, 3, 20, 20, generator=rng), (160, 160), mode="bilinear"
    )
    return premultiply(colours, (torch.arange(160) < 80).float().expand(1, 1, 160, 160))


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize(("sigma_px", "most"), [(0.3, 1e-6), (1.5, 0.03), (3.0, 0.06)])
def test_each_distance_is_blurred_by_its_own_sigma(layer, sigma_px, most, shape):
    steps = torch.tensor([1.0, 2, 3, 6]).repeat_interleave(40)[:, None].expand(1, 1, 160, 160)
    exact = sum(blur(layer * (steps == step), sigma_px * step, shape) for step in (1.0, 2, 3, 6))
    exact = exact / exact[:, -1:].clamp(min=1)
    found = Psf(sigma_px, shape=shape).scatter_blur(layer, CENTRE, steps)
    assert float((found - exact).abs().max()) < most
    assert float((found - exact).square().mean().sqrt()) < most / 8
    assert float((found - layer).abs().max()) > 5 * most


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
def test_each_place_is_blurred_by_the_sigma_there(layer, shape):
    steps = torch.tensor([1.0, 2, 4, 8]).repeat_interleave(40).expand(1, 1, 160, 160)
    found = gather_blur(layer, 2.0, shape, steps)
    for number, step in enumerate((1.0, 2, 4, 8)):
        inner = slice(40 * number + 4, 40 * number + 36)
        exact = blur(layer, 2.0 * step, shape)
        torch.testing.assert_close(found[..., inner], exact[..., inner], atol=0.015, rtol=0)


def test_a_veil_explains_the_planes_if_it_leaves_clearly_less_than_none():
    assert Psf(1.0, residual=0.5, residual_without_occlusion=1.0).is_significant
    assert not Psf(1.0, residual=0.99, residual_without_occlusion=1.0).is_significant
    assert Psf(
        1.0, residual=1.0, residual_without_occlusion=1.0, max_residual_ratio=math.inf
    ).is_significant
    assert not Psf(
        1.0, residual=0.9, residual_without_occlusion=1.0, max_residual_ratio=0.8
    ).is_significant
