"""Elimination on simulated scenes, whose truth is known."""

import math

import numpy as np
import pytest
import torch
from scipy import special

from napari_focusstack.elimination.diffusion import (
    PSF_TAIL,
    initial_fusion,
    solve_background,
    subtract,
    transition_region,
    unmix,
)
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.image_formation import far_focus, near_focus, over, premultiply
from napari_focusstack.imaging.psf import Psf

CASES = pytest.mark.parametrize(
    ("sigma_px", "shape"), [(2.0, "gaussian"), (3.0, "disk"), (5.0, "gaussian")]
)


def psnr_in(region, image, truth):
    """PSNR in dB of light (..., C, Y, X) over a region (Y, X)."""
    return -10 * math.log10(float((image - truth).square()[..., region].mean()))


def region_of(scene, sigma_px, shape="gaussian"):
    return transition_region(scene.alpha, blur(scene.alpha, sigma_px, shape))[0]


def batch_of(scene):
    """Near plane, far plane and alpha as a batch of one."""
    return scene.near[None], scene.far[None], scene.alpha[None]


@CASES
def test_unmixing_beats_subtraction_and_both_beat_selection(make_scene, sigma_px, shape):
    scene = make_scene(sigma_px, shape=shape)
    args = batch_of(scene)
    psf = Psf(sigma_px, shape=shape)
    region = region_of(scene, sigma_px, shape)
    initial = psnr_in(region, initial_fusion(*args), scene.truth)
    subtracted = psnr_in(region, subtract(*args, psf), scene.truth)
    unmixed = psnr_in(region, unmix(*args, psf).light, scene.truth)
    assert subtracted > initial + 4
    assert unmixed > subtracted + 5
    assert unmixed > 38


@CASES
def test_equation_14_as_printed_is_worse_than_doing_nothing(make_scene, sigma_px, shape):
    scene = make_scene(sigma_px, shape=shape)
    near, far, alpha = batch_of(scene)
    hidden = blur(far * (1 - alpha), sigma_px, shape) / (blur(1 - alpha, sigma_px, shape) + 1e-10)
    initial = initial_fusion(near, far, alpha)
    # the fraction is not multiplied by M
    printed = initial - (1 - alpha) * blur(near * alpha - hidden, sigma_px, shape)
    corrected = initial - (1 - alpha) * blur((near - hidden) * alpha, sigma_px, shape)
    region = region_of(scene, sigma_px, shape)
    assert psnr_in(region, printed, scene.truth) < psnr_in(region, initial, scene.truth) - 3
    ours = subtract(near, far, alpha, Psf(sigma_px, shape=shape))
    torch.testing.assert_close(ours[..., region], corrected[..., region], atol=2e-4, rtol=0)


def test_unmixing_with_a_soft_alpha_beats_the_hard_cut(make_scene):
    scene = make_scene(3.0, softness=4.0)
    region = region_of(scene, 3.0)
    near, far, alpha = batch_of(scene)
    soft = unmix(near, far, alpha, Psf(3.0)).light
    hard = unmix(near, far, (alpha > 0.5).float(), Psf(3.0)).light
    assert psnr_in(region, soft, scene.truth) > psnr_in(region, hard, scene.truth) + 6


def test_a_wrong_sigma_costs_but_still_beats_selection(make_scene):
    scene = make_scene(3.0)
    region = region_of(scene, 3.0)
    args = batch_of(scene)
    right, wide, narrow = (
        psnr_in(region, unmix(*args, Psf(3.0 * off)).light, scene.truth) for off in (1, 1.15, 0.85)
    )
    assert right > max(wide, narrow) + 2
    assert min(wide, narrow) > psnr_in(region, initial_fusion(*args), scene.truth) + 3


def test_the_near_plane_makes_up_for_a_sigma_that_is_too_wide(make_scene):
    # Where K2 is known, b * K2 must be what the near plane shows beside the foreground.
    scene = make_scene(3.0, softness=4.0)
    region = region_of(scene, 3.0)
    args = batch_of(scene)
    without, with_k2 = (
        psnr_in(region, unmix(*args, Psf(3.45, sigma_2)).light, scene.truth)
        for sigma_2 in (None, 3.0)
    )
    assert with_k2 > without + 1
    right = psnr_in(region, unmix(*args, Psf(3.0, 3.0)).light, scene.truth)
    assert right > psnr_in(region, initial_fusion(*args), scene.truth) + 12


