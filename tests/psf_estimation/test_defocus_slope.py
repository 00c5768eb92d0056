"""Surfaces tell the blur of a plane step by themselves, without edges."""

import math

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.psf_estimation.defocus_slope import DefocusSlope, estimate_defocus_slope
from napari_focusstack.segmentation.focus_map import FocusMap

SIDE = 160


def surface(seed=0):
    """Detail of many sizes, (1, 3, SIDE, SIDE), linear light."""
    generator = torch.Generator().manual_seed(seed)
    noise = (torch.randn(3, SIDE, SIDE, generator=generator) for _ in range(3))
    light = sum(size * blur(one, size) for one, size in zip(noise, (0.7, 1.5, 4.0), strict=True))
    return (0.4 + 0.2 * light).clamp(0.02, 1)[None]


def planes_of(depth, sigma_px, shape="gaussian", count=7, light=None):
    """Planes 1..count of one surface at a depth."""
    light = surface() if light is None else light
    return [blur(light, sigma_px * abs(z - depth), shape)[0] for z in range(1, count + 1)]


def flat(depth, count=7, confidence=1.0):
    whole = torch.full((1, SIDE, SIDE), float(depth))
    return FocusMap.of_depth(whole, count, torch.full_like(whole, confidence))


@pytest.mark.parametrize("shape", ["gaussian", "disk"])
@pytest.mark.parametrize("sigma_px", [0.35, 0.8, 1.5, 2.5])
def test_sigma_and_shape_are_found_within_a_few_percent(sigma_px, shape, light_of):
    found = estimate_defocus_slope(light_of(planes_of(3, sigma_px, shape)), flat(3))
    assert found.sigma_px == pytest.approx(sigma_px, rel=0.04)
    if sigma_px > 0.5:
        assert found.shape == shape
    assert found.residual_ratio < 0.1
    assert found.max_residual_ratio == math.inf


def test_noise_hardly_matters(light_of):
    generator = torch.Generator().manual_seed(2)
    planes = [
        plane + 0.02 * torch.randn(plane.shape, generator=generator) for plane in planes_of(4, 1.2)
    ]
    found = estimate_defocus_slope(light_of(planes), flat(4))
    assert found.sigma_px == pytest.approx(1.2, rel=0.06)


def test_light_that_flickers_does_not_matter(light_of):
    planes = [
        plane * gain
        for plane, gain in zip(
            planes_of(4, 1.2), (0.8, 1.2, 1.0, 0.9, 1.1, 1.25, 0.85), strict=True
        )
    ]
    found = estimate_defocus_slope(light_of(planes), flat(4))
    assert found.sigma_px == pytest.approx(1.2, rel=0.04)
    assert found.residual_ratio < 0.1


def test_planes_that_differ_by_brightness_alone_have_no_blur(light_of):
    # Powers of two: at equal brightness the planes are the same to the last bit.
    planes = [surface()[0] * gain for gain in (0.25, 0.25, 0.25, 0.5, 0.25, 0.25, 0.25)]
    assert estimate_defocus_slope(light_of(planes), flat(4)) is None


def test_a_surface_between_two_planes_does_not_mislead(light_of):
    """Depth that lies far from any plane does not count; here half of the image does not."""
    planes = planes_of(3, 1.2)
    beside = planes_of(3.45, 1.2, light=surface(1))
    planes = [
        torch.cat([a[..., :80], b[..., 80:]], -1) for a, b in zip(planes, beside, strict=True)
    ]
    depth = torch.full((1, SIDE, SIDE), 3.0)
    depth[..., 80:] = 3.45
    found = estimate_defocus_slope(light_of(planes), FocusMap.of_depth(depth, 7))
    assert found.sigma_px == pytest.approx(1.2, rel=0.04)


def test_a_shape_that_is_asked_for_is_kept(light_of):
    planes = planes_of(3, 1.5, "disk")
    found = estimate_defocus_slope(light_of(planes), flat(3), "gaussian")
    assert found.shape == "gaussian"
    assert found.sigma_px == pytest.approx(1.5, rel=0.15)
    assert found.residual_ratio > estimate_defocus_slope(light_of(planes), flat(3)).residual_ratio


def test_three_planes_are_enough(light_of):
    found = estimate_defocus_slope(light_of(planes_of(1, 1.4, count=3)), flat(1, 3))
    assert found.sigma_px == pytest.approx(1.4, rel=0.04)


@pytest.mark.parametrize(
    ("planes", "focus"),
    [
        (planes_of(3, 1.2), flat(3, confidence=0.2)),  # nothing is sure
        ([torch.full((3, SIDE, SIDE), 0.5)] * 7, flat(3)),  # nothing is seen
        ([surface(seed)[0] for seed in range(7)], flat(3)),  # planes of other things
    ],
    ids=["unsure", "blank", "foreign"],
)
def test_where_no_surface_tells_none_is_found(planes, focus, light_of):
    assert estimate_defocus_slope(light_of(planes), focus) is None


def test_the_curve_holds_every_sigma_that_was_tried_and_is_least_at_the_answer(light_of):
    found = estimate_defocus_slope(light_of(planes_of(3, 1.2)), flat(3))
    sigmas, errors = zip(*found.curve, strict=True)
    assert list(sigmas) == sorted(sigmas)
    assert len(sigmas) >= 12
    assert sigmas[errors.index(min(errors))] == found.sigma_px


def test_edges_must_show_an_occlusion_where_a_blur_explains_little_or_something_shines_through():
    assert DefocusSlope(1.0, "gaussian", 0.2, 0.1, ()).max_residual_ratio == math.inf
    assert DefocusSlope(1.0, "gaussian", 0.05, 0.3, ()).max_residual_ratio == math.inf
    assert DefocusSlope(1.0, "gaussian", 0.42, 0.0, ()).max_residual_ratio == 0.8
    assert DefocusSlope(1.0, "gaussian", 0.35, 0.2, ()).max_residual_ratio == 0.8
    assert DefocusSlope(1.0, "gaussian", 0.2, 0.6, ()).max_residual_ratio == 0.8
