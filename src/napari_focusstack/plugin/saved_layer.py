"""Layers from a file that this plugin wrote, with their order of axes, scale and position."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_focusstack.io.bit_mask import mask_from_bytes
from napari_focusstack.io.reading.record import attachments_in, read_note
from napari_focusstack.io.reading.stack_header import opened
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.plugin.layer_data import layers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from dask.array import Array

    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.plugin.layer_data import LayerData
    from napari_focusstack.runtime.schemas import Note


def layers_as_written(stack: StackHeader) -> list[LayerData]:
    """Read the layers of a stack.

    Parameters
    ----------
    stack : StackHeader
        From `napari_focusstack.io.reading.find_stacks.find_stacks`.

    Returns
    -------
    list of LayerData
        See `napari_focusstack.plugin.layer_data.layers_of`. If
        `napari_focusstack.io.writing.layer_tiff.write_tiff` wrote the file, they have the position
        of the written layer and all its axes, also those with one slice.

    Examples
    --------
    A result of a stack (T, Z, Y, X) has one slice along Z, in the middle of the stack:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from napari_focusstack.io.reading.find_stacks import find_stacks
    >>> from napari_focusstack.io.writing.layer_tiff import write_tiff
    >>> path = Path(tempfile.mkdtemp()) / "fused.tif"
    >>> over = {"scale": (30, 10, 1, 1), "units": ("s", "um", "um", "um")}
    >>> data = np.zeros((3, 1, 32, 48), np.uint8)
    >>> write_tiff(path, data, axes="TZYX", translate=(0, 4, 0, 0), **over)
    >>> ((data, meta, _),) = layers_as_written(find_stacks([path])[0])
    >>> data.shape, meta["axis_labels"], meta["scale"], meta["translate"]
    ((3, 1, 32, 48), ('t', 'z', 'y', 'x'), (30, 10, 1, 1), (0.0, 4.0, 0.0, 0.0))
    """
    note, attachments = _note(stack)
    header, data = _with_axes(stack, pixels(stack), note.get("steps", {}))
    layers = layers_of(header, data)
    for _, meta, _ in layers:
        if attachments:
            decided = attachments.pop("decided", None)
            if decided is not None:
                meta["metadata"]["focusstack"]["decided"] = mask_from_bytes(decided, data.shape)
            meta["metadata"]["focusstack"]["estimates"] = attachments
        if positions := note.get("translate"):
            meta["translate"] = tuple(
                positions.get(axis.upper(), 0.0) for axis in meta["axis_labels"]
            )
        if "Z" in header.axes and "Z" not in stack.axes:
            # Z has one slice, and no other axis is the focus axis
            for name in ("focus_axis", "z_step", "unit"):
                meta["metadata"]["focusstack"].pop(name, None)
    return layers


def _note(stack: StackHeader) -> tuple[Note, dict[str, bytes]]:
    """Return the note and the attachments in a file of the plugin; both are empty for others."""
    if len(stack.files) > 1 or stack.source is not None:
        return {}, {}
    with opened(stack.files[0]) as tiff:
        return read_note(tiff) or {}, attachments_in(tiff)


def _with_axes(
    stack: StackHeader, data: np.ndarray | Array, steps: Mapping[str, tuple[float, str]]
) -> tuple[StackHeader, np.ndarray | Array]:
    """Return a stack with its axes in the order of steps; axes that it lacks have one slice."""
    # a layer shows one channel, so it has no axis C
    axes = [axis for axis in steps if axis != "C" or axis in stack.axes]
    letters = "".join(axes) + "S" * stack.rgb
    if not set(stack.axes) <= set(letters):
        return stack, data
    lacking = [axis for axis in axes if axis not in stack.axes]
    expanded = [*lacking, *stack.axes]
    data = data[(None,) * len(lacking)].transpose([expanded.index(axis) for axis in letters])
    scale, units = zip(*(steps[axis] for axis in axes), strict=True)
    return replace(stack, axes=letters, shape=data.shape, scale=scale, units=units), data
