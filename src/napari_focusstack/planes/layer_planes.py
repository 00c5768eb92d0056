"""The planes that napari's layers hold, told by what a layer has, without knowing napari."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.planes.axis_names import axis_letters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Layer(Protocol):
        """What is asked of a layer."""

        name: str
        data: Any
        ndim: int
        metadata: dict[str, Any]


def is_layer(thing: object) -> TypeGuard[Layer]:
    """Tell whether something is a layer rather than an array."""
    return all(hasattr(thing, name) for name in ("name", "data", "ndim", "metadata"))


def focus_of(layer: Layer) -> dict[str, Any]:
    """Return what a layer's metadata say of its focus: ``focus_axis``, ``near``, ``record``, ..."""
    told: dict[str, Any] = layer.metadata.get("focusstack", {})
    return told


def focus_axis_of(layer: Layer) -> int:
    """Return the focus axis of a layer: what its metadata say, or its axis labels, or the first."""
    told = focus_of(layer).get("focus_axis")
    if told is not None:
        return int(told)
    letters = axis_letters(getattr(layer, "axis_labels", None), layer.ndim - 2)
    return letters.index("Z") if "Z" in letters else 0


def stack_planes(
    layer: Layer, axis: int | None = None, step: Sequence[int] = ()
) -> list[np.ndarray]:
    """Return the planes of a stack layer.

    Parameters
    ----------
    layer : Layer
        Image layer of at least three axes, rows and columns last.
    axis : int, optional
        Focus axis; as :func:`focus_axis_of` finds it if not given.
    step : sequence of int
        Where the viewer's sliders stand, for axes beside focus, rows and columns; 0 if not given.

    Returns
    -------
    list of ndarray
        (Y, X) or (Y, X, 3) each.

    Raises
    ------
    InputError
        If the layer is multiscale, a single image, has no such axis, or has transparent pixels.
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
    _check_single_scale(layer)
    index, count = _index(layer, step), layer.data.shape[axis]
    return [
        _opaque(layer, layer.data[(*index[:axis], z, *index[axis + 1 :])]) for z in range(count)
    ]


def single_plane(layer: Layer, step: Sequence[int] = ()) -> np.ndarray:
    """Return the image (Y, X) or (Y, X, 3) that a layer shows where the sliders stand."""
    _check_single_scale(layer)
    return _opaque(layer, layer.data[_index(layer, step)])


def _index(layer: Layer, step: Sequence[int]) -> tuple[int, ...]:
    """Return where the sliders stand on each axis before rows and columns, 0 where none does."""
    places = [*step, *[0] * layer.ndim][: layer.ndim - 2]
    return tuple(min(at, size - 1) for at, size in zip(places, layer.data.shape, strict=False))


def _check_single_scale(layer: Layer) -> None:
    if getattr(layer, "multiscale", False):
        raise InputError(
            f"layer {layer.name!r} is multiscale; duplicate one of its levels and fuse that."
        )


def _opaque(layer: Layer, data: Any) -> np.ndarray:
    plane = np.ascontiguousarray(data)
    if plane.ndim == 3 and plane.shape[-1] == 4:
        if (plane[..., 3] != plane[..., 3].max()).any():
            raise InputError(
                f"layer {layer.name!r} has transparent pixels; remove its alpha channel first."
            )
        plane = np.ascontiguousarray(plane[..., :3])
    return plane
