"""Surfaces as layers of napari."""

import numpy as np

from napari_focusstack.surface.napari_mesh import napari_surface
from napari_focusstack.surface.triangulation import surface_of

SIDE = 64


def slope(height=SIDE, width=SIDE):
    """Depth that rises by 0.1 per column and by 0.05 per row."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return 0.1 * x + 0.05 * y


def picture(height=SIDE, width=SIDE, dtype="uint8"):
    """Red tells the column, green the row."""
    y, x = np.mgrid[:height, :width]
    return np.stack([3 * x, 3 * y, np.full_like(x, 7)], -1).astype(dtype)


def test_napari_takes_the_surface_and_its_texture():
    from napari.layers import Surface as Layer

    for image in (picture(), picture()[..., 0]):
        surface = surface_of(slope(), image)
        data, keywords = napari_surface(surface, image)
        layer = Layer(data, **keywords)
        np.testing.assert_array_equal(layer.vertices, surface.vertices)
        assert layer.texture.shape == (SIDE, SIDE, 3)
        np.testing.assert_array_equal(layer.texture[..., 0], picture()[..., 0])
        assert len(layer.texcoords) == len(layer.vertex_values) == SIDE**2
