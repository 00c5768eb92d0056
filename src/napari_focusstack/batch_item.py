"""Fuse all that one source holds: every series, time point and channel, whole or not at all."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.focal_stack import UNNAMED, find_stacks
from napari_focusstack.io.plane_store import PlaneStore
from napari_focusstack.io.result_file import (
    ResultForm,
    made_aside,
    put_in_place,
    result_file,
    size_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_focusstack.focus_map import FocusMap
    from napari_focusstack.fusion import FusionResult
    from napari_focusstack.io.focal_stack import FocalStack
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.progress import Progress
    from napari_focusstack.registration import Registration

#: What is written for each stack, as its name ends.
FUSED, LABELS, DEPTH = "_fused", "_labels", "_depth"
#: What it is written as, and the suffix of that.
Format = Literal["tiff", "zarr"]
SUFFIXES: dict[Format, str] = {"tiff": ".tif", "zarr": ".ome.zarr"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One stack to fuse, with all that a worker has to know of it."""

    #: A file or a folder of planes.
    source: Path
    #: Of the outputs, without their endings.
    name: str
    #: For the outputs.
    folder: Path
    #: In which outputs are made.
    staging: Path
    parameters: FuseParameters
    #: The channel whose focus counts for all, from 1.
    channel: int = 1
    save_labels: bool = False
    save_depth: bool = False
    format: Format = "tiff"
    #: How the planes lie, where that is known.
    registration: Registration | None = None
    #: Most that decoded planes may take; half of what is free where it runs if None.
    budget_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job."""

    source: Path
    status: Literal["done", "failed", "skipped"]
    seconds: float = 0.0
    #: Why it failed, in one line.
    message: str = ""
    #: Size of each file written, bytes, by name.
    outputs: dict[str, int]


def fuse_item(job: Job, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Fuse all that one source holds and put the outputs into place; never raises for a source.

    Parameters
    ----------
    job : Job
        What to do; it may come from another machine.
    progress : callable, optional
        Called within each fusion.

    Returns
    -------
    Outcome
    """
    start = perf_counter()
    try:
        outputs, message = _fuse_source(job, progress), ""
    except Exception as error:  # whatever is wrong with one stack, the others go on
        said = " ".join(str(error).split())
        outputs, message = {}, said if isinstance(error, InputError) else f"{error!r:.500}"
    return Outcome(
        source=job.source,
        status="failed" if message else "done",
        seconds=round(perf_counter() - start, 3),
        message=message,
        outputs=outputs,
    )


def _fuse_source(job: Job, progress: Callable[[Progress], None] | None) -> dict[str, int]:
    """Fuse each series of a source; return the sizes of the outputs."""
    stacks = find_stacks([job.source])
    stacks = [stack for stack in stacks if stack.focus_axis is not None]
    if not stacks:
        raise InputError(
            f"{job.source} has no axis along which focus changes; give a stack of two planes or "
            "more."
        )
    # A worker that was given up may still run, so each attempt has a folder of its own.
    with made_aside(job.staging / job.name) as attempt:
        for number, stack in enumerate(stacks, 1):
            name = job.name if len(stacks) == 1 else f"{job.name}_{number}"
            fuse_stack(stack, attempt / name, job, progress)
        sizes = {path.name: size_of(path) for path in sorted(attempt.iterdir())}
        for name in sizes:
            put_in_place(attempt / name, job.folder / name)
    return sizes


def fuse_stack(
    stack: FocalStack, stem: Path, job: Job, progress: Callable[[Progress], None] | None
) -> None:
    """Fuse each time point and channel of a stack into files that begin with `stem`."""
    from napari_focusstack.fusion import drain, fuse_steps

    letters = _result_letters(stack)
    sizes = stack.other_axes
    images = _form(stack, letters, stack.dtype)
    focus = _form(stack, letters, np.dtype(np.uint8), focus=True)
    labels = replace(focus, layer_type="labels")
    depth = replace(focus, dtype=np.dtype(np.float32))
    suffix = SUFFIXES[job.format]
    found: list[dict[str, Any]] = []
    first = job.channel - 1
    if not 0 <= first < sizes.get("C", 1):
        raise InputError(
            f"{job.source} has no channel {job.channel}; give one from 1 to {sizes.get('C', 1)}."
        )
    parameters = given = with_z_step(job.parameters, stack)
    guide: FocusMap | None = None
    moved: Registration | None = None
    with contextlib.ExitStack() as files:
        image_file = files.enter_context(result_file(f"{stem}{FUSED}{suffix}", images))
        label_file = job.save_labels and files.enter_context(
            result_file(f"{stem}{LABELS}{suffix}", labels)
        )
        depth_file = job.save_depth and files.enter_context(
            result_file(f"{stem}{DEPTH}{suffix}", depth)
        )
        opened = [file for file in (image_file, label_file, depth_file) if file]
        # Channels last, the one that guides the others before them.
        order = sorted(letters, key="C".__eq__)
        for index in np.ndindex(*(sizes[axis] for axis in order)):
            place = dict(zip(order, index, strict=True))
            if "C" in place:
                place["C"] = (place["C"] + first) % sizes["C"]
            at = {letters[axis]: position for axis, position in place.items()}
            if place.get("C", 0) == first:
                guide, moved, parameters = None, job.registration, given
            with PlaneStore(stack, place, job.budget_bytes, progress) as planes:
                result = drain(fuse_steps(planes.planes, guide, parameters, moved), progress)
            image_file.write(result.image, at=at)
            if guide is None:
                guide, moved = result.focus, result.registration
                parameters = replace(parameters, near=result.near)
                if label_file:
                    label_file.write(result.labels, at=at)
                if depth_file:
                    depth_file.write(result.depth, at=at)
            found.append({**at, **result.figures()})
            for file in opened:
                file.record = _record(result, job, found)


def with_z_step(parameters: FuseParameters, stack: FocalStack) -> FuseParameters:
    """Return the parameters with the distance of the planes that a stack says, if none is given."""
    if parameters.z_step or stack.focus_axis is None:
        return parameters
    return replace(parameters, z_step=stack.scale[stack.focus_axis])


def _record(result: FusionResult, job: Job, found: list[dict[str, Any]]) -> dict[str, Any]:
    from napari_focusstack.provenance import record

    made = record(result.parameters, weights=result.weights)
    return {
        **made,
        "found": found[0] if len(found) == 1 else list(found),
        "input": {"planes": [str(job.source)]},
    }


def _result_letters(stack: FocalStack) -> dict[str, str]:
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


def _form(
    stack: FocalStack, letters: dict[str, str], dtype: np.dtype, *, focus: bool = False
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
