"""Fuse each time point and channel of a stack; the files keep these axes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.batch.result_files import ResultFiles
from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import number_type, written_type
from napari_focusstack.io.reading.plane_store import PlaneStore
from napari_focusstack.io.reading.stack_axes import UNNAMED
from napari_focusstack.io.writing.result import ZARR_SUFFIX, ResultForm
from napari_focusstack.runtime.memory import memory_budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from napari_focusstack.batch.result_files import Output
    from napari_focusstack.fusion.painted_labels import PaintedLabels
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress
    from napari_focusstack.segmentation.focus_map import FocusMap

#: Most that decoded planes take where the user gives no budget, bytes. Convention: those in a
#: scratch file are read nearly as fast, from the system's cache.
MOST_PLANE_BYTES = 3 * 2**28
#: Outputs of each channel; all channels share the others.
PER_CHANNEL_OUTPUTS = ("image", "initial", "source")


def fuse_stack(
    stack: StackHeader,
    paths: Mapping[Output, Path],
    parameters: FuseParameters,
    *,
    sources: Mapping[str, list[str]],
    channel: int = 1,
    labels: np.ndarray | PaintedLabels | None = None,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[FusionResult, dict[str, Any]]:
    """Fuse each time point and channel of a stack into files; on an error none is written.

    Parameters
    ----------
    stack : StackHeader
        Description of the stack, from which its planes are read.
    paths : mapping of str to Path
        Files by output; see :func:`~napari_focusstack.io.writing.result_file.result_file`.
    parameters : FuseParameters
        Parameters of each fusion.
    sources : mapping of str to list of str
        For the record: paths of the planes, and of given labels.
    channel : int
        Channel in which focus is estimated, from 1; the others use its focus.
    labels : ndarray or PaintedLabels, optional
        Shape (Y, X), see :func:`napari_focusstack.fusion.fuse.fuse`.
    registration : Registration, optional
        Registration of the planes; estimated if not given.
    budget_bytes : int, optional
        Memory for decoded planes and for tiles, half for each; half of the free memory if not
        given.
    progress : callable, optional
        Called within each fusion.

    Returns
    -------
    result : FusionResult
        The last result of the channel in which focus is estimated.
    record : dict
        The record that is written into the files.

    Raises
    ------
    InputError
        If planes, labels or an option cannot be used, or a file cannot be written.
    """
    from napari_focusstack.fusion.fuse import fuse_steps
    from napari_focusstack.fusion.result import bounds
    from napari_focusstack.runtime.progress import run

    letters = result_letters(stack)
    forms = forms_of(stack, letters)
    first = channel_index(stack, channel)
    given = with_z_step(parameters, stack)
    positions = None if parameters.z_step else stack.focus_positions
    for_planes, for_tiles = shares_of_budget(stack, budget_bytes)
    figures: list[dict[str, Any]] = []
    with ResultFiles(paths, forms, crop=parameters.crop) as files:
        reference: FusionResult | None = None
        for place, at in places_of(stack, letters, first):
            known: tuple[
                FocusMap | np.ndarray | PaintedLabels | None, FuseParameters, Registration | None
            ]
            if is_reference := place.get("C", 0) == first:
                known = labels, given, registration
            elif reference is not None:
                known = reference.focus, given, reference.registration
            with PlaneStore(stack, place, for_planes, progress) as planes:
                steps = fuse_steps(planes.planes, *known, for_tiles, positions)
                result = run(steps, progress)
            for name in paths:
                if name in PER_CHANNEL_OUTPUTS or is_reference:
                    files.write(name, getattr(result, name), at)
            if is_reference:  # one drive moved all time points
                reference, given = result, replace(given, near=result.near)
            files.narrow(result.valid)
            figures.append({**at, **result.figures()})
        assert reference is not None  # no axis is empty
        region = files.cut()
        reference = reference.cropped(region) if region else reference
        figures = [{**each, "crop": bounds(region)} for each in figures]
        record = record_of(reference, figures, stack, sources)
        if stack.photo is not None:
            record["photo"] = stack.photo.summary(written=paths["image"].suffix != ZARR_SUFFIX)
        files.put_record(record)
    return reference, record


def channel_index(stack: StackHeader, channel: int) -> int:
    """Return the index of a channel that is counted from 1; InputError if there is none."""
    count = stack.other_axes.get("C", 1)
    if not 1 <= channel <= count:
        raise InputError(f"{stack.files[0]} has no channel {channel}; give one from 1 to {count}.")
    return channel - 1


def places_of(
    stack: StackHeader, letters: Mapping[str, str], first: int
) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """Yield the place on the other axes of each fusion, by their letters in stack and result.

    Channels are the innermost loop. It begins with the channel of index ``first``.
    """
    sizes, order = stack.other_axes, sorted(letters, key="C".__eq__)
    for index in np.ndindex(*(sizes[axis] for axis in order)):
        place = dict(zip(order, index, strict=True))
        if "C" in place:
            place["C"] = (place["C"] + first) % sizes["C"]
        yield place, {letters[axis]: position for axis, position in place.items()}


def with_z_step(parameters: FuseParameters, stack: StackHeader) -> FuseParameters:
    """Return the parameters with the z_step of the stack, if they have none."""
    if parameters.z_step or stack.focus_axis is None:
        return parameters
    return replace(parameters, z_step=stack.scale[stack.focus_axis])


def record_of(
    result: FusionResult,
    figures: list[dict[str, Any]],
    stack: StackHeader,
    sources: Mapping[str, list[str]],
) -> dict[str, Any]:
    """Return the record of a series; the figures are a list only if there are several."""
    from napari_focusstack.provenance import record

    return {
        **record(result.parameters, weights=result.weights),
        "found": figures[0] if len(figures) == 1 else figures,
        "input": input_of(stack, sources),
    }


def input_of(stack: StackHeader, sources: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return what a record says of the input: its paths, and notes on how they were read."""
    return {**sources, **({"notes": list(stack.notes)} if stack.notes else {})}


