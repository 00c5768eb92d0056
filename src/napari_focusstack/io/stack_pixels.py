"""The pixels of a focal stack: in memory, or plane by plane from disk where they are many."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.focal_stack import letters, opened, plane_size
from napari_focusstack.io.reader import damage_explained, read_image
from napari_focusstack.io.tiff import check_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from dask.array import Array
    from tifffile import TiffFile, TiffPageSeries

    from napari_focusstack.io.focal_stack import FocalStack

#: Larger stacks stay on disk; each plane is read when it is looked at.
EAGER_BYTES = 256 * 2**20


def pixels(stack: FocalStack, eager_bytes: int | None = None) -> np.ndarray | Array:
    """Read the pixels.

    Parameters
    ----------
    stack : FocalStack
        From `napari_focusstack.io.focal_stack.find_stacks`.
    eager_bytes : int, optional
        Instead of `EAGER_BYTES`; 0 reads nothing yet.

    Returns
    -------
    ndarray or dask Array
        Of the stack's shape and dtype; lazy, a chunk per plane, beyond `EAGER_BYTES`.

    Raises
    ------
    InputError
        If the file is cut short or damaged, or plane images differ in size or dtype. A lazy array
        may find damage only when it is computed.
    """
    eager = stack.nbytes <= (EAGER_BYTES if eager_bytes is None else eager_bytes)
    if len(stack.files) > 1:
        return _planes(stack, eager)
    with opened(stack.files[0]) as tiff:
        series = tiff.series[stack.series]
        check_pixels(series)
        shape = series.keyframe.shape
        lazy = not eager and series.shape[-len(shape) :] == shape
        stored = _pages(tiff, series, shape) if lazy else series.asarray()
        order = [letters(series).index(axis) for axis in stack.axes]
        return stored.astype(stack.dtype, copy=False).transpose(order)


def _planes(stack: FocalStack, eager: bool) -> np.ndarray | Array:
    """Return the pixels of image files with one plane each."""

    def read(number: int) -> np.ndarray:
        plane = read_image(stack.files[number])
        _check_same(stack, stack.files[number], plane.shape, plane.dtype)
        return plane

    for path in stack.files:
        _check_same(stack, path, (*plane_size(path), *stack.shape[3:]), stack.dtype)
    if eager:
        return np.stack([read(number) for number in range(len(stack.files))])
    return _lazy(read, stack.shape, stack.dtype, len(stack.shape) - 1)


def _check_same(stack: FocalStack, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    if (shape, dtype) != (stack.shape[1:], stack.dtype):
        raise InputError(
            f"{path.name} is {dtype} {shape}, {stack.files[0].name} {stack.dtype} "
            f"{stack.shape[1:]}; give planes of one size and type."
        )


def _pages(tiff: TiffFile, series: TiffPageSeries, shape: tuple[int, ...]) -> Array:
    """Return a lazy array of the series, in stored order; `shape` is that of a page."""
    start, dtype = series.dataoffset, series.dtype
    stored = dtype.newbyteorder(tiff.byteorder)
    size = math.prod(shape) * dtype.itemsize
    if start is not None:
        if start + series.nbytes > tiff.filehandle.size:
            raise ValueError("pixels are missing")
        path = Path(tiff.filehandle.path)
        count = series.nbytes // size
        places = [(path, start + number * size) for number in range(count)]
    else:
        places = [(Path(one.parent.filehandle.path), one.offset) for one in series.pages if one]

    def read(number: int) -> np.ndarray:
        path, offset = places[number]
        with damage_explained(path):
            if start is None:
                return _page(path, offset)
            plane = np.fromfile(path, stored, math.prod(shape), offset=offset)
            return plane.astype(dtype, copy=False)

    return _lazy(read, series.shape, dtype, len(shape))


def _page(path: Path, offset: int) -> np.ndarray:
    """Decode the page whose header starts at an offset; no other is looked at."""
    from tifffile import TiffFile, TiffPage

    with TiffFile(path) as tiff:
        tiff.filehandle.seek(offset)
        return TiffPage(tiff, 0).asarray()


def _lazy(
    read: Callable[[int], np.ndarray], shape: tuple[int, ...], dtype: np.dtype, plane_ndim: int
) -> Array:
    """Return a lazy array of planes; `read` is given their numbers in the order of the array."""
    import dask.array as da

    leading, plane = shape[:-plane_ndim], shape[-plane_ndim:]

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        number = np.ravel_multi_index(block_id[: len(leading)], leading) if leading else 0
        return read(int(number)).reshape((1,) * len(leading) + plane)

    sizes = [(1,) * size for size in leading] + [(size,) for size in plane]
    return da.map_blocks(
        block, chunks=tuple(sizes), dtype=dtype, meta=np.empty((0,) * len(shape), dtype)
    )
