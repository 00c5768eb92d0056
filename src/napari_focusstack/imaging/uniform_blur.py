"""Blur of whole images by one sigma each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.convolution import convolve, convolve_separably
from napari_focusstack.imaging.half_size import at_half_size, halved_sigma
from napari_focusstack.imaging.kernels import KERNELS, psf_radius

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.parameters import PsfShape

#: From this sigma on, px, an image is blurred at half its size: faster, and equal to 0.1%.
WIDE_PX = 5.0


def uniform_blur(image: Tensor, sigma_px: float | Tensor, shape: PsfShape) -> Tensor:
    """Blur images (..., Y, X) by one sigma, or each of a batch by its own, (B,); px."""
    batch = image.reshape(-1, *image.shape[-2:])
    sigma = torch.as_tensor(sigma_px, dtype=image.dtype, device=image.device).reshape(-1)
    if float(sigma.min()) >= WIDE_PX:
        return at_half_size(batch, lambda half: _of_batch(half, sigma, shape)).reshape(image.shape)
    if float(sigma.max()) >= WIDE_PX:
        pairs = zip(image, sigma.tolist(), strict=True)
        return torch.stack([uniform_blur(one, one_sigma, shape) for one, one_sigma in pairs])
    radius = psf_radius(float(sigma.max()), shape)
    if radius == 0:
        return image
    sigma = sigma.repeat_interleave(len(batch) // len(sigma))
    kernel = KERNELS[shape]
    convolution = convolve_separably if kernel.is_separable else convolve
    return convolution(batch, kernel.sample(sigma, radius)).reshape(image.shape)


def _of_batch(half: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur halved images (N, Y, X), N a multiple of the sigmas, by what is left of each sigma."""
    images = half.reshape(len(sigma_px), -1, *half.shape[-2:])
    return uniform_blur(images, halved_sigma(sigma_px), shape).reshape(half.shape)
