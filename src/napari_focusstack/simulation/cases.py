"""Simulated cases on disk: pairs with truth, mask and blur, in the layout that evaluation reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_focusstack.files import write_text
from napari_focusstack.imaging.luminance import luminance
from napari_focusstack.imaging.srgb import linear_to_srgb, srgb_to_linear
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.simulation.material import (
    CUTOUT_PX,
    PHOTO_PX,
    SHAPE_PX,
    SourceImages,
    fit_square,
)
from napari_focusstack.simulation.pairs import SceneParameters, synthesise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Generator, Tensor


#: Scenes of one foreground over one background without defects, most of them hair: the mattes and
#: the optics that a fusion is asked for. The camera's part is in :func:`write_cases`.
PAIR_SCENES = SceneParameters(
    sigma_px=(1.5, 8.0),
    second_layer=0.0,
    third_layer=0.0,
    curved=0.0,
    flat=0.1,
    mattes=0.6,
    defects=0.0,
)
#: Every so many cases one is 16-bit grey, linear, with noise; the others are 8-bit sRGB.
GREY_EVERY = 4
#: Read noise and shot noise of the grey cases at full light.
READ_NOISE, SHOT_NOISE = 0.002, 0.01


def bundled_material() -> SourceImages:
    """Return the pictures that scikit-image carries inside its package, without shapes."""
    from skimage import data

    names = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry", "retina")
    photos = [fit_square(getattr(data, name)(), PHOTO_PX) for name in names]
    shapes = torch.empty(0, 1, SHAPE_PX, SHAPE_PX, dtype=torch.uint8)
    cutouts = torch.empty(0, 4, CUTOUT_PX, CUTOUT_PX, dtype=torch.uint8)
    return SourceImages(torch.cat(photos), shapes, cutouts)


def write_cases(
    folder: Path, count: int, side: int, material: SourceImages, seed: int, scenes: SceneParameters
) -> Iterator[int]:
    """Write cases ``0001-near.png``, ``-far.png``, ``-truth.png``, ``-mask.png``, ``-meta.json``.

    Three in four are 8-bit sRGB, every fourth is 16-bit grey, linear, with shot and read noise; the
    truth has none.

    Parameters
    ----------
    folder : Path
        Where to; must exist.
    count, side : int
        How many pairs, and their side in px, a multiple of 8.
    material : Material
        Pictures to draw from.
    seed : int
        Source of chance: the same seed writes the same cases.
    scenes : SceneParameters
        What to draw.

    Yields
    ------
    int
        Cases written so far.
    """
    generator = torch.Generator(material.device).manual_seed(seed)
    for number in range(1, count + 1):
        pairs = synthesise(material, 1, side, generator, scenes)
        near, far = (srgb_to_linear(plane[0]) for plane in (pairs.near, pairs.far))
        planes = {"near": near, "far": far, "truth": pairs.all_in_focus[0].expand_as(near)}
        for kind, light in planes.items():
            if number % GREY_EVERY:
                image = _pixels(linear_to_srgb(light.clamp(0, 1)), np.uint8)
            else:
                image = _grey(light, generator, noisy=kind != "truth")
            write_image(folder / f"{number:04}-{kind}.png", image)
        write_image(folder / f"{number:04}-mask.png", _pixels(pairs.alpha[0], np.uint8))
        meta = {"sigma_px": float(pairs.sigma_px[0]), "seed": seed}
        write_text(folder / f"{number:04}-meta.json", json.dumps(meta))
        yield number


def _grey(light: Tensor, generator: Generator, *, noisy: bool) -> np.ndarray:
    """Photograph light (3, Y, X) with a scientific camera: (Y, X) uint16."""
    grey = luminance(light)
    if noisy:
        noise = torch.randn(grey.shape, generator=generator, device=generator.device)
        grey = grey + noise * (READ_NOISE**2 + SHOT_NOISE**2 * grey).sqrt()
    return _pixels(grey.clamp(0, 1), np.uint16)


def _pixels(image: Tensor, dtype: type[np.integer[Any]]) -> np.ndarray:
    """Return (C, Y, X), 0..1, as (Y, X, 3) or (Y, X) of an unsigned type."""
    pixels = (image.permute(1, 2, 0) * np.iinfo(dtype).max).round().cpu().numpy().astype(dtype)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
