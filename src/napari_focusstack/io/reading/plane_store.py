"""The planes of a focal stack, read one by one or in rectangles, however many there are.

Raw pixels of a TIFF stay where they are. What has to be decoded (PNG, JPEG, compressed TIFF) is
decoded once, and kept in memory, or in a scratch file where all planes exceed the budget.
"""

from __future__ import annotations

import math
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import as_image
from napari_focusstack.io.reading.stack_header import (
    find_stacks,
    is_tiff,
    letters,
    opened,
    stack_of_files,
)
from napari_focusstack.io.reading.stack_pixels import Pages, check_plane_files, read_plane_file
from napari_focusstack.planes.lazy_plane import WHOLE, LazyPlane
from napari_focusstack.planes.scratch import Closing, ScratchPlanes
from napari_focusstack.runtime.memory import memory_budget
from napari_focusstack.runtime.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.planes.lazy_plane import Rectangle

    #: Loads a rectangle of a plane, given its number.
    Load = Callable[[int, Rectangle], np.ndarray]

AXIS_WORDS = {"C": "channel", "T": "time point", "Z": "plane"}


class PlaneStore(Closing):
    """The planes of a stack at one place of its other axes; close it to drop what was decoded.

    Several threads may read at once.

    Parameters
    ----------
    stack : FocalStack
        From `napari_focusstack.io.reading.stack_header.find_stacks`.
    at : mapping of str to int, optional
        Where to stand on the axes beside focus, by letter and counted from 0, such as
        ``{"T": 3, "C": 1}``; 0 on the others.
    budget_bytes : int, optional
        Most that decoded planes may take in memory; `napari_focusstack.runtime.memory.memory_budget` if
        not given.
    progress : callable, optional
        Called as each plane is read for the first time.

    Attributes
    ----------
    shape : tuple of int
        Number of planes, rows, columns, and 3 if RGB.
    dtype : dtype
        uint8, uint16 or float32, in the machine's byte order.
    stack : FocalStack
        Where they come from.
    backing : {"file", "memory", "scratch"}
        Where planes are read from, once they were read for the first time.

    Raises
    ------
    InputError
        If focus changes along no axis, there is no such place, a file is cut short or damaged,
        plane images differ, or the disk has no room for a scratch file. Damage inside a plane may
        be found, and its file and plane be named, only when it is read.

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
            raise InputError(
                f"{stack.files[0]} has no axis along which focus changes ({stack.axes}, "
                f"{stack.shape}); give a stack of two planes or more."
            )
        _check_place(stack, at or {})
        self.stack = stack
        sizes = dict(zip(stack.axes, stack.shape, strict=True))
        self.shape = (stack.shape[focus], sizes["Y"], sizes["X"], *((3,) if stack.rgb else ()))
        self.dtype = stack.dtype
        self._path = stack.files[0]
        self._load, raw = _of_files(stack) if len(stack.files) > 1 else _of_tiff(stack, at or {})
        self._known: set[int] = set()
        self._progress = progress
        self._memory: dict[int, np.ndarray] = {}
        self._scratch: ScratchPlanes | None = None
        self._lock = Lock()
        self.backing = "file" if raw else "memory"
        nbytes = math.prod(self.shape) * self.dtype.itemsize
        if not raw and nbytes > (memory_budget() if budget_bytes is None else budget_bytes):
            self.backing, self._scratch = "scratch", ScratchPlanes(self.shape, self.dtype)

    def __len__(self) -> int:
        """Return the number of planes."""
        return self.shape[0]

    def __getitem__(self, number: int) -> np.ndarray:
        """Return a whole plane, (Y, X) or (Y, X, 3); not to be written to."""
        return self.read(number)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the planes one by one."""
        return (self.read(number) for number in range(len(self)))

    @property
    def planes(self) -> list[LazyPlane]:
        """The planes, to be read in rectangles later."""
        return [LazyPlane(self, number, self.shape[1:]) for number in range(len(self))]

    def read(self, number: int, rectangle: Rectangle = WHOLE) -> np.ndarray:
        """Read a rectangle of a plane.

        Parameters
        ----------
        number : int
            Of the plane, from 0; negative ones count from the end.
        rectangle : tuple of slice
            Rows and columns.

        Returns
        -------
        ndarray, (rows, columns) or (rows, columns, 3)
            Not to be written to.

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
            self._tell(number)
            return part
        with self._lock:
            if number not in self._known:
                plane = self._loaded(number, WHOLE)
                if self._scratch is None:
                    self._memory[number] = plane
                else:
                    self._scratch.write(number, plane)
                self._tell(number)
                return plane[rectangle]
        if self._scratch is None:
            return self._memory[number][rectangle]
        return self._scratch.read(number, rectangle)

    def close(self) -> None:
        """Drop what was decoded."""
        self._memory.clear()
        if self._scratch is not None:
            self._scratch.close()

    def _tell(self, number: int) -> None:
        """Tell progress of a plane that was not read before."""
        if number not in self._known:
            self._known.add(number)
            if self._progress is not None:
                self._progress(Progress("read planes", len(self._known), len(self)))

    def _loaded(self, number: int, rectangle: Rectangle) -> np.ndarray:
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
) -> PlaneStore:
    """Open the planes of a stack.

    Parameters
    ----------
    source : path or sequence of path
        A TIFF, of which the first series with planes is taken; a folder of images with one plane
        each, sorted naturally (z2 before z10); or such images, in the order given.
    at, budget_bytes, progress
        As for :class:`PlaneStore`.

    Returns
    -------
    PlaneStore

    Raises
    ------
    InputError
        As :class:`PlaneStore` and `napari_focusstack.io.reading.stack_header.find_stacks`.
    """
    return PlaneStore(focal_stack(source), at, budget_bytes, progress)


def focal_stack(source: str | Path | Sequence[str | Path]) -> StackHeader:
    """Tell what stack lies in a file, a folder or a list of images, see :func:`open_planes`."""
    paths = [Path(one) for one in ([source] if isinstance(source, str | Path) else source)]
    if len(paths) > 1:
        return stack_of_files(paths)
    stacks = find_stacks(paths)
    return next((one for one in stacks if one.focus_axis is not None), stacks[0])


def _check_place(stack: StackHeader, at: Mapping[str, int]) -> None:
    sizes = dict(zip(stack.axes, stack.shape, strict=True))
    for axis, index in at.items():
        size = sizes.get(axis, 1)
        if not 0 <= index < size:
            what = AXIS_WORDS.get(axis, f"place along {axis}")
            raise InputError(
                f"{stack.files[0]} has no {what} {index + 1}; give one from 1 to {size}."
            )


def _of_tiff(stack: StackHeader, at: Mapping[str, int]) -> tuple[Load, bool]:
    """Return what loads a rectangle of a plane of a TIFF, and whether it takes it as it lies."""
    with opened(stack.files[0]) as tiff:
        series = tiff.series[stack.series]
        pages = Pages.of(tiff, series)
        stored, sizes = letters(series), series.shape
        if pages is not None and set("YX") & set(stored[: -len(pages.shape)]):
            pages = None  # a page is no part of a plane
        whole = series.asarray() if pages is None else None
    leading = 0 if pages is None else len(sizes) - len(pages.shape)
    kept = [axis for axis in stored if axis in "YXS"]
    order = [kept.index(axis) for axis in "YXS" if axis in kept]
    focus = stack.axes[stack.focus_axis or 0]

    def load(number: int, rectangle: Rectangle) -> np.ndarray:
        place: dict[str, Any] = dict(zip("YXS", (*rectangle, slice(None)), strict=True))
        place |= {**at, focus: number}
        index = tuple(place.get(axis, 0) for axis in stored)
        if pages is None:
            return np.asarray(whole)[index].transpose(order)
        page = np.ravel_multi_index(index[:leading], sizes[:leading]) if leading else 0
        return pages.read(int(page), index[leading:]).transpose(order)

    return load, pages is not None and pages.raw


def _of_files(stack: StackHeader) -> tuple[Load, bool]:
    """Return what loads a rectangle of an image file, and whether it takes it as it lies."""
    check_plane_files(stack)
    found = [_raw_page(stack, path) for path in stack.files]
    pages = [page for page in found if page is not None]
    if len(pages) == len(stack.files):
        return lambda number, rectangle: pages[number].read(0, rectangle), True
    return lambda number, rectangle: read_plane_file(stack, number)[rectangle], False


def _raw_page(stack: StackHeader, path: Path) -> Pages | None:
    """Return where the pixels of an image file lie, if they lie there as they do in memory."""
    if not is_tiff(path):
        return None
    with opened(path) as tiff:
        pages = Pages.of(tiff, tiff.series[0])
    if pages is None or not pages.raw or len(pages.places) > 1:
        return None
    same = (pages.shape, pages.dtype.newbyteorder("=")) == (stack.shape[1:], stack.dtype)
    return pages if same else None
