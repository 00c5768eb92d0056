"""Blur by one sigma per image against closed forms and SciPy."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, special

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.kernels import psf
from napari_focusstack.imaging.uniform_blur import WIDE_PX

SHAPES = ["gaussian", "disk"]


def random_image(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma_px", [1.5, 3.0, 6.0])
def test_a_half_plane_blurs_to_an_erf_profile(sigma_px):
    edge = (torch.arange(96) >= 48).float().expand(16, 96)
    distance = np.arange(96) - 47.5
    expected = 0.5 * (1 + special.erf(distance / (sigma_px * math.sqrt(2))))
    tolerance = 0.012 / sigma_px**2 if sigma_px < WIDE_PX else 0.5 / 255
    np.testing.assert_allclose(blur(edge, sigma_px)[8].numpy(), expected, atol=tolerance)


def test_a_half_plane_through_a_disk_is_the_cumulative_chord():
    edge = (torch.arange(96) >= 48).float().expand(48, 96)
    t = np.clip((np.arange(96) - 47.5) / 10, -1, 1)  # sigma 5: radius 10
    expected = 0.5 + (t * np.sqrt(1 - t**2) + np.arcsin(t)) / np.pi
    np.testing.assert_allclose(blur(edge, 5.0, "disk")[24].numpy(), expected, atol=5e-3)


def test_gaussian_blur_agrees_with_scipy_also_at_the_border():
    image = random_image(3, 40, 56)
    expected = ndimage.gaussian_filter(
        image.double().numpy(), (0, 2.5, 2.5), mode="nearest", radius=(0, 10, 10)
    )
    np.testing.assert_allclose(blur(image, 2.5).numpy(), expected, atol=1e-6)


def test_disk_blur_is_the_convolution_with_its_kernel():
    image = random_image(40, 40)
    expected = ndimage.convolve(image.numpy(), psf(1.7, "disk").numpy(), mode="nearest")
    np.testing.assert_allclose(blur(image, 1.7, "disk").numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_image_of_a_batch_is_blurred_by_its_own_sigma(shape):
    images = random_image(4, 3, 32, 32)
    sigmas = [0.1, 1.0, 2.3, 5.0]
    together = blur(images, torch.tensor(sigmas), shape)
    for one, image, sigma in zip(together, images, sigmas, strict=True):
        torch.testing.assert_close(one, blur(image, sigma, shape), atol=1e-5, rtol=0)