def test_elimination_is_exact_where_the_foreground_is_known():
    rng = torch.Generator().manual_seed(0)
    foreground, background = (torch.rand(3, 48, 64, generator=rng) for _ in range(2))
    alpha = (torch.arange(64) < 32).float().expand(1, 48, 64)
    spread = blur(torch.cat([foreground * alpha, alpha]), 2.5)
    far = spread[:3] + (1 - spread[3:]) * background
    found, visible = solve_background(far[None], (foreground * alpha)[None], alpha[None], Psf(2.5))
    outside = alpha[0] == 0
    assert float(visible[0, 0][outside].min()) > 0.5
    torch.testing.assert_close(found[0][:, outside], background[:, outside], atol=2e-6, rtol=0)


def test_a_soft_edge_over_flat_layers_comes_out_as_it_is():
    # Both layers are flat, so f.M + Mb.b is known in closed form.
    alpha = (0.5 + (31.5 - torch.arange(64.0)) / 4).clamp(0, 1).expand(1, 1, 48, 64)
    truth = 0.8 * alpha + 0.2 * (1 - alpha)
    spread = blur(alpha, 3.0)
    far = 0.8 * spread + 0.2 * (1 - spread)
    error = (unmix(truth, far, alpha, Psf(3.0)).light - truth).abs()
    by_selection = (initial_fusion(truth, far, alpha) - truth).abs()
    assert float(error.max()) < 0.03
    assert float(error.max()) < 0.3 * float(by_selection.max())
    assert float(error.mean()) < 0.3 * float(by_selection.mean())


@pytest.mark.parametrize("sigma_px", [2.0, 3.0, 6.0])
def test_the_transition_region_of_a_half_plane_ends_where_its_erf_tail_does(sigma_px):
    alpha = (torch.arange(128) < 64).float().expand(1, 32, 128)
    columns = transition_region(alpha, blur(alpha, sigma_px))[0, 16].nonzero().flatten()
    distance = np.arange(64) + 0.5
    covered = 0.5 * special.erfc(distance / (sigma_px * math.sqrt(2)))
    assert columns.tolist() == list(range(64, 64 + int((covered > PSF_TAIL).sum())))


def test_partly_covered_pixels_are_transition_and_wholly_covered_ones_are_not():
    alpha = torch.tensor([[[1.0, 0.999, 0.5, 0.001, 0.001, 0.0, 0.0]]])
    spread = torch.tensor([[[0.6, 0.5, 0.4, 0.3, 0.0, PSF_TAIL * 1.01, PSF_TAIL * 0.99]]])
    assert transition_region(alpha, spread)[0, 0].tolist() == [False] + [True] * 5 + [False]


def test_a_thin_gap_stays_within_the_light_there_is():
    alpha = torch.ones(1, 1, 64, 64)
    alpha[..., 31] = 0
    rng = torch.Generator().manual_seed(1)
    near, far = (torch.rand(1, 3, 64, 64, generator=rng) for _ in range(2))
    result = unmix(near, far, alpha, Psf(8.0)).light
    assert torch.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("off", [1.0, 1.15])
def test_a_dark_background_behind_bright_blurred_light_stays_dark(off):
    """A blur that is assumed a little too wide leaves no black rim."""
    alpha = (torch.arange(96) < 40).float().expand(1, 1, 96, 96)
    texture = 0.3 * torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    foreground, dark = 0.4 + texture, 0.006
    background = torch.full_like(foreground, dark)
    near = near_focus(foreground, alpha, background, 4.0)
    far = far_focus(foreground, alpha, background, 4.0)
    found = unmix(near, far, alpha, Psf(4.0 * off, 4.0 * off)).light[..., 8:-8, 40:80]
    assert float(found.min()) > 0.1 * dark
    assert float((found - dark).abs().mean()) < 0.15 * dark


SIDE = 128


def breathe(scene, breathing, sigma_px):
    """Return the far plane of a scene whose foreground moves."""
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    layer = premultiply(scene.foreground, scene.alpha)[None]
    return over(
        Psf(sigma_px, breathing=breathing).scatter_blur(layer, origins), scene.background[None]
    )[0]


def test_moving_the_foreground_back_removes_the_halo_that_a_still_model_leaves(make_scene):
    scene = make_scene(3.0, side=SIDE)
    true = Breathing(1.03, (1.0, -2.0))
    far = breathe(scene, true, 3.0)
    region = transition_region(scene.alpha, blur(scene.alpha, 3.0))[0]
    args = scene.near[None], far[None], scene.alpha[None]
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    still, moving = (
        psnr_in(region, unmix(*args, Psf(3.0, 3.0, breathing=b), origins).light[0], scene.truth)
        for b in (Breathing(), true)
    )
    assert moving > still + 6
