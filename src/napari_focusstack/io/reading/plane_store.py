"""Planes of a focal stack on disk, read one by one or in rectangles.

Uncompressed pixels of a TIFF are read from the file each time. Other planes (PNG, JPEG, compressed
TIFF, and those of other readers) are decoded once. They are kept in memory, or in a scratch file if
all planes together exceed the memory budget.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks, stack_of_files, with_focus
from napari_focusstack.io.reading.folder import numbered
from napari_focusstack.io.reading.formats.dispatch import read_plane
from napari_focusstack.io.reading.image import as_image, reading
from napari_focusstack.io.reading.photo_metadata import orientation
from napari_focusstack.io.reading.stack_axes import letter_of, no_focus_axis
from napari_focusstack.io.reading.stack_header import is_tiff, opened
from napari_focusstack.io.reading.stack_pixels import (
    Pages,
    check_plane_files,
    pixels,
    read_plane_file,
)
from napari_focusstack.io.reading.tiff_pages import own_pages
from napari_focusstack.planes.lazy_plane import WHOLE, LazyPlane
from napari_focusstack.planes.scratch import Closing, ScratchPlanes
from napari_focusstack.planes.shown import ShownMask, masked, shown_by
from napari_focusstack.runtime.memory import memory_budget
from napari_focusstack.runtime.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from napari_focusstack.io.reading.formats.reader import Series
    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.planes.lazy_plane import Rectangle

    #: Loads a rectangle of a plane, from the number of the plane.
    Load = Callable[[int, Rectangle], np.ndarray]

#: Names of axes in messages.
AXIS_WORDS = {"C": "channel", "T": "time point", "Z": "plane"}


class PlaneStore(Closing):
    """The planes of a stack at one index of its other axes, such as time and channel.

    Several threads may read at once. :meth:`close`, or ``with``, discards decoded planes.

    Parameters
    ----------
    stack : StackHeader
        From `napari_focusstack.io.reading.find_stacks.find_stacks`.
    at : mapping of str to int, optional
        Index on the other axes, by letter and counted from 0, such as ``{"T": 3, "C": 1}``; 0 on
        axes that are not given.
    budget_bytes : int, optional
        Most memory that decoded planes may take;
        `napari_focusstack.runtime.memory.memory_budget` if not given.
    progress : callable, optional
        Called when a plane is read for the first time.

    Attributes
    ----------
    shape : tuple of int
        Number of planes, rows, columns, and 3 if RGB.
    dtype : dtype
        One of `napari_focusstack.imaging.number_types.TAKEN`, in the machine's byte order, but
        float32 for bool.
    stack : StackHeader
        The stack on disk.
    backing : {"file", "memory", "scratch"}
        Where planes are read from after they were read for the first time.

    Raises
    ------
    InputError
        If no axis is a focus axis, if an index is out of range, if a file is truncated or damaged,
        if plane images differ, or if the disk has no space for a scratch file. Damage inside a
        plane may be detected only when this plane is read; the message then names it.

    Examples
    --------
    >>> import tempfile, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "stack.tif"
    >>> tifffile.imwrite(path, np.arange(5 * 32 * 48, dtype=np.uint16).reshape(5, 32, 48))
    >>> with open_planes(path) as store:
    ...     len(store), store.shape, store[4][0, :3], store.read(1, np.s_[2:4, 7:9]).shape
    (5, (5, 32, 48), array([6144, 6145, 6146], dtype=uint16), (2, 2))
    """

    def __init__(
        self,
        stack: StackHeader,
        at: Mapping[str, int] | None = None,
        budget_bytes: int | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        focus = stack.focus_axis
        if focus is None:
            raise no_focus_axis(stack.files[0], stack.axes, stack.shape)
        _check_index(stack, at or {})
        self.stack = stack
        sizes = dict(zip(stack.axes, stack.shape, strict=True))
        self.shape = (stack.shape[focus], sizes["Y"], sizes["X"], *((3,) if stack.rgb else ()))
        self.dtype = stack.dtype
        self._path = stack.files[0]
        self._load, raw = _loader(stack, at or {})
        self._read_before: set[int] = set()
        self._progress = progress
        self._memory: dict[int, np.ndarray] = {}
        self._scratch: ScratchPlanes | None = None
        #: What planes in the scratch file show, by number, if it is not everything.
        self._shown: dict[int, ShownMask] = {}
        self._reporting = Lock()
        # Files of a plane each are decoded at the same time, a file of other readers is not.
        self._locks = [Lock() for _ in range(len(self) if stack.source is None else 1)]
        self.backing = "file" if raw else "memory"
        nbytes = math.prod(self.shape) * self.dtype.itemsize
        if not raw and nbytes > (memory_budget() if budget_bytes is None else budget_bytes):
            self.backing, self._scratch = "scratch", ScratchPlanes(self.shape, self.dtype)

    def __len__(self) -> int:
        """Return the number of planes."""
        return self.shape[0]

    def __getitem__(self, number: int) -> np.ndarray:
        """Return a whole plane, (Y, X) or (Y, X, 3), which must not be written to."""
        return self.read(number)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the planes one by one."""
        return (self.read(number) for number in range(len(self)))

    @property
    def planes(self) -> list[LazyPlane]:
        """The planes as lazy planes, which are read in rectangles later."""
        return [LazyPlane(self, number, self.shape[1:]) for number in range(len(self))]

    def read(self, number: int, rectangle: Rectangle = WHOLE) -> np.ndarray:
        """Read a rectangle of a plane.

        Parameters
        ----------
        number : int
            Number of the plane, from 0; negative numbers count from the end.
        rectangle : tuple of slice
            Rows and columns.

        Returns
        -------
        ndarray, (rows, columns) or (rows, columns, 3)
            It must not be written to. It is masked where the file is transparent.

        Raises
        ------
        InputError
            If the plane is damaged; the message names file and plane.
        IndexError
            If there is no such plane.
        """
        if not -len(self) <= number < len(self):
            raise IndexError(f"plane {number} of {len(self)}")
        number %= len(self)
        if self.backing == "file":
            part = self._loaded(number, rectangle)
            self._report(number)
            return part
        with self._locks[number % len(self._locks)]:
            if number not in self._read_before:
                plane = self._loaded(number, WHOLE)
                if self._scratch is None:
                    self._memory[number] = plane
                else:
                    self._scratch.write(number, plane)
                    shown = shown_by(plane)
                    if shown is not None:
                        self._shown[number] = ShownMask(shown)
                self._report(number)
                return plane[rectangle]
        if self._scratch is None:
            return self._memory[number][rectangle]
        pixels = self._scratch.read(number, rectangle)
        mask = self._shown[number][rectangle] if number in self._shown else None
        return pixels if mask is None else masked(pixels, mask)

    def close(self) -> None:
        """Discard decoded planes."""
        self._memory.clear()
        if self._scratch is not None:
            self._scratch.close()

    def _report(self, number: int) -> None:
        """Report progress if a plane was not read before."""
        with self._reporting:
            if number not in self._read_before:
                self._read_before.add(number)
                if self._progress is not None:
                    self._progress(Progress("read planes", len(self._read_before), len(self)))

    def _loaded(self, number: int, rectangle: Rectangle) -> np.ndarray:
        """Load a rectangle of a plane from its file."""
        try:
            part = self._load(number, rectangle).astype(self.dtype, copy=False)
            return as_image(part, self._path)
        except InputError as error:
            raise InputError(f"plane {number + 1} of {len(self)}: {error}") from error


