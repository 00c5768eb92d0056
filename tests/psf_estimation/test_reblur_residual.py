"""Reblur consistency finds the blur that a scene was rendered with."""

from dataclasses import replace

import pytest
import torch

from napari_focusstack.imaging.psf import Psf
from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
from napari_focusstack.psf_estimation.reblur_residual import (
    COVERED,
    reblur_residuals,
    residual_weights,
)
from napari_focusstack.psf_estimation.search import fit


def windows_of(scene):
    return BoundaryPatches.from_pair(scene.near, scene.far, scene.alpha)


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize("sigma_px", [2.0, 4.0])
def test_the_residual_is_least_at_the_truth(make_scene, shape, sigma_px):
    windows = windows_of(make_scene(sigma_px, shape=shape))
    weight = residual_weights(windows.alpha, 6.0)
    narrow, right, wide = (
        reblur_residuals(windows, weight, Psf(sigma_px * off, shape=shape), [sigma_px])[0]
        for off in (0.7, 1.0, 1.3)
    )
    assert right < 0.75 * narrow
    assert right < 0.75 * wide


def test_the_residual_of_the_background_is_least_at_its_own_blur(make_scene):
    windows = windows_of(make_scene(3.0, sigma_background_px=4.0))
    weight = residual_weights(windows.alpha, 6.0)
    narrow, right, wide = reblur_residuals(windows, weight, Psf(3.0), [2.8, 4.0, 5.2])
    assert right < 0.75 * narrow
    assert right < 0.75 * wide


def test_pixels_count_for_what_they_tell():
    alpha = (torch.arange(64) < 32).float().expand(1, 1, 64, 64)
    clear = torch.ones_like(alpha)
    clear[..., 32:, :] = 0.25
    weight = residual_weights(alpha, 3.0, clear)
    assert float(weight.sum()) == pytest.approx(1)
    assert float(weight[..., :32, :].sum()) == pytest.approx(0.8)
    assert not weight[..., :32].any()


def test_the_residual_vanishes_over_a_flat_background():
    # b is flat, so b * K2 = b whatever is hidden: nothing is left unexplained at the truth.
    alpha = (torch.arange(64) < 32).float().expand(1, 1, 64, 64)
    spread = torch.special.ndtr((31.5 - torch.arange(64.0)) / 3).expand(1, 1, 64, 64)
    near, far = 0.9 * alpha + 0.2 * (1 - alpha), 0.9 * spread + 0.2 * (1 - spread)
    windows = BoundaryPatches(near, far, alpha, ((0, 0),), (64, 64))
    weight = residual_weights(alpha, 3.0)
    right, wide = (reblur_residuals(windows, weight, Psf(sigma), [3.0])[0] for sigma in (3.0, 3.6))
    assert right < 1e-3
    assert wide > 10 * right


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize("sigma_px", [2.0, 4.0])
def test_sigma_and_shape_are_recovered(make_scene, shape, sigma_px):
    found = fit(windows_of(make_scene(sigma_px, shape=shape)))
    assert found.sigma_px == pytest.approx(sigma_px, rel=0.08)
    assert found.sigma_background_px == pytest.approx(sigma_px, rel=0.08)
    assert found.shape == shape


def test_different_blurs_of_the_two_planes_are_told_apart(make_scene):
    found = fit(windows_of(make_scene(2.5, sigma_background_px=3.5)), "gaussian")
    assert found.sigma_px == pytest.approx(2.5, rel=0.1)
    assert found.sigma_background_px == pytest.approx(3.5, rel=0.1)


def together(*windows):
    """Windows of several pairs as if of one."""
    parts = ([getattr(one, name) for one in windows] for name in ("near", "far", "alpha"))
    corners = tuple(corner for one in windows for corner in one.corners)
    return BoundaryPatches(*map(torch.cat, parts), corners, windows[0].size)


def test_a_window_that_no_veil_explains_is_of_no_account(make_scene):
    right = windows_of(make_scene(2.0, side=128))
    wrong = replace(right, far=right.near.flip(-1), near=right.far.flip(-2))
    found = fit(together(right, wrong, wrong), "gaussian")
    assert found.sigma_px == pytest.approx(2.0, rel=0.08)
    assert found.is_significant
    alone = fit(wrong, "gaussian")
    assert alone.residual == alone.residual_without_occlusion
    assert not alone.is_significant


def test_a_start_is_refined_and_a_fixed_one_kept(make_scene):
    windows = windows_of(make_scene(3.0))
    refined = fit(windows, "gaussian", expected_px=3.6)
    assert refined.sigma_px == pytest.approx(3.0, rel=0.08)
    fixed = fit(windows, expected_px=3.6, fixed=True)
    assert fixed.sigma_px == 3.6
    assert fixed.sigma_background_px == pytest.approx(3.0, rel=0.15)
    assert fixed.residual > refined.residual


def test_the_curve_is_sorted_and_its_least_value_is_the_answer(make_scene):
    found = fit(windows_of(make_scene(2.0)), "gaussian")
    sigmas, residuals = zip(*found.curve, strict=True)
    assert list(sigmas) == sorted(set(sigmas))
    assert min(residuals) == found.residual
    assert sigmas[residuals.index(found.residual)] == found.sigma_px


def test_a_shape_that_is_asked_for_is_the_one_used(make_scene):
    windows = windows_of(make_scene(2.0))
    assert fit(windows, "disk", expected_px=2.0).shape == "disk"


def test_the_residual_is_read_beside_the_foreground_only():
    alpha = (torch.arange(64) < 32).float().expand(1, 1, 48, 64)
    weight = residual_weights(alpha, 3.0)
    assert float(weight.sum()) == pytest.approx(1, abs=1e-5)
    columns = weight[0, 0].sum(0).nonzero().flatten().tolist()
    # where the erfc tail of sigma 3 is above 2 %: 0.5 erfc(d / (3 sqrt 2)) > 0.02 for d < 6.16
    assert COVERED == 0.02
    assert columns == list(range(32, 38))


def test_a_mask_all_over_still_has_a_region():
    alpha = torch.full((1, 1, 8, 8), 0.5)
    assert float(residual_weights(alpha, 2.0).sum()) == pytest.approx(1)
