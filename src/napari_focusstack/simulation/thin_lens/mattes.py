"""Outlines of surfaces: stored alphas, blobs, holes, meshes, hairs and bristles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from napari_focusstack.simulation.shapes import blobs, mesh, place, stored_alpha
from napari_focusstack.simulation.strands import filaments, fringe
from napari_focusstack.simulation.thin_lens.paints import torch_generator

if TYPE_CHECKING:
    from numpy.random import Generator

    from napari_focusstack.simulation.material import SourceImages

#: Shares of outlines: stored, blob, its complement (a hole), mesh, strands.
KINDS = ("stored", "blob", "hole", "mesh", "strands")
SHARES = (0.35, 0.25, 0.12, 0.1, 0.18)


def matte(
    material: SourceImages, side: int, generator: Generator, kind: str | None = None
) -> np.ndarray:
    """Draw an outline.

    Parameters
    ----------
    material : SourceImages
        Its shapes are drawn from.
    side : int
        Of the canvas.
    generator : numpy.random.Generator
        Source of chance.
    kind : {"stored", "blob", "hole", "mesh", "strands"}, optional
        Drawn by chance, if not given.

    Returns
    -------
    ndarray, (side, side), float32
        Coverage, 0..1; a fifth of all but strands and meshes is fringed with hair.
    """
    chosen = kind or generator.choice(KINDS, p=SHARES)
    source = torch_generator(generator)
    if chosen == "stored" and len(material.shapes):
        alpha = stored_alpha(material.shapes, 1, side, source)
    elif chosen == "mesh":
        return _smooth(mesh(1, side, source))
    elif chosen == "strands":
        strands = int(generator.integers(3, 25))
        return _smooth(filaments(1, side, source, strands))
    else:
        alpha = blobs(1, side, source)
        if chosen == "hole":
            alpha = 1 - alpha
    if generator.random() < 0.2:
        alpha = fringe(alpha, source, int(generator.integers(40, 200)))
    return _smooth(alpha)


def cutout(
    material: SourceImages, side: int, generator: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Place a stored cutout on a canvas: linear light (side, side, 3) and alpha (side, side)."""
    stored = material.cutouts[int(generator.integers(len(material.cutouts)))][None].float() / 255
    light = stored[:, :3] ** 2.2
    zoom = side / stored.shape[-1] * generator.uniform(0.5, 1.2)
    both = place(
        torch.cat([light * stored[:, 3:], stored[:, 3:]], 1),
        side,
        torch.tensor([zoom], dtype=torch.float32),
        torch.tensor([generator.uniform(-0.5, 0.5)], dtype=torch.float32),
        torch.from_numpy(generator.uniform(-0.4, 0.4, (1, 2))).float(),
        padding="zeros",
    )[0].clamp(0, 1)
    alpha = both[3:]
    filled = torch.where(alpha > 0.02, both[:3] / alpha.clamp(min=0.02), both[:3])
    return (
        filled.clamp(0, 1).permute(1, 2, 0).contiguous().numpy(),
        _smooth(alpha[None]),
    )


def _smooth(alpha: torch.Tensor) -> np.ndarray:
    """Soften outlines (1, 1, H, W) to what a canvas can hold without steps."""
    softened: np.ndarray = cv2.GaussianBlur(np.ascontiguousarray(alpha[0, 0].numpy()), (0, 0), 0.7)
    return softened.clip(0, 1)
