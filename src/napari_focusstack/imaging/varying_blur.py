"""Blur with a sigma for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import torch

from napari_focusstack.filters.select import blend, unique_values
from napari_focusstack.imaging.half_size import at_half_size, halved, halved_sigma
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.imaging.uniform_blur import uniform_blur
from napari_focusstack.runtime.region import bounding_box, pad

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.psf_shapes import PsfShape

#: From this sigma on, px, all sigmas together are blurred at half size, for speed. The error is
#: small against that of the distances, which are rounded to few values.
WIDE_PX = 3.0


def is_per_pixel(values: float | Tensor) -> TypeGuard[Tensor]:
    """Return whether values are given for each pixel: a tensor of shape (n, 1, Y, X)."""
    return isinstance(values, torch.Tensor) and values.ndim == 4


def scatter(layers: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur layers: each pixel spreads its light with its sigma, and the light is summed.

    Layers (n, C + 1, Y, X) are premultiplied; the last channel is alpha. Sigma (n, 1, Y, X), px,
    has few distinct values.
    """
    light = torch.zeros_like(layers)
    present = layers[:, -1:] > 0
    wide = present & (sigma_px >= WIDE_PX)
    for sigma in unique_values(sigma_px[present & ~wide]):
        selected = present & (sigma_px == sigma)
        window = _within_reach(selected, psf_radius(sigma, shape))
        light[window] += uniform_blur(layers[window] * selected[window], sigma, shape)
    if wide.any():
        light += at_half_size(
            layers * wide, lambda half: scatter(half, _downsample_sigma(sigma_px * wide), shape)
        )
    return light


def gather(image: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur images (n, C, Y, X): each output pixel is their blur with the sigma of this pixel.

    Sigma (n, 1, Y, X), px, has few distinct values.
    """
    blurred = torch.zeros_like(image)
    wide = sigma_px >= WIDE_PX
    for sigma in unique_values(sigma_px[~wide]):
        selected = sigma_px == sigma
        window = _within_reach(selected, psf_radius(sigma, shape))
        blurred[window] += uniform_blur(image[window], sigma, shape) * selected[window]
    if wide.any():
        coarse = at_half_size(image, lambda half: gather(half, _downsample_sigma(sigma_px), shape))
        blurred = blend(wide, coarse, blurred)
    return blurred


def _downsample_sigma(sigma_px: Tensor) -> Tensor:
    """Return the remaining sigmas at half size: the greatest of each 2 x 2 pixels."""
    return halved_sigma(halved(sigma_px, torch.maximum))


def _within_reach(present: Tensor, reach_px: int) -> tuple[slice, ...]:
    """Return an index of the rows and columns within reach of the true pixels of (n, 1, Y, X)."""
    flat = present[:, 0].any(0)
    box = bounding_box(flat)
    assert box is not None
    height, width = flat.shape
    return (slice(None), slice(None), *pad(box, reach_px, (height, width)))
