"""Rows and columns of an image: around what is there, with a margin, inside one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


#: Rows and columns of an image, with start and stop.
Region = tuple[slice, slice]


def full(size: tuple[int, int]) -> Region:
    """Return all rows and columns of an image of a size."""
    height, width = size
    return slice(0, height), slice(0, width)


def bounding_box(present: np.ndarray | Tensor) -> Region | None:
    """Return the rows and columns around all true pixels of (Y, X), None where there are none."""
    true = present if isinstance(present, np.ndarray) else present.cpu().numpy()
    rows = np.flatnonzero(true.any(1))
    if not len(rows):
        return None
    high = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(true[high].any(0))
    return high, slice(int(columns[0]), int(columns[-1]) + 1)


def union(*regions: Region) -> Region:
    """Return the least rows and columns that hold all regions.

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


def pad(where: Region, margin: int, limits: tuple[int, int]) -> Region:
    """Return rows and columns with a margin around them, inside an image of a size."""
    rows, columns = (
        slice(max(0, part.start - margin), min(limit, part.stop + margin))
        for part, limit in zip(where, limits, strict=True)
    )
    return rows, columns


def align(where: Region, grid_px: int) -> Region:
    """Let rows and columns begin on a coarse grid, so that what is computed on it agrees."""
    rows, columns = (slice(part.start // grid_px * grid_px, part.stop) for part in where)
    return rows, columns


def to_local(where: Region, outer: Region) -> Region:
    """Return rows and columns of an image as those of a part of it."""
    rows, columns = (
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(where, outer, strict=True)
    )
    return rows, columns


def to_global(part: Region, outer: Region) -> Region:
    """Return rows and columns of a part of an image as those of the image."""
    rows, columns = (
        slice(whole.start + own.start, whole.start + own.stop)
        for own, whole in zip(part, outer, strict=True)
    )
    return rows, columns
