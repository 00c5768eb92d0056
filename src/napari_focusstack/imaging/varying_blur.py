"""Blurs whose sigma differs from pixel to pixel: scattered from or gathered at each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import torch

from napari_focusstack.filters.select import blend, unique_values
from napari_focusstack.imaging.blur import blur, doubled, halved, halved_sigma
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.runtime.region import bounding_box, pad

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.kernels import PsfShape


#: From this sigma on, blurs that differ from pixel to pixel are computed at half the size, px: less
#: exact than convolving, but so are distances, for which few values stand.
WIDE_PX = 3.0
#: Distance between surface and plane in plane steps: one for all, one for each image of a batch
#: (n,), or one for each pixel (n, 1, Y, X). A pair is one step apart.
DistanceSteps = float | torch.Tensor


def gather_blur(
    image: Tensor, sigma_px: float, shape: PsfShape, steps: DistanceSteps = 1.0
) -> Tensor:
    """Return an image (n, C, Y, X) blurred at each pixel by so many steps times a sigma."""
    if not is_per_pixel(steps):
        return blur(image, sigma_px * steps, shape)
    # what is compared by it tolerates a blur of the nearest power of two
    return _gather(image, sigma_px * torch.exp2(steps.log2().round()), shape)


def is_per_pixel(steps: DistanceSteps) -> TypeGuard[Tensor]:
    """Tell whether steps differ from pixel to pixel."""
    return isinstance(steps, torch.Tensor) and steps.ndim == 4


def _scatter(layers: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur the light (n, C + 1, Y, X) of each pixel by its own sigma, of a few, and add it all up.

    What is blurred widely is so at half the size, all of it together.
    """
    light = torch.zeros_like(layers)
    present = layers[:, -1:] > 0
    wide = present & (sigma_px >= WIDE_PX)
    for sigma in unique_values(sigma_px[present & ~wide]):
        here = present & (sigma_px == sigma)
        where = _within_reach(here, psf_radius(sigma, shape))
        light[where] += blur(layers[where] * here[where], sigma, shape)
    if wide.any():
        half = _scatter(halved(layers * wide), _downsample_sigma(sigma_px * wide), shape)
        light += doubled(half, layers.shape[-2:])
    return light


def _gather(image: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Return an image (n, C, Y, X) blurred at each pixel by the sigma there, of a few."""
    blurred = torch.zeros_like(image)
    wide = sigma_px >= WIDE_PX
    for sigma in unique_values(sigma_px[~wide]):
        here = sigma_px == sigma
        where = _within_reach(here, psf_radius(sigma, shape))
        blurred[where] += blur(image[where], sigma, shape) * here[where]
    if wide.any():
        half = _gather(halved(image), _downsample_sigma(sigma_px), shape)
        blurred = blend(wide, doubled(half, image.shape[-2:]), blurred)
    return blurred


def _downsample_sigma(sigma_px: Tensor) -> Tensor:
    """Return the sigmas that are left to blur by at half the size: the greatest of each four."""
    return halved_sigma(halved(sigma_px, torch.maximum))


def _within_reach(present: Tensor, reach_px: int) -> tuple[slice, ...]:
    """Return an index of the rows and columns near the true pixels of (n, 1, Y, X)."""
    flat = present[:, 0].any(0)
    where = bounding_box(flat)
    assert where is not None
    height, width = flat.shape
    return (slice(None), slice(None), *pad(where, reach_px, (height, width)))
