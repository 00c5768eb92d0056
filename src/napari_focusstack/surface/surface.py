"""A textured triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_focusstack.imaging.number_types import as_opencv

#: Share of pixels that the range of a texture clips at each end. Convention.
DISPLAY_TAIL = 0.001


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh whose front faces low z.

    Parameters
    ----------
    vertices : ndarray, (V, 3)
        Positions (z, y, x) in world units, float32.
    faces : ndarray, (F, 3)
        Indices of the corners of each triangle, int32, counter-clockwise in the image.
    colours : ndarray, (V, 3) or (V,)
        Mean RGB or grey value around each vertex, uint8, scaled as by `display`.
    texcoords : ndarray, (V, 2)
        Position (u, v) of each vertex in the image, 0..1, u to the right and v upwards, float32.
    jump : float
        Greatest difference along z within a triangle, world units. Triangles beyond it were left
        out.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    texcoords: np.ndarray
    jump: float


def display(image: np.ndarray) -> np.ndarray:
    """Return an image as 8 bits for display.

    uint8 is unchanged. Other types are stretched to 0..255, with 0.1% clipped at each end.
    """
    if image.dtype == np.uint8:
        return image
    values = as_opencv(image)
    dark, bright = np.quantile(values[::4, ::4], [DISPLAY_TAIL, 1 - DISPLAY_TAIL])
    scale = 255 / (bright - dark) if bright > dark else 0.0
    stretched = (values - dark) * scale
    return np.clip(stretched, 0, 255).round().astype(np.uint8)