def open_planes(
    source: str | Path | Sequence[str | Path],
    at: Mapping[str, int] | None = None,
    budget_bytes: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    axis: str | None = None,
    series: int | None = None,
) -> PlaneStore:
    """Open the planes of a stack.

    Parameters
    ----------
    source : path or sequence of path
        A TIFF or another file that holds a stack (OME-Zarr, CZI, ND2, LIF), whose first series with
        a focus axis is opened; a folder of images with one plane each, sorted by number (z2 before
        z10); or such images, in the given order.
    at, budget_bytes, progress
        As for :class:`PlaneStore`.
    axis : str, optional
        Letter of the axis along which focus changes, if the file does not name it, such as "C" for
        planes that are stored as channels, or "X" for planes that are stored last.
    series : int, optional
        Number of the series in a file with several, such as scenes or positions, from 1.

    Returns
    -------
    PlaneStore

    Warns
    -----
    UserWarning
        If files of a folder are left out, or the order of planes is assumed.

    Raises
    ------
    InputError
        As :class:`PlaneStore` and `napari_focusstack.io.reading.find_stacks.find_stacks`; also if
        there is no such series.
    """
    stack = focal_stack(source, axis, series)
    stack.warn()
    return PlaneStore(stack, at, budget_bytes, progress)


def focal_stack(
    source: str | Path | Sequence[str | Path], axis: str | None = None, series: int | None = None
) -> StackHeader:
    """Return the header of a stack in a file, folder or list of images, see :func:`open_planes`."""
    paths = [Path(path) for path in ([source] if isinstance(source, str | Path) else source)]
    if len(paths) > 1:
        stacks = [with_focus(_in_given_order(paths), letter_of(axis) if axis else None)]
    else:
        stacks = find_stacks(paths, axis)
    if series is None:
        stack = next((stack for stack in stacks if stack.focus_axis is not None), stacks[0])
    elif 1 <= series <= len(stacks):
        stack = stacks[series - 1]
    else:
        raise InputError(f"{paths[0]} has no series {series}; give one from 1 to {len(stacks)}.")
    stack.check()
    return stack


