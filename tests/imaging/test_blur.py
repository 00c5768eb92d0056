"""Blur, for every kind of sigma."""

import math

import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.kernels import psf


def random_image(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_psf_far_below_a_pixel_is_an_impulse():
    assert psf(0.1).tolist() == [[1.0]]
    image = random_image(1, 16, 16)
    assert torch.equal(blur(image, 0.1), image)
    assert torch.equal(blur(image, 0.0, "disk"), image)


def test_blur_keeps_shape_and_a_flat_image_and_leaves_its_input_alone():
    image = torch.full((2, 1, 5, 7), 0.3)
    blurred = blur(image, 9.0)  # reaches far beyond the image
    assert blurred.shape == image.shape
    torch.testing.assert_close(blurred, torch.full_like(image, 0.3))
    assert (image == 0.3).all()


def test_scatter_and_gather_agree_where_sigma_is_the_same_everywhere():
    layer = premultiply(random_image(1, 3, 32, 32), torch.ones(1, 1, 32, 32))
    sigma_px = torch.full((1, 1, 32, 32), 2.0)
    expected = blur(layer, 2.0)
    for mode in ("scatter", "gather"):
        torch.testing.assert_close(blur(layer, sigma_px, "gaussian", mode), expected)


def test_a_pixel_spreads_its_light_by_its_own_sigma_or_collects_it_by_that():
    """Sigma is 1 px at the impulse and 2 px three columns to its right."""
    impulse = torch.zeros(1, 2, 33, 33)
    impulse[..., 16, 16] = 1
    sigma_px = torch.where(torch.arange(33) <= 16, 1.0, 2.0).expand(1, 1, 33, 33)
    spread, collected = (
        float(blur(impulse, sigma_px, "gaussian", mode)[0, 0, 16, 19])
        for mode in ("scatter", "gather")
    )
    assert spread == pytest.approx(math.exp(-9 / 2) / (2 * math.pi), rel=0.01)
    assert collected == pytest.approx(math.exp(-9 / 8) / (2 * math.pi * 4), rel=0.01)
