"""Triangulation of a depth map into a textured surface."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import taken_type
from napari_focusstack.surface.surface import Surface, display

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Default of `jump`: the greater of a share of the range of depth (1st to 99th percentile) and a
#: multiple of the median difference between neighbouring vertices. Convention.
JUMP_SHARE, JUMP_MEDIANS = 0.1, 4.0


def surface_of(
    depth: np.ndarray,
    image: np.ndarray,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    *,
    jump: float | None = None,
    most_faces: int = 500_000,
) -> Surface:
    """Triangulate a depth map.

    Each vertex is the median of a square block of pixels. So a block on an edge takes the depth of
    one side, never a depth between both. The size of the blocks follows from `most_faces`. A block
    with less than half known depths is a hole. Across a jump of depth there is no triangle.

    Parameters
    ----------
    depth : ndarray, (Y, X)
        Depth of each pixel; low values are near, NaN is unknown.
    image : ndarray, (Y, X) or (Y, X, 3)
        The all-in-focus image, of one of `napari_focusstack.imaging.number_types.TAKEN`.
    spacing : sequence of float
        World units per unit of depth, per row and per column: (dz, dy, dx), or (dy, dx) if depth is
        in world units already. A negative dz inverts a depth whose high values are near.
    jump : float, optional
        Greatest difference of depth within a triangle, in units of depth. The default is the
        greater of a tenth of the range of depth (1st to 99th percentile) and four times the median
        difference of neighbouring vertices. The latter counts on slopes with few vertices.
    most_faces : int
        Greatest number of triangles.

    Returns
    -------
    Surface
        Only vertices that a triangle uses.

    Raises
    ------
    InputError
        If shapes, types or spacing do not fit, or no triangle remains.

    Examples
    --------
    >>> depth = np.zeros((4, 5), np.float32)
    >>> depth[:, 3:] = 10  # a step: no triangle leads from one side to the other
    >>> surface = surface_of(depth, np.full((4, 5), 128, np.uint8), (0.5, 0.5))
    >>> surface.vertices.shape, surface.faces.shape
    ((20, 3), (18, 3))
    """
    dz, dy, dx = _check(depth, image, spacing, most_faces)
    block = max(1, math.ceil(math.sqrt(2 * depth.size / most_faces)))
    grid = _known_median(_blocks(np.where(np.isfinite(depth), depth, np.nan), block))
    limit = default_jump(grid) if jump is None else jump
    faces = _triangles(grid, limit)
    if len(faces) == 0:
        raise InputError(
            f"no three neighbours of the depth map differ by less than {limit:g}; fill its holes "
            "or give a larger jump."
        )
    used, corners = np.unique(faces, return_inverse=True)
    row, column = (
        np.minimum(index * block + (block - 1) / 2, length - 1)
        for index, length in zip(np.unravel_index(used, grid.shape), depth.shape, strict=True)
    )
    colours = _blocks(display(image), block).mean(2, dtype=np.float32).round().astype(np.uint8)
    texcoords = [(column + 0.5) / depth.shape[1], 1 - (row + 0.5) / depth.shape[0]]
    return Surface(
        vertices=np.stack([grid.ravel()[used] * dz, row * dy, column * dx], 1).astype(np.float32),
        faces=corners.reshape(faces.shape).astype(np.int32),
        colours=colours.reshape(grid.size, *image.shape[2:])[used],
        texcoords=np.stack(texcoords, 1).astype(np.float32),
        jump=float(limit * abs(dz)),
    )


def _check(
    depth: np.ndarray, image: np.ndarray, spacing: Sequence[float], most_faces: int
) -> tuple[float, float, float]:
    """Return spacing as (dz, dy, dx); InputError if an argument does not fit."""
    if depth.ndim != 2 or min(depth.shape) < 2:
        raise InputError(f"depth has the shape {depth.shape}; give (Y, X), at least 2 x 2 px.")
    taken_type(image.dtype, "image")
    if image.shape not in (depth.shape, (*depth.shape, 3)):
        raise InputError(
            f"image has the shape {image.shape}; give {depth.shape} as the depth map, or with 3 "
            "colours."
        )
    steps = tuple(float(step) for step in spacing)
    usable = len(steps) in (2, 3) and all(map(math.isfinite, steps))
    if not usable or min(steps[-2:]) <= 0 or steps[0] == 0:
        raise InputError(
            f"spacing is {steps}; give (dz, dy, dx) or (dy, dx), dy and dx above 0, dz not 0."
        )
    if most_faces < 2:
        raise InputError(f"most_faces is {most_faces}; give at least 2.")
    if not np.isfinite(depth).any():
        raise InputError("depth holds no known value; find focus first.")
    dz, dy, dx = (1.0, *steps)[-3:]
    return dz, dy, dx


def _blocks(pixels: np.ndarray, block: int) -> np.ndarray:
    """Return square blocks (rows, columns, pixels, ...); borders of the last are replicated."""
    rest = [(0, -length % block) for length in pixels.shape[:2]]
    padded = np.pad(pixels, rest + [(0, 0)] * (pixels.ndim - 2), mode="edge")
    rows, columns = (length // block for length in padded.shape[:2])
    split = padded.reshape(rows, block, columns, block, *pixels.shape[2:])
    return split.swapaxes(1, 2).reshape(rows, columns, block**2, *pixels.shape[2:])


def _known_median(blocks: np.ndarray) -> np.ndarray:
    """Return the lower median of each block's known values; NaN if less than half are known."""
    ascending = np.sort(blocks, axis=2)  # NaN last
    known = np.isfinite(ascending).sum(2)
    middle = np.maximum(known - 1, 0)[..., None] // 2
    median = np.take_along_axis(ascending, middle, axis=2)[..., 0]
    return np.where(2 * known >= blocks.shape[2], median, np.nan)


def default_jump(grid: np.ndarray) -> float:
    """Return the default of `jump` for the vertices of a grid (Y, X)."""
    low, high = np.nanpercentile(grid, [1, 99]) if np.isfinite(grid).any() else (0.0, 0.0)
    steps = np.concatenate([np.abs(np.diff(grid, axis=axis)).ravel() for axis in (0, 1)])
    steps = steps[np.isfinite(steps)]
    usual = float(np.median(steps)) if len(steps) else 0.0
    return max(JUMP_SHARE * float(high - low), JUMP_MEDIANS * usual)


def _triangles(grid: np.ndarray, jump: float) -> np.ndarray:
    """Return triangles (F, 3), grid indices: squares cut along the diagonal that differs less."""
    index = np.arange(grid.size).reshape(grid.shape)
    top_left, top_right = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    bottom_left, bottom_right = index[1:, :-1].ravel(), index[1:, 1:].ravel()
    depth = grid.ravel()
    falling = np.abs(depth[top_left] - depth[bottom_right])
    rising = np.abs(depth[top_right] - depth[bottom_left])
    # If a corner is unknown, the diagonal that avoids it keeps one triangle.
    along = np.nan_to_num(falling, nan=np.inf) <= np.nan_to_num(rising, nan=np.inf)
    first = [top_left, bottom_left, np.where(along, bottom_right, top_right)]
    second = [np.where(along, top_left, bottom_left), bottom_right, top_right]
    faces = np.concatenate([np.stack(first, 1), np.stack(second, 1)])
    corners = depth[faces]
    # Comparisons with NaN are false.
    return faces[corners.max(1) - corners.min(1) <= jump]
