"""Fuse slabs of a stack into one file, which is a stack of fewer, sharper planes."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.batch.result_files import ResultFiles
from napari_focusstack.batch.series import (
    channel_index,
    input_of,
    places_of,
    result_form,
    result_letters,
    shares_of_budget,
    with_z_step,
)
from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import written_type
from napari_focusstack.io.reading.plane_store import PlaneStore
from napari_focusstack.provenance import record
from napari_focusstack.runtime.plane_choice import chosen_planes
from napari_focusstack.runtime.slab_choice import slab_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.io.writing.result import ResultForm
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress


def slab_stack(
    stack: StackHeader,
    path: Path,
    parameters: FuseParameters,
    slab: tuple[int, int],
    *,
    sources: Mapping[str, list[str]],
    channel: int = 1,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Fuse slabs at each time point and in each channel of a stack into one file.

    Each channel is fused by its own focus, with the registration of one of them.

    Parameters
    ----------
    stack, parameters, sources, channel, registration, budget_bytes, progress
        As for :func:`~napari_focusstack.batch.series.fuse_stack`.
    path : Path
        File to write: TIFF or Zarr.
    slab : (int, int)
        Planes of a slab, and planes that it shares with the next.

    Returns
    -------
    dict
        The record that is written into the file.

    Raises
    ------
    InputError
        If planes, slabs or an option cannot be used, or the file cannot be written.
    """
    from napari_focusstack.fusion.near_end import prepare
    from napari_focusstack.fusion.result import bounds
    from napari_focusstack.fusion.slabs import slabs_of
    from napari_focusstack.runtime.progress import run

    letters, first = result_letters(stack), channel_index(stack, channel)
    focus = stack.focus_axis or 0
    numbers = slab_ranges(chosen_planes(parameters.planes, stack.shape[focus]), *slab)
    form = _form_of_slabs(stack, letters, parameters, numbers, slab)
    given = with_z_step(parameters, stack)
    positions = None if parameters.z_step else stack.focus_positions
    for_planes, for_tiles = shares_of_budget(stack, budget_bytes)
    weights: dict[str, str] = {}
    known = registration
    with ResultFiles({"image": path}, {"image": form}, crop=parameters.crop) as files:
        for place, at in places_of(stack, letters, first):
            if is_reference := place.get("C", 0) == first:
                known = registration
            with PlaneStore(stack, place, for_planes, progress) as planes:
                steps = prepare(planes.planes, given, known, for_tiles, positions)
                pipeline = run(steps, progress)
                known = pipeline.registration if is_reference else known
                files.narrow(pipeline.visible.by_all)
                for index, made in enumerate(slabs_of(pipeline, *slab, for_tiles, progress)):
                    files.write("image", made.image, {**at, "Z": index})
                    weights |= made.result.weights if made.result else {}
        made_of = [[one[0], one[-1]] for one in numbers]
        cut = {"crop": bounds(files.cut())} if parameters.crop else {}
        made_record = {
            **record(asdict(given), weights=weights),
            "slabs": {"size": slab[0], "overlap": slab[1], "planes": made_of, **cut},
            "input": input_of(stack, sources),
        }
        files.put_record(made_record)
    return made_record


def _form_of_slabs(
    stack: StackHeader,
    letters: Mapping[str, str],
    parameters: FuseParameters,
    numbers: Sequence[tuple[int, ...]],
    slab: tuple[int, int],
) -> ResultForm:
    """Return the form of the file: that of the stack, with an axis Z of slabs."""
    if "Z" in letters.values():
        raise InputError(f"{stack.files[0]} has the axes {stack.axes}; slabs need Z for focus.")
    focus = stack.focus_axis or 0
    step = parameters.z_step or stack.scale[focus]
    places = stack.focus_places
    if parameters.z_step:
        places = np.arange(len(places)) * parameters.z_step
    middles = [float(places[[one[0] - 1, one[-1] - 1]].mean()) for one in numbers]
    if len(middles) > 1:
        step = abs(middles[1] - middles[0])
    else:
        step *= slab[0] - slab[1]
    flat = result_form(stack, dict(letters), written_type(stack.dtype))
    at = len(flat.leading)
    return replace(
        flat,
        shape=(*flat.shape[:at], len(numbers), *flat.shape[at:]),
        axes=flat.axes[:at] + "Z" + flat.axes[at:],
        scale=(*flat.scale[:at], step, *flat.scale[at:]),
        units=(*flat.units[:at], stack.units[focus], *flat.units[at:]),
        positions=tuple(middles),
        photo=stack.photo,
    )
