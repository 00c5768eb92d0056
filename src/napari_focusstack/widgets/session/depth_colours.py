"""One colour map for planes and depth: yellow is near, dark blue is far."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.utils.colormaps import Colormap


#: From yellow, near, over red to dark blue, far, in even steps of lightness. The two numbers are
#: places in napari's colour map, 0..1 (convention).
COLOURMAP, NEAR_END, FAR_END = "plasma", 0.92, 0.05
#: Number of colours of the map of depth: as many as a screen shows.
SHADES = 256


def _shades(count: int) -> np.ndarray:
    """Return colours from near to far, (count, 4), 0..1."""
    from napari.utils.colormaps import ensure_colormap

    shades: np.ndarray = ensure_colormap(COLOURMAP).map(np.linspace(NEAR_END, FAR_END, count))
    return shades


def depth_colourmap() -> Colormap:
    """Return the colour map of depth, from near to far."""
    from napari.utils.colormaps import Colormap

    return Colormap(_shades(SHADES), name="near to far")


def plane_colours(planes: int) -> dict[int, np.ndarray]:
    """Return the colour (R, G, B, A), 0..1, of each plane, counted from 1, the nearest.

    They are those of depth at the planes.
    """
    return dict(enumerate(_shades(planes), 1))
