"""Project each time point and channel of a stack around the surface of one channel."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.batch.result_files import ResultFiles
from napari_focusstack.batch.series import (
    PER_CHANNEL_OUTPUTS,
    channel_index,
    forms_of,
    places_of,
    record_of,
    result_letters,
    shares_of_budget,
    with_z_step,
)
from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import written_type
from napari_focusstack.io.reading.plane_store import PlaneStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_focusstack.batch.result_files import Output
    from napari_focusstack.fusion.painted_labels import PaintedLabels
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.parameters import FuseParameters, ProjectionParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress


def project_stack(
    stack: StackHeader,
    paths: Mapping[Output, Path],
    parameters: FuseParameters,
    projection: ProjectionParameters,
    *,
    sources: Mapping[str, list[str]],
    channel: int = 1,
    labels: np.ndarray | PaintedLabels | None = None,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[FusionResult, dict[str, Any]]:
    """Project each time point and channel of a stack into files; on an error none is written.

    Parameters
    ----------
    stack, parameters, sources, channel, labels, registration, budget_bytes, progress
        As for :func:`~napari_focusstack.batch.series.fuse_stack`. The surface is that of one
        channel, or that of the labels.
    paths : mapping of str to Path
        Files by output. The image holds the projection.
    projection : ProjectionParameters
        What is projected.

    Returns
    -------
    result : FusionResult
        The last surface.
    record : dict
        The record that is written into the files.

    Raises
    ------
    InputError
        If planes, labels, a channel or an option cannot be used, or a file cannot be written.
    """
    from napari_focusstack.fusion.projection import (
        project,
        shown_by_all,
        sum_type,
        surface_steps,
    )
    from napari_focusstack.fusion.result import bounds
    from napari_focusstack.runtime.progress import run

    for name, path in paths.items():
        if name in PER_CHANNEL_OUTPUTS[1:]:
            raise InputError(f"a projection has no {name} image; leave out {path}.")
    letters, first = result_letters(stack), channel_index(stack, channel)
    forms = forms_of(stack, letters)
    if projection.project == "sum":
        summed = written_type(sum_type(stack.dtype))
        forms["image"] = replace(forms["image"], dtype=summed)
    offsets = _offsets(stack, projection)
    given = with_z_step(parameters, stack)
    positions = None if parameters.z_step else stack.focus_positions
    for_planes, for_tiles = shares_of_budget(stack, budget_bytes)
    unit = stack.units[stack.focus_axis or 0]
    surface: FusionResult | None = None
    figures: list[dict[str, Any]] = []
    with ResultFiles(paths, forms, crop=parameters.crop) as files:
        for place, at in places_of(stack, letters, first):
            number = place.get("C", 0)
            with PlaneStore(stack, place, for_planes, progress) as planes:
                if number == first:
                    steps = surface_steps(
                        planes.planes, labels, given, registration, for_tiles, positions
                    )
                    surface = run(steps, progress)
                    given = replace(given, near=surface.near)  # one drive moved all time points
                    figures.append({**at, **surface.figures()})
                assert surface is not None  # the channel of the surface comes first
                projected = project(
                    planes.planes,
                    surface,
                    project=projection.project,
                    above=projection.above,
                    below=projection.below,
                    offset=offsets.get(number, "0"),
                    unit=unit,
                )
                if parameters.crop:
                    files.narrow(shown_by_all(planes.planes, surface))
            for name in paths:
                if name == "image":
                    files.write(name, projected, at)
                elif number == first:
                    files.write(name, getattr(surface, name), at)
        assert surface is not None  # no axis is empty
        region = files.cut()
        surface = surface.cropped(region) if region else surface
        figures = [{**each, "crop": bounds(region)} for each in figures]
        made = record_of(surface, figures, stack, sources)
        made["projection"] = asdict(projection)
        files.put_record(made)
    return surface, made


def _offsets(stack: StackHeader, projection: ProjectionParameters) -> dict[int, str]:
    """Return the offset of each channel by its index; InputError if there is no such channel."""
    count = stack.other_axes.get("C", 1)
    names = [channel.name or "" for channel in stack.channels]
    offsets = {}
    for name, offset in projection.offsets.items():
        if name in names:
            offsets[names.index(name)] = offset
        elif name.isdecimal() and 1 <= int(name[:6]) <= count:
            offsets[int(name) - 1] = offset
        else:
            known = ", ".join(each for each in names if each)
            raise InputError(
                f"{stack.files[0]} has no channel {name!r}; give a number from 1 to {count}"
                + (f", or a name: {known}." if known else ".")
            )
    return offsets
