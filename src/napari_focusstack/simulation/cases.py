"""Simulated cases on disk: pairs with ground truth, as the evaluation reads them."""

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


#: One foreground over one background, most of them with hair, without defects (convention). The
#: noise of the camera is added by :func:`write_cases`.
PAIR_SCENES = SceneParameters(
    sigma_px=(1.5, 8.0),
    second_layer=0.0,
    third_layer=0.0,
    curved=0.0,
    flat=0.1,
    mattes=0.6,
    defects=0.0,
)
#: One case in so many is 16-bit grey, linear, with noise; the others are 8-bit sRGB (convention).
GREY_EVERY = 4
#: Standard deviation of read and shot noise of the grey cases at full light, of full scale
#: (convention).
READ_NOISE, SHOT_NOISE = 0.002, 0.01


def bundled_material() -> SourceImages:
    """Return pictures that the package scikit-image contains; no shapes and no cutouts."""
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

    Three cases in four are 8-bit sRGB. Every fourth is 16-bit grey, linear, with shot and read
    noise. The ground truth has no noise.

    Parameters
    ----------
    folder : Path
        Folder to write to; must exist.
    count, side : int
        Number of pairs, and their side in px, a multiple of 8.
    material : SourceImages
        Images to draw from.
    seed : int
        Seed of the random numbers; the same seed writes the same cases.
    scenes : SceneParameters
        Distribution of the scenes.

    Yields
    ------
    int
        Number of cases written so far.
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
    """Return light (3, Y, X) as recorded by a scientific camera: (Y, X) uint16."""
    grey = luminance(light)
    if noisy:
        noise = torch.randn(grey.shape, generator=generator, device=generator.device)
        grey = grey + noise * (READ_NOISE**2 + SHOT_NOISE**2 * grey).sqrt()
    return _pixels(grey.clamp(0, 1), np.uint16)


def _pixels(image: Tensor, dtype: type[np.integer[Any]]) -> np.ndarray:
    """Return an image (C, Y, X), 0..1, as (Y, X, 3) or (Y, X) of an unsigned integer type."""
    pixels = (image.permute(1, 2, 0) * np.iinfo(dtype).max).round().cpu().numpy().astype(dtype)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
