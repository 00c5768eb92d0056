"""Regions: rows and columns of an image, and operations on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


#: Rows and columns of an image, px: two slices, each with start and stop.
Region = tuple[slice, slice]
#: Cells along the longer side in which the largest rectangle is searched (speed).
SEARCHED_CELLS = 256


def full(size: tuple[int, int]) -> Region:
    """Return the region of all rows and columns of an image of a size (rows, columns)."""
    height, width = size
    return slice(0, height), slice(0, width)


def bounding_box(present: np.ndarray | Tensor) -> Region | None:
    """Return the least region that holds all true pixels of (Y, X); None if there are none."""
    true = present if isinstance(present, np.ndarray) else present.cpu().numpy()
    rows = np.flatnonzero(true.any(1))
    if not len(rows):
        return None
    high = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(true[high].any(0))
    return high, slice(int(columns[0]), int(columns[-1]) + 1)


def union(*regions: Region) -> Region:
    """Return the least region that holds all regions.

    Examples
    --------
    >>> union((slice(0, 2), slice(5, 6)), (slice(1, 9), slice(3, 4)))
    (slice(0, 9, None), slice(3, 6, None))
    """
    rows, columns = (
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*regions, strict=True)
    )
    return rows, columns


def pad(region: Region, margin: int, limits: tuple[int, int]) -> Region:
    """Return a region with a margin (px) around it, cropped to an image of a size."""
    rows, columns = (
        slice(max(0, part.start - margin), min(limit, part.stop + margin))
        for part, limit in zip(region, limits, strict=True)
    )
    return rows, columns


def align(region: Region, grid_px: int) -> Region:
    """Extend a region up and to the left to a grid, so that blocks downsample as the image does."""
    rows, columns = (slice(part.start // grid_px * grid_px, part.stop) for part in region)
    return rows, columns


def to_local(region: Region, outer: Region) -> Region:
    """Convert a region of the image to the coordinates of an outer region that holds it."""
    rows, columns = (
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(region, outer, strict=True)
    )
    return rows, columns


def to_global(region: Region, outer: Region) -> Region:
    """Convert a region in the coordinates of an outer region to those of the image."""
    rows, columns = (
        slice(whole.start + part.start, whole.start + part.stop)
        for part, whole in zip(region, outer, strict=True)
    )
    return rows, columns


def intersection(first: Region, second: Region) -> Region | None:
    """Return the region that two regions share; None if they share none.

    Examples
    --------
    >>> intersection((slice(0, 5), slice(2, 9)), (slice(3, 8), slice(0, 4)))
    (slice(3, 5, None), slice(2, 4, None))
    """
    rows, columns = (
        slice(max(one.start, other.start), min(one.stop, other.stop))
        for one, other in zip(first, second, strict=True)
    )
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    return rows, columns


def largest_rectangle(mask: np.ndarray) -> Region | None:
    """Return the largest rectangle of true pixels; None if none is true.

    Large masks are searched cell by cell, and what is found is widened pixel by pixel, so it may be
    a little smaller than the largest.

    Parameters
    ----------
    mask : ndarray of bool
        Shape (Y, X).

    Examples
    --------
    >>> mask = np.ones((6, 9), bool)
    >>> mask[0, 3:] = mask[4, 0] = False
    >>> largest_rectangle(mask)
    (slice(1, 6, None), slice(1, 9, None))
    """
    if not mask.any():
        return None
    cell = max(1, max(mask.shape) // SEARCHED_CELLS)
    while True:
        rows, columns = (side // cell for side in mask.shape)
        cells = mask[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
        found = _largest_of_cells(np.asarray(cells.all((1, 3))))
        if found is not None:
            top, left = (part.start * cell for part in found)
            bottom, right = (part.stop * cell for part in found)
            return _widened(mask, (slice(top, bottom), slice(left, right)))
        cell //= 2


def _largest_of_cells(cells: np.ndarray) -> Region | None:
    """Return the largest rectangle of true cells, row by row over the heights above each cell."""
    best, found = 0, None
    heights = np.zeros(cells.shape[1] + 1, int)
    for row, present in enumerate(cells):
        heights[:-1] = np.where(present, heights[:-1] + 1, 0)
        open_at: list[tuple[int, int]] = []  # column and height, rising
        for column, height in enumerate(heights.tolist()):
            start = column
            while open_at and open_at[-1][1] >= height:
                start, tall = open_at.pop()
                if tall * (column - start) > best:
                    best = tall * (column - start)
                    found = slice(row + 1 - tall, row + 1), slice(start, column)
            open_at.append((start, height))
    return found


def _widened(mask: np.ndarray, region: Region) -> Region:
    """Return a rectangle of true pixels, widened to each side while all pixels are true."""
    top, bottom, left, right = *_ends(region[0]), *_ends(region[1])
    grown = True
    while grown:
        grown = False
        if top > 0 and mask[top - 1, left:right].all():
            top, grown = top - 1, True
        if bottom < mask.shape[0] and mask[bottom, left:right].all():
            bottom, grown = bottom + 1, True
        if left > 0 and mask[top:bottom, left - 1].all():
            left, grown = left - 1, True
        if right < mask.shape[1] and mask[top:bottom, right].all():
            right, grown = right + 1, True
    return slice(top, bottom), slice(left, right)


def _ends(part: slice) -> tuple[int, int]:
    """Return start and stop of a slice."""
    return part.start, part.stop
