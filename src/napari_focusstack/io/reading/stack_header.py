"""Headers of focal stacks on disk: files, axes, sizes and calibration, without any pixels."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import taken_type
from napari_focusstack.io.reading.calibration import (
    UNKNOWN,
    Channel,
    calibration,
    channels,
    positions,
)
from napari_focusstack.io.reading.folder import in_name_order, left_out, planes_in
from napari_focusstack.io.reading.formats import camera_raw
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
    whole_set,
)
from napari_focusstack.io.reading.photo_metadata import (
    PhotoMetadata,
    orientation,
    photo_metadata,
)
from napari_focusstack.io.reading.record import read_note
from napari_focusstack.io.reading.stack_axes import (
    check_axis,
    focus_axis,
    in_order,
    letter_of,
    letters,
    planes_come_last,
    with_planes_along,
)
from napari_focusstack.io.reading.tiff_colour import TiffColour
from napari_focusstack.io.reading.tiff_pages import TIFF_SIGNATURES, check_end, image_series
from napari_focusstack.runtime.paths import status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tifffile import TiffFile

    from napari_focusstack.io.reading.formats.reader import Series


# InputError reports what is wrong with a file; these logs would be further lines on stderr.
for package in ("tifffile", "imagecodecs"):
    logging.getLogger(package).addHandler(logging.NullHandler())


@dataclass(frozen=True)
class StackHeader:
    """Header of an image series."""

    #: One TIFF or another file that holds a stack, or the image files of the planes, in the order
    #: of the axes before Y.
    files: tuple[Path, ...]
    #: Index of the series in a file.
    series: int
    #: A letter per axis: Z depth, T time, C channel, Q, I unnamed; then Y, X, and S if RGB.
    axes: str
    #: Size per axis; the last is 3 (RGB) or 4 (RGBA) where S is the last axis.
    shape: tuple[int, ...]
    #: In the machine's byte order; see `napari_focusstack.imaging.number_types`.
    dtype: np.dtype
    #: Distance between neighbours along each axis except S, > 0; 1 if unknown.
    scale: tuple[float, ...]
    #: Unit of each scale; "pixel" if unknown.
    units: tuple[str, ...]
    #: Where each plane lies along Z, in its unit; empty where the file does not say.
    positions: tuple[float, ...] = ()
    #: Names and colours along C; empty without that axis.
    channels: tuple[Channel, ...] = ()
    #: The axes in the order in which a TIFF stores them.
    stored: str = ""
    #: Letter of the focus axis, if the user named it.
    focus: str = ""
    #: What was left out or assumed when it was read, one sentence each.
    notes: tuple[str, ...] = ()
    #: Why it may not be clear which axis is that of focus, and what to do; else empty.
    doubt: str = ""
    #: Whether the plugin wrote it as a labels layer.
    labels: bool = False
    #: Record of a result of napari-focusstack.
    record: Mapping[str, Any] | None = None
    #: The series as its reader describes it; None for a TIFF and for images of one plane.
    source: Series | None = None
    #: EXIF and colour profile of the first plane, for the results.
    photo: PhotoMetadata | None = None

    def warn(self) -> None:
        """Issue a warning for each note and doubt."""
        for note in filter(None, (*self.notes, self.doubt)):
            warnings.warn(note, stacklevel=3)

    def check(self) -> None:
        """Raise InputError if it is doubtful which axis is that of focus."""
        if self.doubt:
            raise InputError(self.doubt)

    @property
    def name(self) -> str:
        """File name without its endings, or the folder's name."""
        if len(self.files) > 1:
            return self.files[0].parent.name
        return self.files[0].stem.removesuffix(".ome")

    @property
    def rgb(self) -> bool:
        """Whether the last axis is the colours of a pixel, not grey and alpha."""
        return self.axes.endswith("S") and self.shape[-1] > 2

    @property
    def nbytes(self) -> int:
        """Size of all pixels, bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """Shape of a plane of image files: rows, columns, and colours."""
        return self.shape[self.axes.index("Y") :]

    @property
    def focus_axis(self) -> int | None:
        """Index of the focus axis; None if there is none."""
        return self.axes.index(self.focus) if self.focus else focus_axis(self.axes, self.shape)

    @property
    def focus_positions(self) -> tuple[float, ...] | None:
        """Where each plane lies along the focus axis; None where the file does not say."""
        is_depth = self.focus_axis is not None and self.axes[self.focus_axis] == "Z"
        return self.positions if is_depth and self.positions else None

    @property
    def other_axes(self) -> dict[str, int]:
        """Sizes of all axes except focus, rows, columns and colours, by letter."""
        return {
            axis: size
            for number, (axis, size) in enumerate(zip(self.axes, self.shape, strict=True))
            if axis not in "YXS" and number != self.focus_axis
        }


@contextlib.contextmanager
def opened(path: Path) -> Iterator[TiffFile]:
    """Open a TIFF so that planes appended one by one, or in files of a set, are one series."""
    from tifffile import TiffFile

    with reading(path), contextlib.ExitStack() as stack:
        tiff = stack.enter_context(TiffFile(path))
        tiff = stack.enter_context(whole_set(tiff))
        series = image_series(tiff)
        shapes = {one.shape for one in series}
        planes = {one.shape for one in series if one.shape == one.keyframe.shape}
        if tiff.is_shaped and len(series) > 1 and shapes == planes:
            tiff = stack.enter_context(TiffFile(path, is_shaped=False))
        yield tiff


def describe(tiff: TiffFile, index: int = 0, axis: str | None = None) -> StackHeader:
    """Return the header of a series of a TIFF.

    Parameters
    ----------
    tiff : TiffFile
        ImageJ hyperstack, OME-TIFF, or any other TIFF.
    index : int
        Of the series.
    axis : str, optional
        Letter of the focus axis, see `find_stacks`.

    Returns
    -------
    StackHeader
        Axes in their stored order, except that Y, X and S are last.

    Examples
    --------
    >>> from io import BytesIO
    >>> import numpy as np, tifffile
    >>> file = BytesIO()
    >>> tifffile.imwrite(file, np.zeros((5, 2, 8, 9), "u2"), imagej=True, metadata={"axes": "ZCYX"})
    >>> _ = file.seek(0)
    >>> with tifffile.TiffFile(file) as tiff:
    ...     stack = describe(tiff)
    >>> stack.axes, stack.shape, stack.focus_axis, len(stack.channels)
    ('ZCYX', (5, 2, 8, 9), 0, 2)
    """
    series = tiff.series[index]
    path, colour = Path(tiff.filehandle.path), TiffColour.of(tiff, series)
    stored, shape = letters(series), series.shape
    if colour.is_rgb:
        stored, shape = f"{stored}S", (*shape, 3)
    sizes = dict(zip(stored, shape, strict=True))
    steps = calibration(tiff, index)
    notes: tuple[str, ...] = ()
    doubt = ""
    if axis is None:
        come_last, doubt = planes_come_last(stored, sizes, path)
        if come_last:
            axis, notes = "X", ("The planes are stored last, as (Y, X, planes).",)
    focus = ""
    if axis is not None:
        check_axis(path, axis, stored, shape)
        focus = axis
        if axis in "YXS":
            renamed = with_planes_along(stored, axis)
            focus, stored, steps = renamed[stored.index(axis)], renamed, {}
            sizes = dict(zip(stored, shape, strict=True))
    axes = in_order(stored)
    note = read_note(tiff) or {}
    known = [steps.get(axis, (1.0, UNKNOWN)) for axis in axes if axis != "S"]
    return StackHeader(
        files=(path,),
        series=index,
        axes=axes,
        shape=tuple(sizes[axis] for axis in axes),
        dtype=taken_type(colour.dtype(series.dtype), str(path)),
        scale=tuple(step for step, _ in known),
        units=tuple(unit for _, unit in known),
        positions=positions(tiff, index, sizes.get("Z", 0)),
        channels=channels(tiff, index, sizes["C"]) if "C" in axes and focus != "C" else (),
        stored=stored,
        focus=focus,
        notes=notes,
        doubt=doubt,
        labels=note.get("layer_type") == "labels",
        record=note.get("record"),
        photo=photo_metadata(path, rgb=axes.endswith("S")),
    )


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


def with_focus(stack: StackHeader, axis: str | None) -> StackHeader:
    """Return the header with the focus axis that the user named; InputError if there is none."""
    if axis is None:
        return stack
    before = stack.axes.index("Y")  # planes along rows or columns are read from TIFFs only
    check_axis(stack.files[0], axis, stack.axes[:before], stack.shape[:before])
    return replace(stack, focus=axis, channels=() if axis == "C" else stack.channels)


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


def is_tiff(path: Path) -> bool:
    """Return whether a file begins as a TIFF, and is no raw file; False if it cannot be read."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            begins = file.read(4).startswith(TIFF_SIGNATURES)
        return begins and not camera_raw.can_read(path)
    except OSError:
        return False


def plane_size(path: Path) -> tuple[int, int]:
    """Read height and width (px) from the header of an image file; InputError if it has none.

    They are those of the picture as it is displayed, turned as its EXIF orientation demands.
    """
    with reading(path):
        if not path.stat().st_size:
            raise InputError(f"{path} is empty (0 bytes); copy or export it again.")
        if has_reader(path):
            series = series_of(path)[0]
            rows = series.axes.index("Y")
            return series.shape[rows], series.shape[rows + 1]
        if is_tiff(path):
            from tifffile import TiffFile

            with TiffFile(path) as tiff:
                size = tiff.pages.first.imagelength, tiff.pages.first.imagewidth
        else:
            from PIL import Image

            with Image.open(path) as image:
                size = image.height, image.width
        return size[::-1] if orientation(path) >= 5 else size
