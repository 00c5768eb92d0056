"""Headers of focal stacks on disk: files, axes, sizes and calibration, without any pixels."""

from __future__ import annotations

import contextlib
import logging
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import FocusAxisError, InputError
from napari_focusstack.imaging.number_types import taken_type
from napari_focusstack.io.reading.calibration import (
    UNKNOWN,
    Channel,
    calibration,
    channels,
    positions,
)
from napari_focusstack.io.reading.formats import camera_raw
from napari_focusstack.io.reading.formats.dispatch import has_reader, series_of
from napari_focusstack.io.reading.image import (
    reading,
)
from napari_focusstack.io.reading.ome_files import (
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
    letters,
    planes_come_last,
    with_planes_along,
)
from napari_focusstack.io.reading.tiff_colour import TiffColour
from napari_focusstack.io.reading.tiff_pages import TIFF_SIGNATURES, image_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
    #: Why it may not be clear which axis is that of focus, and what to do; else None.
    doubt: FocusAxisError | None = None
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
            warnings.warn(str(note), stacklevel=3)

    def check(self) -> None:
        """Raise FocusAxisError if it is doubtful which axis is that of focus."""
        if self.doubt is not None:
            raise self.doubt

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
    def focus_places(self) -> np.ndarray:
        """Where each plane lies along the focus axis, by equal steps where the file does not say.

        Shape (P,), in the unit of the axis. There must be a focus axis.
        """
        if self.focus_positions:
            return np.array(self.focus_positions)
        focus = self.focus_axis or 0
        return np.arange(self.shape[focus]) * self.scale[focus]

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
    doubt = None
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
