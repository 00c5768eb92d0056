"""Blur with one sigma for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.convolution import convolve, convolve_separably
from napari_focusstack.imaging.half_size import at_half_size, halved_sigma
from napari_focusstack.imaging.kernels import KERNELS, psf_radius

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.psf_shapes import PsfShape

#: From this sigma on, px, an image is blurred at half its size, for speed. The tests bound the
#: error to 0.5/255 of full light.
WIDE_PX = 5.0


def uniform_blur(image: Tensor, sigma_px: float | Tensor, shape: PsfShape) -> Tensor:
    """Blur images (..., Y, X) with one sigma, or a batch with one sigma (B,) for each image; px."""
    batch = image.reshape(-1, *image.shape[-2:])
    # A number stays on the host, where it is read without waiting for the device.
    sigma = torch.as_tensor(sigma_px, dtype=image.dtype).reshape(-1)
    if float(sigma.min()) >= WIDE_PX:
        return at_half_size(batch, lambda half: _blur_half(half, sigma, shape)).reshape(image.shape)
    if float(sigma.max()) >= WIDE_PX:
        pairs = zip(image, sigma.tolist(), strict=True)
        return torch.stack([uniform_blur(single, value, shape) for single, value in pairs])
    radius = psf_radius(float(sigma.max()), shape)
    if radius == 0:
        return image
    sigma = sigma.to(image.device).repeat_interleave(len(batch) // len(sigma))
    kernel = KERNELS[shape]
    convolution = convolve_separably if kernel.is_separable else convolve
    return convolution(batch, kernel.sample(sigma, radius)).reshape(image.shape)


def _blur_half(half: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur halved images (N, Y, X) with what remains of each sigma; N is a multiple of sigmas."""
    images = half.reshape(len(sigma_px), -1, *half.shape[-2:])
    return uniform_blur(images, halved_sigma(sigma_px), shape).reshape(half.shape)
