"""Layers of a file as they were where this plugin wrote it: axes in their order, scale, place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_focusstack.io.reading.record import read_note
from napari_focusstack.io.reading.stack_header import opened
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.plugin.layer_data import layers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from dask.array import Array

    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.plugin.layer_data import LayerData


def layers_as_written(stack: StackHeader) -> list[LayerData]:
    """Read the layers that show a stack.

    Parameters
    ----------
    stack : FocalStack
        From `napari_focusstack.io.reading.stack_header.find_stacks`.

    Returns
    -------
    list of LayerData
        As `napari_focusstack.plugin.layer_data.layers_of` describes them. Those that
        `napari_focusstack.io.writing.layer_tiff.write_tiff` wrote have the axes that they had, also where
        there is but one slice of them, and lie where they did.

    Examples
    --------
    A result of a stack (T, Z, Y, X) has one slice along Z, which lies in its middle:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from napari_focusstack.io.reading.stack_header import find_stacks
    >>> from napari_focusstack.io.writing.layer_tiff import write_tiff
    >>> path = Path(tempfile.mkdtemp()) / "fused.tif"
    >>> over = {"scale": (30, 10, 1, 1), "units": ("s", "um", "um", "um")}
    >>> data = np.zeros((3, 1, 32, 48), np.uint8)
    >>> write_tiff(path, data, axes="TZYX", translate=(0, 4, 0, 0), **over)
    >>> ((data, meta, _),) = layers_as_written(find_stacks([path])[0])
    >>> data.shape, meta["axis_labels"], meta["scale"], meta["translate"]
    ((3, 1, 32, 48), ('t', 'z', 'y', 'x'), (30, 10, 1, 1), (0.0, 4.0, 0.0, 0.0))
    """
    note = _note(stack)
    whole, data = _with_axes(stack, pixels(stack), note.get("steps", {}))
    layers = layers_of(whole, data)
    for _, meta, _ in layers:
        if places := note.get("translate"):
            meta["translate"] = tuple(places.get(axis.upper(), 0.0) for axis in meta["axis_labels"])
        if "Z" in whole.axes and "Z" not in stack.axes:
            # of one slice: what changes along any other axis is not focus
            for name in ("focus_axis", "z_step", "unit"):
                meta["metadata"]["focusstack"].pop(name, None)
    return layers


def _note(stack: StackHeader) -> dict[str, Any]:
    """Return what was noted of the layer, if anything was."""
    if len(stack.files) > 1:
        return {}
    with opened(stack.files[0]) as tiff:
        return read_note(tiff) or {}


def _with_axes(
    stack: StackHeader, data: np.ndarray | Array, steps: Mapping[str, tuple[float, str]]
) -> tuple[StackHeader, np.ndarray | Array]:
    """Return a stack with its axes in the order of steps, and one slice along those it lacks."""
    # a layer of one channel has none
    axes = [axis for axis in steps if axis != "C" or axis in stack.axes]
    letters = "".join(axes) + "S" * stack.rgb
    if not set(stack.axes) <= set(letters):
        return stack, data
    lacking = [axis for axis in axes if axis not in stack.axes]
    there = [*lacking, *stack.axes]
    data = data[(None,) * len(lacking)].transpose([there.index(axis) for axis in letters])
    scale, units = zip(*(steps[axis] for axis in axes), strict=True)
    return replace(stack, axes=letters, shape=data.shape, scale=scale, units=units), data
