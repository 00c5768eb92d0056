"""Simulated cases on disk: pairs with truth, mask and blur, in the layout that evaluation reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.io.writer import write_image, write_text
from napari_focusstack.optics import linear_to_srgb
from napari_focusstack.training.material import PHOTO_PX, Material, fit_square
from napari_focusstack.training.synthesis import SceneParameters, synthesise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

#: Scenes of one foreground over one background, as cameras see them: the paper's setting.
PAIR_SCENES = SceneParameters(sigma_px=(1.5, 8.0), second_layer=0.0, curved=0.0, flat=0.1)


def bundled_material() -> Material:
    """Return the pictures that scikit-image carries inside its package, without shapes."""
    from skimage import data

    names = ("astronaut", "coffee", "chelsea", "rocket", "immunohistochemistry", "retina")
    photos = [fit_square(getattr(data, name)(), PHOTO_PX) for name in names]
    none = torch.empty(0, 1, PHOTO_PX // 2, PHOTO_PX // 2, dtype=torch.uint8)
    return Material(torch.cat(photos), none, none.expand(0, 4, -1, -1))


def write_cases(
    folder: Path, count: int, side: int, material: Material, seed: int, scenes: SceneParameters
) -> Iterator[int]:
    """Write cases ``0001-near.png``, ``-far.png``, ``-truth.png``, ``-mask.png``, ``-meta.json``.

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
        images = {
            "near": pairs.near,
            "far": pairs.far,
            "truth": linear_to_srgb(pairs.all_in_focus.clamp(0, 1)).expand_as(pairs.near),
            "mask": pairs.alpha,
        }
        for kind, image in images.items():
            write_image(folder / f"{number:04}-{kind}.png", _eight_bits(image[0]))
        meta = {"sigma_px": float(pairs.sigma_px[0]), "seed": seed}
        write_text(folder / f"{number:04}-meta.json", json.dumps(meta))
        yield number


def _eight_bits(image: Tensor) -> np.ndarray:
    """Return (C, Y, X), 0..1, as uint8 (Y, X, 3) or (Y, X)."""
    pixels = (image.permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
