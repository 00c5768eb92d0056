"""The imaging model against closed forms."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from scipy import ndimage, special

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import (
    composite_defocused,
    far_focus,
    near_focus,
    over,
    premultiply,
)
from napari_focusstack.imaging.kernels import KERNELS, check_sigma, psf, psf_radius
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear
from napari_focusstack.imaging.uniform_blur import WIDE_PX
from napari_focusstack.parameters import PsfShape

SHAPES = ["gaussian", "disk"]


def random_image(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma_px", [0.3, 1.0, 2.5, 7.0])
def test_a_psf_sums_to_one_and_is_symmetric(shape, sigma_px):
    kernel = psf(sigma_px, shape)
    assert kernel.dtype == torch.float32
    assert kernel.shape[0] == kernel.shape[1] == 2 * psf_radius(sigma_px, shape) + 1
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(kernel, kernel.T)
    torch.testing.assert_close(kernel, kernel.flip(0, 1))


@pytest.mark.parametrize(
    ("shape", "sigma_px", "tolerance"),
    [("gaussian", 1.5, 0.005), ("gaussian", 4.0, 0.005), ("disk", 2.0, 0.04), ("disk", 6.0, 0.01)],
)
def test_sigma_is_the_standard_deviation_along_one_axis(shape, sigma_px, tolerance):
    kernel = psf(sigma_px, shape).double().numpy()
    offset = np.arange(len(kernel)) - len(kernel) // 2
    variance = (kernel.sum(0) * offset**2).sum()
    assert math.sqrt(variance) == pytest.approx(sigma_px, rel=tolerance)


def test_the_gaussian_is_that_of_the_paper():
    kernel = psf(2.0)
    assert float(kernel[8, 8]) == pytest.approx(1 / (2 * math.pi * 4), rel=1e-3)
    assert float(kernel[8, 11] / kernel[8, 8]) == pytest.approx(math.exp(-9 / 8), rel=1e-4)


def test_the_disk_is_flat_inside_twice_sigma_and_nothing_beyond():
    kernel = psf(4.0, "disk")  # radius 8
    centre = len(kernel) // 2
    assert float(kernel[centre, centre]) == pytest.approx(1 / (math.pi * 64), rel=0.01)
    assert kernel[centre, centre + 7] == kernel[centre, centre]
    assert kernel[centre, centre + 8] == pytest.approx(float(kernel[centre, centre]) / 2)
    assert kernel[centre, centre + 9] == 0


def test_a_psf_far_below_a_pixel_is_an_impulse():
    assert psf(0.1).tolist() == [[1.0]]
    image = random_image(1, 16, 16)
    assert torch.equal(blur(image, 0.1), image)
    assert torch.equal(blur(image, 0.0, "disk"), image)


@pytest.mark.parametrize("sigma_px", [0, -1.0, math.nan, math.inf, None, "2"])
def test_a_sigma_that_is_no_positive_number_is_refused_with_its_value(sigma_px):
    with pytest.raises(InputError, match=f"sigma_px is {sigma_px}"):
        psf(sigma_px)
    with pytest.raises(InputError, match="above 0"):
        check_sigma(sigma_px)


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


def test_blur_keeps_shape_and_a_flat_image_and_leaves_its_input_alone():
    image = torch.full((2, 1, 5, 7), 0.3)
    blurred = blur(image, 9.0)  # reaches far beyond the image
    assert blurred.shape == image.shape
    torch.testing.assert_close(blurred, torch.full_like(image, 0.3))
    assert (image == 0.3).all()


def test_srgb_has_the_values_of_the_standard():
    coded = torch.tensor([0.0, 0.04045, 0.5, 188 / 255, 1.0])
    light = torch.tensor([0.0, 0.04045 / 12.92, 0.2140411, 0.5028865, 1.0])
    torch.testing.assert_close(srgb_to_linear(coded), light, atol=1e-6, rtol=0)
    torch.testing.assert_close(linear_to_srgb(light), coded, atol=1e-6, rtol=0)


def test_srgb_there_and_back_changes_nothing_and_keeps_order():
    coded = torch.linspace(0, 1, 4096)
    light = srgb_to_linear(coded)
    assert (light.diff() > 0).all()
    torch.testing.assert_close(linear_to_srgb(light), coded, atol=1e-6, rtol=0)


def test_gradients_pass_through_srgb_at_black():
    light = torch.zeros(3, requires_grad=True)
    linear_to_srgb(light).sum().backward()
    assert light.grad.tolist() == pytest.approx([12.92] * 3)


def scene(alpha_value):
    foreground, background = random_image(3, 32, 32, seed=1), random_image(3, 32, 32, seed=2)
    return foreground, torch.full((1, 32, 32), alpha_value), background


def test_without_a_foreground_only_the_near_plane_blurs_the_background():
    foreground, alpha, background = scene(0.0)
    torch.testing.assert_close(
        near_focus(foreground, alpha, background, 2.0), blur(background, 2.0)
    )
    torch.testing.assert_close(far_focus(foreground, alpha, background, 2.0), background)


def test_a_foreground_that_covers_all_hides_the_background():
    foreground, alpha, background = scene(1.0)
    torch.testing.assert_close(near_focus(foreground, alpha, background, 2.0), foreground)
    torch.testing.assert_close(
        far_focus(foreground, alpha, background, 2.0), blur(foreground, 2.0), atol=1e-6, rtol=0
    )


def test_with_no_blur_both_planes_are_the_sharp_scene():
    foreground, _, background = scene(0.0)
    alpha = random_image(1, 32, 32, seed=3)
    sharp = alpha * foreground + (1 - alpha) * background
    for image in (
        near_focus(foreground, alpha, background, 0.0),
        far_focus(foreground, alpha, background, 0.0),
        composite_defocused(foreground, alpha, background, 0.0),
    ):
        torch.testing.assert_close(image, sharp, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_white_half_plane_veils_a_black_background_by_the_blurred_mask(shape):
    white, black = torch.ones(3, 24, 64), torch.zeros(3, 24, 64)
    alpha = (torch.arange(64) < 32).float().expand(1, 24, 64)
    far = far_focus(white, alpha, black, 3.0, shape)
    torch.testing.assert_close(far, blur(alpha, 3.0, shape).expand(3, -1, -1))
    # The pixel beside the edge has a little less than half of the foreground's light.
    assert 0.4 < float(far[0, 12, 32]) < 0.5
    torch.testing.assert_close(far_focus(black, alpha, white, 3.0, shape), 1 - far)


def test_the_colour_of_the_foreground_counts_only_where_it_is():
    foreground, _, background = scene(0.0)
    alpha = (torch.arange(32) < 16).float().expand(1, 32, 32)
    elsewhere = torch.where(alpha > 0, foreground, 99.0)
    for focus in (near_focus, far_focus):
        torch.testing.assert_close(
            focus(elsewhere, alpha, background, 2.0), focus(foreground, alpha, background, 2.0)
        )


def test_a_premultiplied_layer_lies_over_an_image():
    layer = torch.tensor([0.8, 0.4, 0.2])[:, None, None]
    light = over(premultiply(layer, torch.full((1, 1, 1), 0.25)), torch.ones(3, 1, 1))
    torch.testing.assert_close(light.flatten(), torch.tensor([0.95, 0.85, 0.8]))


def test_every_shape_that_can_be_asked_for_has_a_kernel():
    assert set(KERNELS) == set(get_args(PsfShape))
