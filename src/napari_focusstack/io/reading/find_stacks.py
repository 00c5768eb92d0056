"""Stacks on disk: which files and folders are stacks, and their headers."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import taken_type
from napari_focusstack.io.reading.calibration import (
    UNKNOWN,
    Channel,
    calibration,
)
from napari_focusstack.io.reading.folder import in_name_order, left_out, planes_in
from napari_focusstack.io.reading.formats.dispatch import has_reader, series_of
from napari_focusstack.io.reading.image import (
    images_in,
    read_image,
    reading,
)
from napari_focusstack.io.reading.name_series import NameSeries
from napari_focusstack.io.reading.ome_files import (
    COMPANION_SUFFIX,
    first_file,
    names_other_files,
    set_names,
)
from napari_focusstack.io.reading.photo_metadata import (
    photo_metadata,
)
from napari_focusstack.io.reading.stack_axes import (
    check_axis,
    letter_of,
    no_focus_axis,
)
from napari_focusstack.io.reading.stack_header import StackHeader, describe, is_tiff, opened
from napari_focusstack.io.reading.tiff_pages import check_end, image_series
from napari_focusstack.runtime.paths import status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_focusstack.io.reading.formats.reader import Series


def find_stacks(paths: Sequence[Path], axis: str | None = None) -> list[StackHeader]:
    """Return the headers of the image series in a file, a folder or a list of image files.

    Parameters
    ----------
    paths : sequence of Path
        One TIFF, or another file or folder that a reader in
        `napari_focusstack.io.reading.formats` takes; or one folder, or several files, with one
        plane each, which are sorted by number (z2 before z10). A set of OME-TIFFs is one stack; its
        folder, any of its files, or the companion file that describes it may be given.
    axis : str, optional
        Letter of the axis along which focus changes, if the file does not name it: one of the axes
        of the file; X or Y if planes are stored last or in the middle, S if they are stored as
        colours.

    Returns
    -------
    list of StackHeader
        One for each series of a file, without thumbnails; a single one for plane images.

    Raises
    ------
    InputError
        If a file is missing, damaged or not an image, if it has no such axis, if a file of its set
        is missing, if there are fewer than two plane images, if the names in a folder show that a
        plane is missing or that there are several stacks, or if the pages of a TIFF differ in size.
    """
    axis = letter_of(axis) if axis else None
    for path in paths:
        status(path)  # raises for a path that can name no file
    if len(paths) == 1 and has_reader(paths[0]):
        return [
            with_focus(_header(paths[0], number, series), axis)
            for number, series in enumerate(series_of(paths[0]))
        ]
    if len(paths) == 1 and paths[0].is_dir():
        return _stacks_of_folder(paths[0], axis)
    if len(paths) > 1:
        return [with_focus(stack_of_files(in_name_order(paths)), axis)]
    (path,) = paths
    if path.suffix.lower() == COMPANION_SUFFIX and path.is_file():
        with reading(path):
            path = first_file(path)
    if not is_tiff(path):
        read_image(path)  # raises if the file is not an image
        raise InputError(f"{path} is a single picture; give a TIFF, or the folder of its planes.")
    with opened(path) as tiff:
        check_end(tiff)
        images = image_series(tiff)
        sizes = {series.keyframe.shape: None for series in images}
        if images[0].kind == "generic" and len(sizes) > 1:
            listed = ", ".join(" x ".join(map(str, size)) for size in sizes)
            raise InputError(f"{path} holds pages of {listed} px; give planes of one size.")
        return [
            describe(tiff, index, axis)
            for index, series in enumerate(tiff.series)
            if series in images
        ]


def focal_stacks(path: Path, axis: str | None = None) -> list[tuple[int, StackHeader]]:
    """Return the series of a file or folder that are focal stacks, with their numbers from 1.

    Raises
    ------
    InputError
        If none has a focus axis; see also :func:`find_stacks`.
    """
    found = find_stacks([path], axis)
    stacks = [(number, one) for number, one in enumerate(found, 1) if one.focus_axis is not None]
    if not stacks:
        raise no_focus_axis(path, found[0].axes, found[0].shape)
    return stacks


def stack_of_files(files: Sequence[Path]) -> StackHeader:
    """Return the header of image files with one plane each, in the given order."""
    return stack_of_series(NameSeries(np.array(files, object)))


def stack_of_series(named: NameSeries) -> StackHeader:
    """Return the header of image files with one plane each.

    Parameters
    ----------
    named : NameSeries
        Two or more files, in order. The size of a pixel is read from the first, if it has one.

    Returns
    -------
    StackHeader
        Axes T, C and Z as names say, then YX or YXS.

    Raises
    ------
    InputError
        If there is only one file, or the first file cannot be read.
    """
    from tifffile import TiffFile

    files = [Path(path) for path in named.files.flat]
    if len(files) < 2:
        raise InputError(f"{files[0]} is the only image there; give at least two planes.")
    first = read_image(files[0])
    steps: Mapping[str, tuple[float, str]] = {}
    if has_reader(files[0]):
        steps = series_of(files[0])[0].steps
    elif is_tiff(files[0]):
        with reading(files[0]), TiffFile(files[0]) as tiff:
            steps = calibration(tiff)
    known = {axis: steps.get(axis, (1.0, UNKNOWN)) for axis in "YX"}
    if places := named.positions:
        known["Z"] = (abs(places[-1] - places[0]) / (len(places) - 1), named.unit)
    axes = f"{named.axes}YX"
    return StackHeader(
        files=tuple(files),
        series=0,
        axes=f"{axes}S" if first.ndim == 3 else axes,
        shape=(*named.files.shape, *first.shape),
        dtype=first.dtype,
        scale=tuple(known.get(axis, (1.0, UNKNOWN))[0] for axis in axes),
        units=tuple(known.get(axis, (1.0, UNKNOWN))[1] for axis in axes),
        positions=places,
        channels=tuple(Channel(name) for name in named.channels),
        notes=named.notes,
        photo=photo_metadata(files[0], rgb=first.ndim == 3),
    )


def _stacks_of_folder(folder: Path, axis: str | None) -> list[StackHeader]:
    """Return the headers of a folder of plane images, or of the files of a set."""
    from tifffile import TiffFile

    files = images_in(folder)
    if member := member_of_set(files):
        with reading(member), TiffFile(member) as tiff:
            names = set_names(tiff)
        others = [path.name for path in files if path.name not in names]
        notes = (left_out(others, "not of the set of OME-TIFFs"),) if others else ()
        return [replace(stack, notes=notes) for stack in find_stacks([member], axis)]
    return [with_focus(stack_of_series(planes_in(folder)), axis)]


def without_members(paths: Sequence[Path]) -> list[Path]:
    """Return files without those that belong to the set of an earlier one."""
    from tifffile import TiffFile

    kept: list[Path] = []
    members: set[Path] = set()
    for path in paths:
        if path in members:
            continue
        kept.append(path)
        if ".ome" in path.name.lower() and path.is_file():
            # What is damaged is reported when it is fused.
            with contextlib.suppress(InputError), reading(path):
                is_companion = path.suffix.lower() == COMPANION_SUFFIX
                with TiffFile(first_file(path) if is_companion else path) as tiff:
                    if names_other_files(tiff):
                        members |= {path.parent / name for name in set_names(tiff)}
    return kept


def member_of_set(files: Sequence[Path]) -> Path | None:
    """Return a file of a folder that belongs to a set of OME-TIFFs; None if none does.

    Raises
    ------
    InputError
        If there are files of several sets.
    """
    from tifffile import TiffFile

    sets: list[tuple[Path, set[str]]] = []
    for number, path in enumerate(files):
        # Of others only the first file is opened, to be quick.
        likely = number == 0 or sets or path.stem.lower().endswith(".ome")
        if likely and is_tiff(path) and not any(path.name in names for _, names in sets):
            with reading(path), TiffFile(path) as tiff:
                if names_other_files(tiff):
                    sets.append((path, set_names(tiff)))
    if len(sets) > 1:
        listed = ", ".join(path.name for path, _ in sets[:3])
        raise InputError(
            f"{files[0].parent} holds {len(sets)} sets of OME-TIFFs (of {listed}); put each into a "
            "folder of its own, or give one file of a set."
        )
    return sets[0][0] if sets else None


def _header(path: Path, number: int, series: Series) -> StackHeader:
    """Return the header of a series that a reader describes."""
    known = [series.steps.get(axis, (1.0, UNKNOWN)) for axis in series.axes if axis != "S"]
    return StackHeader(
        files=(path,),
        series=number,
        axes=series.axes,
        shape=series.shape,
        dtype=taken_type(series.dtype, str(path)),
        scale=tuple(step for step, _ in known),
        units=tuple(unit for _, unit in known),
        channels=series.channels,
        labels=series.note.get("layer_type") == "labels",
        record=series.note.get("record"),
        source=series,
    )


def with_focus(stack: StackHeader, axis: str | None) -> StackHeader:
    """Return the header with the focus axis that the user named; InputError if there is none."""
    if axis is None:
        return stack
    before = stack.axes.index("Y")  # planes along rows or columns are read from TIFFs only
    check_axis(stack.files[0], axis, stack.axes[:before], stack.shape[:before])
    return replace(stack, focus=axis, channels=() if axis == "C" else stack.channels)
