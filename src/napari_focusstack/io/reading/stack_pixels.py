"""The pixels of a focal stack: in memory, or lazily from disk if the stack is large."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import full_scale
from napari_focusstack.io.reading.formats.dispatch import read_plane
from napari_focusstack.io.reading.image import has_alpha, read_image, reading
from napari_focusstack.io.reading.photo_metadata import orientation
from napari_focusstack.io.reading.stack_header import opened, plane_size
from napari_focusstack.io.reading.tiff_colour import TiffColour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dask.array import Array
    from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

    from napari_focusstack.io.reading.stack_header import StackHeader


#: Stacks of more bytes are read lazily, plane by plane. Convention.
EAGER_BYTES = 256 * 2**20


def pixels(stack: StackHeader, eager_bytes: int | None = None) -> np.ndarray | Array:
    """Read the pixels of a stack.

    Parameters
    ----------
    stack : StackHeader
        From `napari_focusstack.io.reading.find_stacks.find_stacks`.
    eager_bytes : int, optional
        Replaces `EAGER_BYTES`; 0 reads all stacks lazily.

    Returns
    -------
    ndarray or dask Array
        Shape and dtype of the stack. Beyond `EAGER_BYTES` it is lazy, with a chunk for each plane.

    Raises
    ------
    InputError
        If the file is truncated or damaged, or if plane images differ in size or dtype. A lazy
        array may detect damage only when it is computed.
    """
    eager = stack.nbytes <= (EAGER_BYTES if eager_bytes is None else eager_bytes)
    if len(stack.files) > 1:
        return _planes(stack, eager)
    if stack.source is not None:
        return _source_planes(stack, eager)
    with opened(stack.files[0]) as tiff:
        series = tiff.series[stack.series]
        pages = Pages.of(tiff, series)
        if eager or pages is None:
            stored: np.ndarray | Array = TiffColour.of(tiff, series).decode(series.asarray())
        else:
            sizes = dict(zip(stack.axes, stack.shape, strict=True))
            shape = tuple(sizes[axis] for axis in stack.stored)
            leading = len(series.shape) - len(pages.shape)
            stored = _lazy(pages.read, shape, stack.dtype, len(shape) - leading)
        order = [stack.stored.index(axis) for axis in stack.axes]
        return stored.astype(stack.dtype, copy=False).transpose(order)


@dataclass(frozen=True)
class Pages:
    """Positions of the pages of a TIFF series, so that each page is read without the others."""

    #: File and offset of each page: offset of its pixels if they are raw, else of its header.
    places: tuple[tuple[Path, int], ...]
    #: Shape of a page.
    shape: tuple[int, ...]
    #: Type as stored, in the byte order of the file.
    dtype: np.dtype
    #: Whether the pixels are stored in the file as in memory.
    raw: bool
    #: What the stored numbers show.
    colour: TiffColour

    @classmethod
    def of(cls, tiff: TiffFile, series: TiffPageSeries) -> Pages | None:
        """Return the pages in stored order; None if pages do not divide the series.

        Raises
        ------
        ValueError
            If pixels of a page are beyond the end of the file.
        """
        shape, dtype = series.keyframe.shape, series.dtype.newbyteorder(tiff.byteorder)
        colour = TiffColour.of(tiff, series)
        divided = series.shape[-len(shape) :] == shape
        if series.dataoffset is not None:
            # The pixels are contiguous. Some programs then write only the first header.
            path, size = Path(tiff.filehandle.path), series.keyframe.nbytes
            starts = range(series.dataoffset, series.dataoffset + series.nbytes, size)
            _check_whole(start + size <= tiff.filehandle.size for start in starts)
            places = tuple((path, start) for start in starts)
            return cls(places, shape, dtype, True, colour) if divided else None
        _check_whole(
            page is not None and max(_ends(page)) <= page.parent.filehandle.size
            for page in series.pages
        )
        pages = [page for page in series.pages if page is not None]
        raw = all(map(_is_raw, pages))
        places = tuple(
            (Path(page.parent.filehandle.path), page.dataoffsets[0] if raw else page.offset)
            for page in pages
        )
        return cls(places, shape, dtype, raw, colour) if divided else None

    def read(self, number: int, part: tuple[int | slice, ...] = ()) -> np.ndarray:
        """Read a part of a page, or the whole page, as it is shown.

        Of raw pixels, little more than the part is read from disk.

        Raises
        ------
        InputError
            If the file is truncated or damaged there.
        """
        path, offset = self.places[number]
        with reading(path):
            if not self.raw:
                return self.colour.decode(_page(path, offset)[part], number)
            end = offset + math.prod(self.shape) * self.dtype.itemsize
            if end > path.stat().st_size:  # reading a mapped file past its end kills the process
                raise ValueError("pixels are missing")
            # Mapped anew each time, so that pixels do not stay in memory.
            mapped = np.memmap(path, self.dtype, "r", offset, self.shape)
            stored = np.array(mapped[part], self.dtype.newbyteorder("="))
            return self.colour.decode(stored, number)


def check_plane_files(stack: StackHeader) -> None:
    """Raise InputError if the headers of plane images show different sizes."""
    for path in stack.files:
        size, first = plane_size(path), stack.plane_shape[:2]
        turned = size == first[::-1] != first
        turns = [orientation(one) for one in (path, stack.files[0])] if turned else [1, 1]
        if turns[0] != turns[1]:
            raise InputError(
                f"{path.name} has the EXIF orientation {turns[0]}, {stack.files[0].name} "
                f"{turns[1]}, so they are turned to {size[0]} x {size[1]} and {first[0]} x "
                f"{first[1]} px; set one orientation, or remove it."
            )
        _check_same(stack, path, (*size, *stack.plane_shape[2:]), stack.dtype)


def read_plane_file(stack: StackHeader, number: int) -> np.ndarray:
    """Read one of several plane images; InputError if it differs from the first in size or type."""
    plane = read_image(stack.files[number])
    _check_same(stack, stack.files[number], plane.shape, plane.dtype)
    return plane


def _planes(stack: StackHeader, eager: bool) -> np.ndarray | Array:
    """Return the pixels of plane images."""
    check_plane_files(stack)
    if eager:
        planes = [read_plane_file(stack, number) for number in range(len(stack.files))]
        if any(np.ma.is_masked(plane) for plane in planes):
            planes = [_with_alpha(plane) for plane in planes]
        return np.stack(planes).reshape(*stack.shape[: -len(stack.plane_shape)], *planes[0].shape)
    shape, read = stack.shape, partial(read_plane_file, stack)
    ndim = len(stack.plane_shape)
    if stack.rgb and any(map(has_alpha, stack.files)):
        shape = (*shape[:-1], 4)
        return _lazy(lambda number: _with_alpha(read(number)), shape, stack.dtype, ndim)
    return _lazy(read, shape, stack.dtype, ndim)


def _with_alpha(plane: np.ndarray) -> np.ndarray:
    """Return an RGB plane as RGBA, transparent where it is masked; a masked grey pixel is 0."""
    if plane.ndim == 2:
        return np.ma.filled(plane, 0)
    opaque = plane.dtype.type(full_scale(plane.dtype))
    alpha = np.where(np.ma.getmaskarray(plane).any(-1), plane.dtype.type(0), opaque)
    return np.concatenate([np.ma.getdata(plane), alpha[..., None]], -1)


def _source_planes(stack: StackHeader, eager: bool) -> np.ndarray | Array:
    """Return the pixels of a series that a reader reads plane by plane."""
    series, path = stack.source, stack.files[0]
    assert series is not None
    leading = series.axes[: series.axes.index("Y")]
    sizes = series.shape[: len(leading)]

    def read(number: int) -> np.ndarray:
        index = np.unravel_index(number, sizes) if sizes else ()
        place = {axis: int(at) for axis, at in zip(leading, index, strict=True)}
        return read_plane(path, series, place).astype(stack.dtype, copy=False)

    if eager:
        planes = [read(number) for number in range(math.prod(sizes))]
        return np.stack(planes).reshape(series.shape)
    return _lazy(read, series.shape, stack.dtype, len(series.shape) - len(leading))


def _check_same(stack: StackHeader, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise InputError if a plane image differs from the first in size or type."""
    if (shape, dtype) != (stack.plane_shape, stack.dtype):
        raise InputError(
            f"{path.name} is {dtype} {shape}, {stack.files[0].name} {stack.dtype} "
            f"{stack.plane_shape}; give planes of one size and type."
        )