def shares_of_budget(stack: StackHeader, budget_bytes: int | None) -> tuple[int, int]:
    """Return what decoded planes and tiles may take, bytes: half of the budget for each.

    Where the least tile needs more, planes get what is left, a fifth of the budget at least.

    Raises
    ------
    InputError
        If the budget is less than the step that needs most takes.
    """
    from napari_focusstack.fusion.least_memory import least_bytes, least_bytes_of_tiles

    if budget_bytes is None:
        half = memory_budget() // 2
        return min(half, MOST_PLANE_BYTES), half
    planes = stack.shape[stack.focus_axis] if stack.focus_axis is not None else 1
    size = (stack.plane_shape[0], stack.plane_shape[1])
    of_tile = least_bytes_of_tiles(planes, size)
    least = max(of_tile * 5 // 4, least_bytes(planes, size))
    if budget_bytes < least:
        raise InputError(
            f"a memory of {budget_bytes / 1e6:.3g} MB is too little for {planes} planes of "
            f"{stack.files[0]}; give {math.ceil(least / 1e6)} MB or more."
        )
    for_tiles = max(budget_bytes // 2, of_tile)
    return budget_bytes - for_tiles, for_tiles


def result_letters(stack: StackHeader) -> dict[str, str]:
    """Return the axes that the result keeps, and the letter that each has in the result."""
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


def forms_of(stack: StackHeader, letters: dict[str, str]) -> dict[Output, ResultForm]:
    """Return the form of each output of a stack."""
    planes = stack.shape[stack.focus_axis or 0]
    images = replace(result_form(stack, letters, written_type(stack.dtype)), photo=stack.photo)
    focus = result_form(stack, letters, np.dtype(np.float32), focus=True)
    labels = number_type(planes)
    return {
        "image": images,
        "initial": images,
        "source": result_form(stack, letters, labels, colours=False),
        "labels": replace(focus, dtype=labels, layer_type="labels"),
        "depth": focus,
        "confidence": focus,
    }


def result_form(
    stack: StackHeader,
    letters: dict[str, str],
    dtype: np.dtype,
    *,
    focus: bool = False,
    colours: bool = True,
) -> ResultForm:
    """Return the form of an image, or of a result on focus, which all channels share."""
    kept = [*(axis for axis in letters if not (focus and axis == "C")), "Y", "X"]
    index = [stack.axes.index(axis) for axis in kept]
    colours = colours and stack.rgb and not focus
    return ResultForm(
        shape=(*(stack.shape[one] for one in index), *((3,) if colours else ())),
        dtype=dtype,
        axes="".join(letters.get(axis, axis) for axis in kept) + "S" * colours,
        scale=tuple(stack.scale[one] for one in index),
        units=tuple(stack.units[one] for one in index),
        channels=() if focus else stack.channels,
    )
