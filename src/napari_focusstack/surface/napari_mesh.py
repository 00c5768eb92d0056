"""A surface as a napari layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_focusstack.surface.surface import Surface, display


def napari_surface(
    surface: Surface, image: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], dict[str, Any]]:
    """Return the arguments of napari's `add_surface`: data, and keywords for the texture.

    By default napari's camera looks from high z. With the orientation ("away", "down", "right") it
    looks from low z, so that near surfaces are in front.

    Parameters
    ----------
    surface : Surface
        From `surface_of`.
    image : ndarray, (Y, X) or (Y, X, 3)
        The image that the surface was made from.

    Returns
    -------
    data : tuple of ndarray
        Vertices, faces, and a value of 1 for each vertex, which leaves the texture unchanged.
    keywords : dict
        Texture, texture coordinates, and settings that show the texture without shading.

    Examples
    --------
    >>> from napari_focusstack.surface.triangulation import surface_of
    >>> surface = surface_of(np.zeros((4, 5), np.float32), np.full((4, 5), 128, np.uint8))
    >>> (vertices, faces, values), keywords = napari_surface(surface, np.zeros((4, 5), np.uint8))
    >>> keywords["texture"].shape, keywords["texcoords"].shape
    ((4, 5, 3), (20, 2))
    """
    texture = display(image)
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