def _check_whole(pages: Iterable[bool]) -> None:
    """Raise ValueError if a page is not complete."""
    for number, is_complete in enumerate(pages, 1):
        if not is_complete:
            raise ValueError(f"pixels are missing from page {number} on")


def _ends(page: TiffPage | TiffFrame) -> list[int]:
    """Return where each segment of a page ends."""
    return [a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=True)]


def _is_raw(page: TiffPage | TiffFrame) -> bool:
    """Return whether the pixels of a page are stored as in memory: contiguous, uncompressed."""
    is_contiguous = list(page.dataoffsets[1:]) == _ends(page)[:-1]
    keyframe = page.keyframe
    return is_contiguous and keyframe is not None and keyframe.is_final


def _page(path: Path, offset: int) -> np.ndarray:
    """Decode only the page whose header starts at an offset."""
    from tifffile import TiffFile, TiffPage

    with TiffFile(path) as tiff:
        tiff.filehandle.seek(offset)
        return TiffPage(tiff, 0).asarray()


def _lazy(
    read: Callable[[int], np.ndarray], shape: tuple[int, ...], dtype: np.dtype, plane_ndim: int
) -> Array:
    """Return a lazy array of planes; `read` takes their numbers in the order of the array."""
    import dask.array as da

    leading, plane = shape[:-plane_ndim], shape[-plane_ndim:]

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        number = np.ravel_multi_index(block_id[: len(leading)], leading) if leading else 0
        return read(int(number)).reshape((1,) * len(leading) + plane)

    sizes = [(1,) * size for size in leading] + [(size,) for size in plane]
    return da.map_blocks(
        block, chunks=tuple(sizes), dtype=dtype, meta=np.empty((0,) * len(shape), dtype)
    )
