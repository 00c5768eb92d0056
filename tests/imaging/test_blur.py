"""Blur, for every kind of sigma."""

import torch

from napari_focusstack.imaging.blur import blur
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
