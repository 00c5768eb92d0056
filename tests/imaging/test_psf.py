"""Psf: when it is significant, and how far it reaches."""

import math

from napari_focusstack.imaging.psf import Psf


def test_a_psf_is_significant_if_it_leaves_clearly_less_residual_than_no_occlusion():
    assert Psf(1.0, residual=0.5, residual_without_occlusion=1.0).is_significant
    assert not Psf(1.0, residual=0.99, residual_without_occlusion=1.0).is_significant
    assert Psf(
        1.0, residual=1.0, residual_without_occlusion=1.0, max_residual_ratio=math.inf
    ).is_significant
    assert not Psf(
        1.0, residual=0.9, residual_without_occlusion=1.0, max_residual_ratio=0.8
    ).is_significant
