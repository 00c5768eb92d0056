"""Search for the PSF with the least reblur residual."""

import math
from dataclasses import replace

import pytest
import torch

from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.image_formation import over, premultiply
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
from napari_focusstack.psf_estimation.search import Step, fit


def windows_of(scene):
    return BoundaryPatches.from_pair(scene.near, scene.far, scene.alpha)


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize("sigma_px", [2.0, 4.0])
def test_sigma_and_shape_are_recovered(make_scene, shape, sigma_px):
    found = fit(windows_of(make_scene(sigma_px, shape=shape)))
    assert found.sigma_px == pytest.approx(sigma_px, rel=0.08)
    assert found.sigma_background_px == pytest.approx(sigma_px, rel=0.08)
    assert found.shape == shape


def test_different_blurs_of_the_two_planes_are_both_estimated(make_scene):
    found = fit(windows_of(make_scene(2.5, sigma_background_px=3.5)), "gaussian")
    assert found.sigma_px == pytest.approx(2.5, rel=0.1)
    assert found.sigma_background_px == pytest.approx(3.5, rel=0.1)


def together(*windows):
    """Windows of several pairs as if of one."""
    parts = ([getattr(one, name) for one in windows] for name in ("near", "far", "alpha"))
    corners = tuple(corner for one in windows for corner in one.corners)
    return BoundaryPatches(*map(torch.cat, parts), corners, windows[0].size)


def test_patches_that_no_occlusion_explains_do_not_count(make_scene):
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


SIDE = 128


def breathe(scene, breathing, sigma_px):
    """Return the far plane of a scene whose foreground moves."""
    origins = [tuple(-(side - 1) / 2 for side in scene.alpha.shape[-2:])]
    layer = premultiply(scene.foreground, scene.alpha)[None]
    return over(
        Psf(sigma_px, breathing=breathing).scatter_blur(layer, origins), scene.background[None]
    )[0]


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


def test_a_step_changes_sigmas_by_a_ratio_and_breathing_by_a_sum():
    start = Psf(2.0, 3.0, breathing=Breathing(1.01, (0.5, -1.0)))
    step = Step(blur=math.log(1.5), blur_background=-math.log(2), magnification=0.02, rows=1.0)
    there = step.applied_to(start)
    assert (there.sigma_px, there.sigma_k2_px) == pytest.approx((3.0, 1.5))
    assert there.breathing.magnification == pytest.approx(1.03)
    assert there.breathing.shift_px == pytest.approx((1.5, -1.0))
    back = step.scaled(-1).applied_to(there)
    assert (back.sigma_px, back.sigma_k2_px) == pytest.approx((2.0, 3.0))
    assert back.breathing.shift_px == pytest.approx((0.5, -1.0))


def test_breathing_is_searched_only_if_it_explains_clearly_more(make_scene):
    """Noise of a still scene is not explained by a motion."""
    scene = make_scene(2.0)
    noise = 0.01 * torch.randn(scene.far.shape, generator=torch.Generator().manual_seed(1))
    still = fit(BoundaryPatches.from_pair(scene.near, scene.far + noise, scene.alpha), "gaussian")
    assert still.breathing.still
