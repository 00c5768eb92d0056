"""A surface as napari shows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_focusstack.surface.surface import Surface, shown


def napari_surface(
    surface: Surface, image: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], dict[str, Any]]:
    """Return what napari's `add_surface` takes: data, and keywords for the texture.

    napari's camera looks from high z unless its orientation is ("away", "down", "right"): so low z
    is seen in front.

    Parameters
    ----------
    surface : Surface
        From `surface_of`.
    image : ndarray, (Y, X) or (Y, X, 3)
        The image that it was made from.

    Returns
    -------
    data : tuple of ndarray
        Vertices, faces, and a value of 1 for each vertex, which leaves the texture as it is.
    keywords : dict
        Texture, texture coordinates, and what shows them plainly.

    Examples
    --------
    >>> from napari_focusstack.surface.triangulation import surface_of
    >>> surface = surface_of(np.zeros((4, 5), np.float32), np.full((4, 5), 128, np.uint8))
    >>> (vertices, faces, values), keywords = napari_surface(surface, np.zeros((4, 5), np.uint8))
    >>> keywords["texture"].shape, keywords["texcoords"].shape
    ((4, 5, 3), (20, 2))
    """
    texture = shown(image)
    if texture.ndim == 2:
        texture = np.repeat(texture[..., None], 3, axis=2)
    values = np.ones(len(surface.vertices), np.float32)
    keywords = {
        "texture": texture,
        "texcoords": surface.texcoords,
        "colormap": "gray",
        "contrast_limits": (0.0, 1.0),
        "shading": "none",
    }
    return (surface.vertices, surface.faces, values), keywords
