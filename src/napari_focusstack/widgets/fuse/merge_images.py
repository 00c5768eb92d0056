"""Single images that were dropped one by one become one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import ViewerModel
    from napari.layers import Image


def alike(layer: Image, others: Iterable[Image]) -> list[Image]:
    """Return the single images of the size and type of one, itself among them.

    Returns
    -------
    list of Image
        In the order of the numbers in their names: z2 before z10. Empty if the layer is no single
        image.
    """
    from natsort import natsorted

    def kind(one: Image) -> tuple[object, ...]:
        return one.rgb, one.multiscale, one.ndim, one.data.shape, one.data.dtype

    if layer.ndim > 2 or layer.multiscale:
        return []
    return natsorted((one for one in others if kind(one) == kind(layer)), key=lambda one: one.name)


def merge(viewer: ViewerModel, images: list[Image]) -> Image:
    """Put one layer with an axis for focus in the place of single images; return it."""
    first = images[0]
    name = first.name.rstrip("0123456789").rstrip(" _-.")
    stack = viewer.add_image(
        np.stack([np.asarray(image.data) for image in images]),
        rgb=first.rgb,
        scale=(1.0, *first.scale),
        translate=(0.0, *first.translate),
        units=("pixel", *map(str, first.units)),
        axis_labels=("z", *first.axis_labels),
        contrast_limits=None if first.rgb else first.contrast_limits,
        metadata={"focusstack": {"focus_axis": 0}},
    )
    for image in images:
        viewer.layers.remove(image)
    stack.name = name or first.name  # which an image may have had
    return stack
