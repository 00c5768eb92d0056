"""Blurs whose sigma differs from pixel to pixel."""

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

    from napari_focusstack.parameters import PsfShape

#: From this sigma on, px, these blurs are computed at half the size, all wide ones at once. That is
#: less exact than convolving, but so are distances, which are rounded to few values.
WIDE_PX = 3.0


def is_per_pixel(values: float | Tensor) -> TypeGuard[Tensor]:
    """Tell whether values differ from pixel to pixel: a tensor of shape (n, 1, Y, X)."""
    return isinstance(values, torch.Tensor) and values.ndim == 4


def scatter(layers: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Spread the light (n, C + 1, Y, X) of each pixel by its own sigma, and add it all up.

    The last channel is alpha; sigma (n, 1, Y, X), px, has few values.
    """
    light = torch.zeros_like(layers)
    present = layers[:, -1:] > 0
    wide = present & (sigma_px >= WIDE_PX)
    for sigma in unique_values(sigma_px[present & ~wide]):
        here = present & (sigma_px == sigma)
        near = _within_reach(here, psf_radius(sigma, shape))
        light[near] += uniform_blur(layers[near] * here[near], sigma, shape)
    if wide.any():
        light += at_half_size(
            layers * wide, lambda half: scatter(half, _downsample_sigma(sigma_px * wide), shape)
        )
    return light


def gather(image: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Return images (n, C, Y, X) blurred at each pixel by the sigma there.

    Sigma (n, 1, Y, X), px, has few values.
    """
    blurred = torch.zeros_like(image)
    wide = sigma_px >= WIDE_PX
    for sigma in unique_values(sigma_px[~wide]):
        here = sigma_px == sigma
        near = _within_reach(here, psf_radius(sigma, shape))
        blurred[near] += uniform_blur(image[near], sigma, shape) * here[near]
    if wide.any():
        coarse = at_half_size(image, lambda half: gather(half, _downsample_sigma(sigma_px), shape))
        blurred = blend(wide, coarse, blurred)
    return blurred


def _downsample_sigma(sigma_px: Tensor) -> Tensor:
    """Return the sigmas that are left to blur by at half the size: the greatest of each four."""
    return halved_sigma(halved(sigma_px, torch.maximum))


def _within_reach(present: Tensor, reach_px: int) -> tuple[slice, ...]:
    """Return an index of the rows and columns near the true pixels of (n, 1, Y, X)."""
    flat = present[:, 0].any(0)
    box = bounding_box(flat)
    assert box is not None
    height, width = flat.shape
    return (slice(None), slice(None), *pad(box, reach_px, (height, width)))
