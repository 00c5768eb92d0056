"""Psf: when it is significant, and how far it reaches."""

import math

import pytest
import torch

from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.psf import Psf, gather_blur


def test_a_psf_is_significant_if_it_leaves_clearly_less_residual_than_no_occlusion():
    assert Psf(1.0, residual=0.5, residual_without_occlusion=1.0).is_significant
    assert not Psf(1.0, residual=0.99, residual_without_occlusion=1.0).is_significant
    assert Psf(
        1.0, residual=1.0, residual_without_occlusion=1.0, max_residual_ratio=math.inf
    ).is_significant
    assert not Psf(
        1.0, residual=0.9, residual_without_occlusion=1.0, max_residual_ratio=0.8
    ).is_significant


def test_light_reaches_as_far_as_the_kernel_and_the_motion():
    psf = Psf(1.5, breathing=Breathing(1.0, (3.0, 4.0)))
    assert Psf(1.5).reach_px((60, 80)) == 6  # 4 sigma
    assert Psf(1.5, shape="disk").reach_px((60, 80), 2.0) == 7  # 2 sigma and half a pixel
    assert psf.reach_px((60, 80), 2.0) == 12 + 7  # 5 px and two for the interpolation


def test_the_background_is_blurred_as_the_foreground_where_its_sigma_is_unknown():
    assert (Psf(2.0).sigma_k2_px, Psf(2.0, 2.5).sigma_k2_px) == (2.0, 2.5)


def test_a_layer_some_plane_steps_away_is_blurred_by_as_many_sigmas():
    layer = torch.zeros(1, 2, 49, 49)
    layer[..., 24, 24] = 1
    light = Psf(1.0).scatter_blur(layer, [(-24.0, -24.0)], 2.0)
    assert float(light[0, 0, 24, 27]) == pytest.approx(math.exp(-9 / 8) / (8 * math.pi), rel=0.01)


def test_distances_of_a_gather_blur_are_rounded_to_powers_of_two():
    image = torch.zeros(1, 1, 49, 49)
    image[..., 24, 24] = 1
    steps = torch.full((1, 1, 49, 49), 2.6)
    found = gather_blur(image, 1.0, "gaussian", steps)
    assert float(found[0, 0, 24, 27]) == pytest.approx(math.exp(-9 / 8) / (8 * math.pi), rel=0.01)


def test_planes_further_apart_have_more_blur():
    psf = Psf(0.5, 0.6, curve=((0.5, 0.1),), residual=0.01, residual_without_occlusion=0.04)
    wide = psf.per_step(4)
    assert (wide.sigma_px, wide.sigma_background_px, wide.curve) == (2.0, 2.4, ((2.0, 0.1),))
    assert wide.residual_ratio == psf.residual_ratio == 0.25
    assert psf.per_step(1) is psf
    assert Psf(1.0, residual=0.0, residual_without_occlusion=0.0).residual_ratio == 1