def _in_given_order(paths: list[Path]) -> StackHeader:
    """Return the header of image files as they are given; with a note if that seems a mistake."""
    stack, by_number = stack_of_files(paths), numbered(paths)
    if not by_number or by_number in (paths, paths[::-1]):
        return stack
    follows = set(pairwise(by_number)) | set(pairwise(by_number[::-1]))
    odd = [pair for pair in pairwise(paths) if pair not in follows]
    if not odd:  # a file is given twice
        return stack
    before, after = odd[0]
    note = (
        f"The planes are taken in the given order, in which {before.name} is followed by "
        f"{after.name}, unlike by number; give their folder to have them sorted."
    )
    return replace(stack, notes=(*stack.notes, note))


def _check_index(stack: StackHeader, at: Mapping[str, int]) -> None:
    """Raise InputError if an index on the other axes is out of range."""
    sizes = dict(zip(stack.axes, stack.shape, strict=True))
    for axis, index in at.items():
        size = sizes.get(axis, 1)
        if not 0 <= index < size:
            word = AXIS_WORDS.get(axis, f"place along {axis}")
            raise InputError(
                f"{stack.files[0]} has no {word} {index + 1}; give one from 1 to {size}."
            )


def _loader(stack: StackHeader, at: Mapping[str, int]) -> tuple[Load, bool]:
    """Return the loader of planes, and whether their pixels are stored uncompressed."""
    if len(stack.files) > 1:
        return _file_loader(stack, at)
    if stack.source is not None:
        return _source_loader(stack, stack.source, at), False
    return _tiff_loader(stack, at)


def _source_loader(stack: StackHeader, series: Series, at: Mapping[str, int]) -> Load:
    """Return the loader of planes of a series that a reader reads."""
    path, focus = stack.files[0], stack.axes[stack.focus_axis or 0]
    return lambda number, rectangle: read_plane(path, series, {**at, focus: number})[rectangle]


def _tiff_loader(stack: StackHeader, at: Mapping[str, int]) -> tuple[Load, bool]:
    """Return the loader of planes of a TIFF, and whether its pixels are stored uncompressed."""
    with opened(stack.files[0]) as tiff:
        series = tiff.series[stack.series]
        pages = Pages.of(tiff, series)
        stored, sizes = stack.stored, series.shape
    leading = 0 if pages is None else len(sizes) - len(pages.shape)
    if set("YX") & set(stored[:leading]):
        pages = None  # rows or columns of a plane are spread over pages
    whole = np.asarray(pixels(stack)) if pages is None else None
    kept = [axis for axis in stored if axis in "YXS"]
    order = [kept.index(axis) for axis in "YXS" if axis in kept]
    focus = stack.axes[stack.focus_axis or 0]

    def load(number: int, rectangle: Rectangle) -> np.ndarray:
        by_axis: dict[str, Any] = dict(zip("YXS", (*rectangle, slice(None)), strict=True))
        by_axis |= {**at, focus: number}
        index = tuple(by_axis.get(axis, 0) for axis in stored)
        if pages is None:
            return np.asarray(whole)[tuple(by_axis.get(axis, 0) for axis in stack.axes)]
        page = np.ravel_multi_index(index[:leading], sizes[:leading]) if leading else 0
        part = index[leading : leading + len(pages.shape)]
        return pages.read(int(page), part).transpose(order)

    return load, pages is not None and pages.raw


def _file_loader(stack: StackHeader, at: Mapping[str, int]) -> tuple[Load, bool]:
    """Return the loader of plane images, and whether their pixels are stored uncompressed."""
    check_plane_files(stack)
    leading = stack.axes[: stack.axes.index("Y")]
    numbers = np.arange(len(stack.files)).reshape(stack.shape[: len(leading)])
    place: list[Any] = [at.get(axis, 0) for axis in leading]
    place[stack.focus_axis or 0] = slice(None)
    chosen = numbers[tuple(place)].tolist()
    raw_pages = [_raw_page(stack, stack.files[number]) for number in chosen]
    pages = [page for page in raw_pages if page is not None]
    if len(pages) == len(chosen):
        return lambda number, rectangle: pages[number].read(0, rectangle), True
    return lambda number, rectangle: read_plane_file(stack, chosen[number])[rectangle], False


def _raw_page(stack: StackHeader, path: Path) -> Pages | None:
    """Return the page of an image file; None unless its pixels are stored as in memory."""
    if not is_tiff(path) or orientation(path) != 1:
        return None
    with reading(path), own_pages(path) as tiff:
        pages = Pages.of(tiff, tiff.series[0])
    if pages is None or not pages.raw or len(pages.places) > 1:
        return None
    same = (pages.shape, pages.dtype.newbyteorder("=")) == (stack.plane_shape, stack.dtype)
    return pages if same else None
