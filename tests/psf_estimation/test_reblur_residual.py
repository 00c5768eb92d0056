"""Reblur consistency finds the blur that a scene was rendered with."""

import pytest
import torch

from napari_focusstack.imaging.psf import Psf
from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
from napari_focusstack.psf_estimation.reblur_residual import (
    COVERED,
    reblur_residuals,
    residual_weights,
)


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


def test_pixels_of_a_lower_weight_count_less():
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
