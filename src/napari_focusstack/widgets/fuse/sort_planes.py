"""A stack with its planes in another order, as a new layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.planes.layer_planes import focus_of, pixels_of
from napari_focusstack.widgets.controls.proxies import unwrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image

#: What a layer says of its file, which has the planes in the old order.
OF_THE_FILE = ("path", "positions")


def sorted_stack(viewer: ViewerModel, layer: Image, axis: int, order: Sequence[int]) -> Image:
    """Add a layer with the planes of another in a better order, and hide that one; return it.

    Parameters
    ----------
    viewer : ViewerModel
        Where the layer is added.
    layer : Image
        The stack. It stays as it is.
    axis : int
        Its axis of focus.
    order : sequence of int
        The planes in their new order, counted from 1. Those that it does not name are left out.
    """
    _, keywords, _ = unwrapped(layer).as_layer_data_tuple()
    about = {name: each for name, each in focus_of(layer).items() if name not in OF_THE_FILE}
    keywords |= {
        "name": f"{layer.name} sorted",
        "multiscale": False,
        "metadata": {"focusstack": {**about, "focus_axis": axis}},
    }
    planes = pixels_of(layer)[(*[slice(None)] * axis, np.subtract(order, 1))]
    layer.visible = False
    return viewer.add_image(planes, **keywords)
