"""Move the pixels of a plane: cubic interpolation without ringing, block by block."""

from __future__ import annotations

import numpy as np

from napari_focusstack.imaging.number_types import as_opencv, to_type

#: Side of the blocks that are interpolated at once, px. They lie on one grid for all regions, so
#: that a region equals the crop of the whole output, bit for bit.
BLOCK_PX = 512
#: Margin of a block that cubic interpolation and its limits read, px.
MARGIN_PX = 4


def resample(plane: np.ndarray, matrix: np.ndarray, region: tuple[slice, slice]) -> np.ndarray:
    """Return a region of a moved plane.

    Parameters
    ----------
    plane : ndarray, (Y, X) or (Y, X, 3)
        Numbers of any type. Only the pixels that the region needs are read.
    matrix : ndarray, (3, 3)
        From (row, column, 1) in the output to the same in the plane, px between pixel centres.
    region : tuple of slice
        Rows and columns of the output, which is as large as the plane.

    Returns
    -------
    ndarray
        Of the plane's dtype. Values lie within those of the 3 x 3 pixels around. A move by whole
        pixels keeps them bit for bit. Border pixels continue beyond the plane.

    Examples
    --------
    >>> plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    >>> down = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    >>> resample(plane, down, (slice(0, 2), slice(0, 3)))
    array([[ 4,  5,  6],
           [ 8,  9, 10]], dtype=uint8)
    """
    size = plane.shape[:2]
    (top, bottom, _), (left, right, _) = (
        part.indices(side) for part, side in zip(region, size, strict=True)
    )
    offset = matrix[:2, 2].astype(int)
    if (matrix[:2, :2] == np.eye(2)).all() and (matrix[:2, 2] == offset).all():
        return _pixels(plane, np.array([top, left]) + offset, np.array([bottom, right]) + offset)
    out = np.empty((max(bottom - top, 0), max(right - left, 0), *plane.shape[2:]), plane.dtype)
    for row in range(top // BLOCK_PX * BLOCK_PX, bottom, BLOCK_PX):
        for column in range(left // BLOCK_PX * BLOCK_PX, right, BLOCK_PX):
            block = _interpolate(plane, matrix, row, column)
            first, last = max(row, top), min(row + BLOCK_PX, bottom)
            start, end = max(column, left), min(column + BLOCK_PX, right)
            out[first - top : last - top, start - left : end - left] = block[
                first - row : last - row, start - column : end - column
            ]
    return out


def _pixels(plane: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the pixels from low to high, (row, column) each; border pixels continue outside."""
    rows, columns = (
        np.clip(np.arange(first, max(first, last)), 0, side - 1)
        for first, last, side in zip(low, high, plane.shape[:2], strict=True)
    )
    if not rows.size or not columns.size:
        return np.empty((rows.size, columns.size, *plane.shape[2:]), plane.dtype)
    read = np.asarray(plane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return read[(rows - rows[0])[:, None], columns - columns[0]]


def _interpolate(plane: np.ndarray, matrix: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return one block of the output, its first pixel at (row, column)."""
    import cv2

    bottom, right = (
        min(start + BLOCK_PX, side) for start, side in zip((row, column), plane.shape, strict=False)
    )
    corners = np.array([[row, row, bottom, bottom], [column, right, column, right], [1, 1, 1, 1]])
    positions = (matrix @ corners)[:2]
    low = np.floor(positions.min(1)).astype(int) - MARGIN_PX
    stored = _pixels(plane, low, np.ceil(positions.max(1)).astype(int) + MARGIN_PX)
    source = as_opencv(stored)
    linear = matrix[:2, :2]
    offset = matrix[:2, 2] + linear @ (row, column) - low
    # OpenCV counts columns first.
    affine = np.column_stack([linear[::-1, ::-1], offset[::-1]])
    size = (right - column, bottom - row)

    def moved(image: np.ndarray, method: int) -> np.ndarray:
        return np.asarray(cv2.warpAffine(image, affine, size, flags=method | cv2.WARP_INVERSE_MAP))

    neighbours = np.ones((3, 3), np.uint8)
    lowest = moved(np.asarray(cv2.erode(source, neighbours)), cv2.INTER_NEAREST)
    highest = moved(np.asarray(cv2.dilate(source, neighbours)), cv2.INTER_NEAREST)
    return to_type(np.clip(moved(source, cv2.INTER_CUBIC), lowest, highest), stored.dtype)
