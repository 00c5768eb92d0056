"""Planes of napari layers. A layer is recognised by its attributes; napari is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.planes.axis_names import axis_letters
from napari_focusstack.planes.lazy_plane import WHOLE
from napari_focusstack.planes.shown import without_alpha

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Layer(Protocol):
        """The attributes of a napari layer that are used here."""

        name: str
        data: Any
        ndim: int
        scale: Any
        metadata: dict[str, Any]


def is_layer(thing: object) -> TypeGuard[Layer]:
    """Return whether an object is a layer rather than an array."""
    return all(hasattr(thing, name) for name in ("name", "data", "ndim", "metadata"))


def focus_of(layer: Layer) -> dict[str, Any]:
    """Return the focus stacking metadata of a layer: ``focus_axis``, ``near``, ``record``, ..."""
    metadata: dict[str, Any] = layer.metadata.get("focusstack", {})
    return metadata


def focus_axis_of(layer: Layer) -> int:
    """Return the focus axis of a layer.

    It is the one that the metadata name, else the one whose label does. Else it is the last of the
    axes without a telling label before rows and columns, for that is where most files have depth;
    axes of one slice are passed over. Else it is the first axis.
    """
    axis = focus_of(layer).get("focus_axis")
    if axis is not None:
        return int(axis)
    letters = axis_letters(getattr(layer, "axis_labels", None), layer.ndim - 2)
    if "Z" in letters:
        return letters.index("Z")
    shape = pixels_of(layer).shape
    unnamed = [axis for axis, letter in enumerate(letters) if letter is None and shape[axis] > 1]
    return unnamed[-1] if unnamed else 0


def positions_of(layer: Layer, axis: int) -> list[float] | None:
    """Return where each plane of a stack layer lies, in the unit of its focus axis.

    None where steps are equal, as far as is known, or where another axis is the focus axis. If the
    scale of the layer was changed since its file was read, the positions are scaled with it.
    """
    about = focus_of(layer)
    places = about.get("positions")
    is_along = about.get("focus_axis") == axis
    if places is None or not is_along or len(places) != pixels_of(layer).shape[axis]:
        return None
    stretch = abs(float(layer.scale[axis])) / about["z_step"]
    return [place * stretch for place in places]


def pixels_of(layer: Layer) -> Any:
    """Return the pixels of a layer; of a multiscale layer, its finest level."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def stack_planes(
    layer: Layer,
    axis: int | None = None,
    step: Sequence[int] = (),
    region: tuple[slice, slice] = WHOLE,
) -> list[np.ndarray]:
    """Return the planes of a stack layer.

    Parameters
    ----------
    layer : Layer
        Image layer of at least three axes, rows and columns last. Of a multiscale layer, the finest
        level is read.
    axis : int, optional
        Focus axis; from :func:`focus_axis_of` if not given.
    step : sequence of int
        Positions of the viewer's sliders, one for each axis; 0 for axes without one.
    region : tuple of slice
        Rows and columns. Of a lazy layer, no others are read than its chunks need.

    Returns
    -------
    list of ndarray
        (Y, X) or (Y, X, 3) each; masked where an RGBA layer is transparent.

    Raises
    ------
    InputError
        If the layer is a single image, or has no such axis.
    """
    if layer.ndim < 3:
        raise InputError(
            f"layer {layer.name!r} is a single image of {layer.ndim} axes; choose a stack, or a "
            "second layer as the far plane."
        )
    axis = focus_axis_of(layer) if axis is None else axis
    if not 0 <= axis < layer.ndim - 2:
        raise InputError(
            f"focus axis {axis} of layer {layer.name!r} is not before its rows and columns; "
            f"choose 0 to {layer.ndim - 3}."
        )
    count = pixels_of(layer).shape[axis]
    return [
        without_alpha(np.ascontiguousarray(plane_at(layer, axis, step, z)[region]))
        for z in range(count)
    ]


def plane_at(layer: Layer, axis: int, step: Sequence[int], number: int) -> Any:
    """Return a plane of a stack layer, counted from 0, as the layer holds it: lazy, or a view."""
    index = _index(layer, step)
    return pixels_of(layer)[(*index[:axis], number, *index[axis + 1 :])]


def single_plane(
    layer: Layer, step: Sequence[int] = (), region: tuple[slice, slice] = WHOLE
) -> np.ndarray:
    """Return rows and columns (Y, X) or (Y, X, 3) of a layer at the positions of the sliders."""
    return without_alpha(np.ascontiguousarray(pixels_of(layer)[_index(layer, step)][region]))


def _index(layer: Layer, step: Sequence[int]) -> tuple[int, ...]:
    """Return the slider positions of the axes before rows and columns, limited to their sizes."""
    positions = [*step, *[0] * layer.ndim][: layer.ndim - 2]
    return tuple(
        min(position, size - 1)
        for position, size in zip(positions, pixels_of(layer).shape, strict=False)
    )
