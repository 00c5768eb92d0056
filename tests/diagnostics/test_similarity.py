"""Sharpness and likeness see the specimen, not noise, gain or offset."""

import numpy as np
import pytest
from scipy import ndimage

from napari_focusstack.diagnostics.similarity import (
    MAX_TILES,
    coarse_correlation,
    correlation,
    log_sharpness,
    summarize,
)

RNG = np.random.default_rng(0)


def specimen(side=128, sigma=1.0, seed=0):
    """Values around 100 with a standard deviation of 20, float32."""
    field = ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal((side, side)), sigma
    )
    return (100 + 20 * field / field.std()).astype(np.float32)


def sharpness(image):
    return summarize(image).sharpness


def test_sharpness_is_vollaths_measure_over_the_variance():
    # Of stripes sin(wx), r(k) = cos(wk) / 2 along x and 1 / 2 along y.
    w = 2 * np.pi / 7.3  # so that every tile begins elsewhere
    stripes = np.tile(np.sin(w * np.arange(2048)), (64, 1)).astype(np.float32)
    expected = (np.cos(w) - np.cos(2 * w)) / (np.cos(w) + 1)
    assert np.isclose(sharpness(stripes), expected, rtol=0.03)


def test_sharpness_falls_with_every_step_of_blur():
    measured = [sharpness(ndimage.gaussian_filter(specimen(), s)) for s in (0, 0.5, 1, 2, 4, 8)]
    assert (np.diff(measured) < 0).all()
    assert measured[0] > 20 * measured[-1] > 0


def test_noise_does_not_count_as_sharpness():
    image = ndimage.gaussian_filter(specimen(256), 2) * 4
    noisy = image + RNG.normal(0, 0.5 * image.std(), image.shape).astype(np.float32)
    assert np.isclose(sharpness(noisy), sharpness(image), rtol=0.05)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_sharpness_knows_neither_gain_nor_offset_nor_dtype(dtype):
    image = specimen()
    scale = {"uint8": 1, "uint16": 300, "float32": 0.004}[dtype]
    assert np.isclose(sharpness((image * scale).astype(dtype)), sharpness(image), rtol=0.01)
    assert np.isclose(sharpness(2 * image - 50), sharpness(image), rtol=1e-3)


def test_colours_count_by_their_luminance():
    image = np.stack([specimen(seed=seed) for seed in range(3)], -1)
    grey = image @ np.float32([0.299, 0.587, 0.114])
    assert np.isclose(sharpness(image), sharpness(grey), rtol=1e-4)
    assert np.isclose(summarize(image).brightness, grey.mean(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (130, 95), (2000, 1500)])
def test_any_size_is_sampled_and_little_is_kept(shape):
    look = summarize(np.resize(specimen(), shape))
    assert 1 <= len(look.level) <= MAX_TILES
    assert look.corner.nbytes <= 400_000
    assert np.isclose(look.brightness, 100, atol=5)
    assert not look.blank


@pytest.mark.parametrize(
    "nothing", [np.full((128, 128), 9, np.uint8), RNG.integers(0, 255, (128, 128)).astype(np.uint8)]
)
def test_constant_and_pure_noise_are_blank(nothing):
    assert summarize(nothing).blank
    assert summarize(nothing).sharpness == 0
    assert not summarize(specimen()).blank


def test_planes_that_differ_by_noise_gain_and_offset_correlate_fully():
    image = specimen(256)
    noise = RNG.normal(0, 10, (2, *image.shape)).astype(np.float32)
    other, unlike = specimen(256, seed=1), np.full_like(image, 3)
    looks = [summarize(p) for p in (image + noise[0], 2 * image + 30 + noise[1], other, unlike)]
    alike = correlation(looks)
    np.testing.assert_allclose(alike, alike.T)
    assert alike[0, 1] > 0.995  # plainly correlated, 0.86
    assert abs(alike[0, 2]) < 0.05
    np.testing.assert_array_equal(alike[3], 0)


def test_correlation_falls_with_the_difference_of_blur():
    looks = [summarize(ndimage.gaussian_filter(specimen(256), s)) for s in (0, 1, 2, 3)]
    assert (np.diff(correlation(looks)[0]) < -0.01).all()


def test_coarse_correlation_forgives_defocus():
    scene = ndimage.gaussian_filter(specimen(256, 20), 0) + specimen(256, 0.7, seed=2) - 100
    looks = [summarize(p) for p in (scene, ndimage.gaussian_filter(scene, 5), specimen(256, 20, 3))]
    coarse = coarse_correlation(looks)
    assert coarse[0, 1] > 0.95
    assert coarse[0, 1] > correlation(looks)[0, 1] + 0.1
    assert coarse[0, 2] < 0.6


def test_log_sharpness_sees_focus_but_not_drift():
    image = specimen(256)
    half = image.copy()
    half[:, 128:] = ndimage.gaussian_filter(image, 2)[:, 128:]
    drifted = np.roll(image, (3, 2), (0, 1))
    looks = [summarize(plane) for plane in (image, drifted, half)]
    sharpness = log_sharpness(looks)
    distance = np.sqrt(((sharpness[0] - sharpness) ** 2).mean(1))
    assert distance[1] < 0.2 * distance[2]
    assert np.arccos(correlation(looks)[0, 1]) > np.arccos(correlation(looks)[0, 2])


def test_log_sharpness_leaves_out_places_that_are_never_sharp():
    image = specimen(256)
    image[:, 96:] = 100 + RNG.normal(0, 0.1, (256, 160))
    looks = [summarize(ndimage.gaussian_filter(image, s)) for s in (0, 1, 2)]
    assert log_sharpness(looks).shape == (3, 16 * 6)
