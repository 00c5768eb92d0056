"""Shapes and textures of the samples."""

from __future__ import annotations

import numpy as np


def blades(size: tuple[int, int], *, turned: bool = False) -> np.ndarray:
    """Draw long thin blades that rise from the lower edge, or extend across the image.

    Parameters
    ----------
    size : tuple of int
        Height and width, px.
    turned : bool
        Whether they are horizontal.

    Returns
    -------
    ndarray of float32, (Y, X)
        Alpha, 0 to 1, with anti-aliased edges.
    """
    if turned:
        return np.ascontiguousarray(blades((size[1], size[0])).T)
    rng = np.random.default_rng(2)
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    inside = np.full(size, -np.inf, np.float32)
    for root in np.linspace(0.04, 0.96, 9) + rng.normal(0, 0.02, 9):
        tip, lean = rng.uniform(0.25, 0.75), rng.normal(0, 0.12)
        start, end = (1.05 * height, root * width), (tip * height, (root + lean) * width)
        thick = rng.uniform(0.012, 0.03) * height
        inside = np.maximum(inside, taper(y, x, start, end, thick, 0.002 * height))
    return np.clip(inside + 0.5, 0, 1).astype(np.float32)


def pebbles(size: tuple[int, int], seed: int) -> np.ndarray:
    """Draw irregular islands that cover a third of the image.

    Parameters
    ----------
    size : tuple of int
        Height and width, px.
    seed : int
        Seed of the random shapes.

    Returns
    -------
    ndarray of float32, (Y, X)
        Alpha, 0 to 1, with edges about a pixel wide.
    """
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).standard_normal(size)
    field = gaussian_filter(noise, size[0] / 22)
    steepness = np.abs(np.array(np.gradient(field))).sum(0).mean()
    return np.clip((field - np.quantile(field, 0.67)) / steepness + 0.5, 0, 1).astype(np.float32)


def cover(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a picture so that it covers `size`, crop its middle; return float32, 0 to 1."""
    from skimage.transform import resize

    scale = max(size[0] / picture.shape[0], size[1] / picture.shape[1])
    shape = tuple(max(round(scale * n), m) for n, m in zip(picture.shape[:2], size, strict=True))
    scaled = resize(picture, shape, anti_aliasing=scale < 1)
    top, left = (shape[0] - size[0]) // 2, (shape[1] - size[1]) // 2
    return scaled[top : top + size[0], left : left + size[1]].astype(np.float32)


def taper(
    y: np.ndarray,
    x: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    start_width: float,
    end_width: float,
) -> np.ndarray:
    """Return the signed distance to the edge of a round stroke, positive inside.

    The width of the stroke changes linearly from start to end. All lengths are in px.
    """
    dy, dx = end[0] - start[0], end[1] - start[1]
    along = np.clip(((y - start[0]) * dy + (x - start[1]) * dx) / (dy**2 + dx**2), 0, 1)
    distance = np.hypot(y - start[0] - along * dy, x - start[1] - along * dx)
    return (start_width + along * (end_width - start_width)) / 2 - distance
