"""Textures of the layers of training scenes: crops of photos, and surfaces without detail."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.imaging.srgb import srgb_to_linear
from napari_focusstack.simulation.shapes import choose, mirrored, pick, place, smooth_noise, uniform

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages


def texture(
    material: SourceImages, count: int, side: int, flat: float, generator: Generator
) -> Tensor:
    """Draw textures of layers.

    Parameters
    ----------
    material : SourceImages
        Its photos are used.
    count, side : int
        Number of textures, and their side in px.
    flat : float
        Share without detail: the coarse colours of a photo, or one colour with a faint photo on it.
    generator : torch.Generator
        Random numbers.

    Returns
    -------
    Tensor
        Shape (count, 3, side, side), linear light, 0..1.
    """
    crop = _photos(material.photos, count, side, generator)
    without_detail = choose(count, flat, generator)[:, None, None, None]
    smooth = choose(count, 0.4, generator)[:, None, None, None]
    cells = functional.adaptive_avg_pool2d(crop, max(1, side // 48))
    coarse = functional.interpolate(cells, (side, side), mode="bicubic", align_corners=False)
    crop = torch.where(without_detail & smooth, coarse, crop)

    grey = crop.mean((2, 3), keepdim=True)
    contrast = torch.where(
        without_detail & ~smooth,
        uniform((count, 1, 1, 1), 0.0, 0.12, generator),
        uniform((count, 1, 1, 1), 0.6, 1.2, generator),
    )
    painted = choose(count, 0.5, generator)[:, None, None, None] & (contrast < 0.15)
    paint = 0.3 * uniform((count, 3, 1, 1), 0.02, 0.98, generator) + uniform(
        (count, 1, 1, 1), 0.0, 0.7, generator
    )
    level = torch.where(painted, paint, grey)
    shaded = choose(count, 0.5, generator)[:, None, None, None]
    depth = uniform((count, 1, 1, 1), 0.0, 0.2, generator) * shaded
    shading = 1 + depth * smooth_noise(count, side, 1, generator)
    return srgb_to_linear((level * shading + contrast * (crop - grey)).clamp(0, 1))


def _photos(photos: Tensor, count: int, side: int, generator: Generator) -> Tensor:
    """Return crops (count, 3, side, side) of photos, half of them rotated and slightly scaled."""
    picked = pick(photos, count, generator)
    rotated = choose(count, 0.5, generator)
    zoom = torch.where(
        rotated, uniform((count,), 0.7, 1.3, generator), torch.ones(()).to(picked.device)
    )
    angle = uniform((count,), -math.pi, math.pi, generator) * rotated
    photo_side = photos.shape[-1]
    spare = max(0.0, 1 - side / photo_side)
    shift_px = (photo_side * spare / 2 * uniform((count, 2), -1, 1, generator)).round()
    shift = 2 * shift_px / photo_side
    crop = place(picked, side, zoom, angle, shift, padding="reflection").clamp(0, 1)
    return mirrored(crop, generator)
