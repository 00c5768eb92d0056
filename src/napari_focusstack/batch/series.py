"""Fuse each time point and channel of a stack into files that keep these axes."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.plane_store import PlaneStore
from napari_focusstack.io.reading.stack_header import UNNAMED
from napari_focusstack.io.writing.result import ResultForm
from napari_focusstack.io.writing.result_file import result_file
from napari_focusstack.runtime.memory import memory_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress
    from napari_focusstack.segmentation.focus_map import FocusMap

    #: What is written: names of what a :class:`FusionResult` holds.
    Output = Literal["image", "initial", "labels", "depth", "confidence"]

#: One for each channel, in the type of the planes; the others are what is known of focus.
IMAGES = ("image", "initial")


def fuse_stack(
    stack: StackHeader,
    paths: Mapping[Output, Path],
    parameters: FuseParameters,
    *,
    sources: Mapping[str, list[str]],
    channel: int = 1,
    labels: np.ndarray | None = None,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[FusionResult, dict[str, Any]]:
    """Fuse each time point and channel of a stack into files, whole or not at all.

    Parameters
    ----------
    stack : FocalStack
        Where the planes come from.
    paths : mapping of str to Path
        The files, by what goes into them; see :func:`napari_focusstack.io.writing.result_file.result_file`.
    parameters : FuseParameters
        Of each fusion.
    sources : mapping of str to list of str
        For the record: paths of the planes, and of the labels that were given.
    channel : int
        The channel whose focus counts for all, from 1.
    labels : ndarray, optional
        (Y, X), see :func:`napari_focusstack.fusion.fuse.fuse`.
    registration : Registration, optional
        How the planes lie, found before; looked for if not given.
    budget_bytes : int, optional
        Most memory for decoded planes and for tiles, half of it for each; half of what is free if
        not given.
    progress : callable, optional
        Called within each fusion.

    Returns
    -------
    result : FusionResult
        The last one that no other channel guided.
    record : dict
        As it is written into the files.

    Raises
    ------
    InputError
        If planes, labels or an option cannot be used, or a file cannot be written.
    """
    from napari_focusstack.fusion.fuse import fuse_steps
    from napari_focusstack.runtime.progress import run

    letters, sizes = _result_letters(stack), stack.other_axes
    forms = _forms(stack, letters)
    first = channel - 1
    if not 0 <= first < sizes.get("C", 1):
        raise InputError(
            f"{stack.files[0]} has no channel {channel}; give one from 1 to {sizes.get('C', 1)}."
        )
    given = with_z_step(parameters, stack)
    half = (memory_budget() if budget_bytes is None else budget_bytes) // 2
    found: list[dict[str, Any]] = []
    with contextlib.ExitStack() as opened:
        files = {
            name: opened.enter_context(result_file(path, forms[name]))
            for name, path in paths.items()
        }
        # Channels last, the one that guides the others before them.
        order = sorted(letters, key="C".__eq__)
        guided: FusionResult | None = None
        for index in np.ndindex(*(sizes[axis] for axis in order)):
            place = dict(zip(order, index, strict=True))
            if "C" in place:
                place["C"] = (place["C"] + first) % sizes["C"]
            at = {letters[axis]: position for axis, position in place.items()}
            known: tuple[FocusMap | np.ndarray | None, FuseParameters, Registration | None]
            if guiding := place.get("C", 0) == first:
                known = labels, given, registration
            elif guided is not None:
                known = guided.focus, replace(given, near=guided.near), guided.registration
            with PlaneStore(stack, place, half, progress) as planes:
                result = run(fuse_steps(planes.planes, *known, half), progress)
            for name, file in files.items():
                if name in IMAGES or guiding:
                    file.write(getattr(result, name), at=at)
            guided = result if guiding else guided
            found.append({**at, **result.figures()})
        assert guided is not None  # no axis is empty
        record = _record(guided, found, sources)
        for file in files.values():
            file.record = record
    return guided, record


def with_z_step(parameters: FuseParameters, stack: StackHeader) -> FuseParameters:
    """Return the parameters with the distance of the planes that a stack says, if none is given."""
    if parameters.z_step or stack.focus_axis is None:
        return parameters
    return replace(parameters, z_step=stack.scale[stack.focus_axis])


def _record(
    result: FusionResult, found: list[dict[str, Any]], sources: Mapping[str, list[str]]
) -> dict[str, Any]:
    from napari_focusstack.provenance import record

    made = record(result.parameters, weights=result.weights)
    return {**made, "found": found[0] if len(found) == 1 else found, "input": dict(sources)}


def _result_letters(stack: StackHeader) -> dict[str, str]:
    """Return the axes that the result keeps, and the letter of each there."""
    kept = list(stack.other_axes)
    letters = {axis: axis for axis in kept if axis not in UNNAMED}
    free = [axis for axis in "TZ" if axis not in letters]
    unnamed = [axis for axis in kept if axis in UNNAMED]
    if len(unnamed) > len(free):
        raise InputError(
            f"{stack.files[0]} has the axes {stack.axes}; name those beside focus T, C or Z."
        )
    letters |= dict(zip(unnamed, free, strict=False))
    return {axis: letters[axis] for axis in kept}


def _forms(stack: StackHeader, letters: dict[str, str]) -> dict[Output, ResultForm]:
    """Return the form of each output of a stack."""
    planes = stack.shape[stack.focus_axis or 0]
    images = _form(stack, letters, stack.dtype)
    focus = _form(stack, letters, np.dtype(np.float32), focus=True)
    labels = np.dtype(np.uint8 if planes < 2**8 else np.uint16)
    return {
        "image": images,
        "initial": images,
        "labels": replace(focus, dtype=labels, layer_type="labels"),
        "depth": focus,
        "confidence": focus,
    }


def _form(
    stack: StackHeader, letters: dict[str, str], dtype: np.dtype, *, focus: bool = False
) -> ResultForm:
    """Return the form of a result: images, or what is known of focus, one for all channels."""
    kept = [*(axis for axis in letters if not (focus and axis == "C")), "Y", "X"]
    index = [stack.axes.index(axis) for axis in kept]
    colours = stack.rgb and not focus
    return ResultForm(
        shape=(*(stack.shape[one] for one in index), *((3,) if colours else ())),
        dtype=dtype,
        axes="".join(letters.get(axis, axis) for axis in kept) + "S" * colours,
        scale=tuple(stack.scale[one] for one in index),
        units=tuple(stack.units[one] for one in index),
        channels=() if focus else stack.channels,
    )
