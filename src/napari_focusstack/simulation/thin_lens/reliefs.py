"""Reliefs of surfaces: parallel, slanted, curved and stepped, as maps of disparity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_focusstack.simulation.thin_lens.scene import CANVAS_SCALE, gentle

if TYPE_CHECKING:
    from numpy.random import Generator


def bumps(side: int, cells: int, generator: Generator) -> np.ndarray:
    """Return a smooth random field (side, side) in -1..1 with about so many bumps along a side."""
    coarse = generator.normal(size=(cells + 3, cells + 3)).astype(np.float32)
    field = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    field -= field.mean()
    scaled: np.ndarray = field / max(float(np.abs(field).max()), 1e-6)
    return scaled


def slope(side: int, direction: float) -> np.ndarray:
    """Return a tilted plane (side, side) that runs from -1 to 1 across the canvas."""
    y, x = np.mgrid[:side, :side].astype(np.float32) * (2 / (side - 1)) - 1
    reach = abs(math.cos(direction)) + abs(math.sin(direction))
    tilted: np.ndarray = (x * math.cos(direction) + y * math.sin(direction)) / reach
    return tilted.astype(np.float32)


def dome(side: int, generator: Generator) -> np.ndarray:
    """Return the near half of an ellipsoid on a flat ground, (side, side), in 0..1."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    off_y, off_x = generator.uniform(-0.2, 0.2, 2)
    half_y, half_x = generator.uniform(0.15, 0.45, 2)
    inside = 1 - ((y - off_y) / half_y) ** 2 - ((x - off_x) / half_x) ** 2
    lifted: np.ndarray = np.sqrt(inside.clip(min=0))
    return lifted.astype(np.float32)


def stairs(side: int, generator: Generator) -> np.ndarray:
    """Return terraces with smooth risers, (side, side), in -1..1."""
    field = bumps(side, int(generator.integers(1, 4)), generator)
    steps = generator.integers(2, 5)
    scaled = field * steps / 2
    sharpness = generator.uniform(3, 9)
    risen = np.floor(scaled) + 1 / (1 + np.exp(-sharpness * (np.mod(scaled, 1) - 0.5)))
    terraces: np.ndarray = (2 * risen / steps).astype(np.float32)
    return terraces


def relief(
    side: int, middle_px: float, reach_px: float, generator: Generator
) -> np.ndarray | float:
    """Draw the relief of a surface.

    Parameters
    ----------
    side : int
        Of the canvas.
    middle_px : float
        Disparity about which it lies, px.
    reach_px : float
        Most that it may lie off it, px.
    generator : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, (side, side), float32, or float
        A fifth parallel to the sensor, the others slanted, curved, domed or stepped.
    """
    kind = generator.choice(["parallel", "slanted", "curved", "domed", "stepped"], p=KINDS)
    if kind == "parallel" or reach_px < 0.05:
        return float(middle_px)
    if kind == "slanted":
        field = slope(side, generator.uniform(0, 2 * math.pi))
    elif kind == "curved":
        field = bumps(side, int(generator.integers(1, 5)), generator)
        field = field + 0.5 * slope(side, generator.uniform(0, 2 * math.pi))
    elif kind == "domed":
        field = generator.choice([-1, 1], p=[0.25, 0.75]) * (2 * dome(side, generator) - 1)
        field = cv2.GaussianBlur(field, (0, 0), 1.5 * CANVAS_SCALE)
    else:
        field = stairs(side, generator)
    field = field / max(float(np.abs(field).max()), 1e-6)
    return gentle(middle_px + reach_px * generator.uniform(0.2, 1.0) * field)


#: Shares of the kinds of :func:`relief`.
KINDS = (0.2, 0.3, 0.25, 0.15, 0.1)
