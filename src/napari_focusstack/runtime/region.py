"""Regions: rows and columns of an image, and operations on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


#: Rows and columns of an image, px: two slices, each with start and stop.
Region = tuple[slice, slice]


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
