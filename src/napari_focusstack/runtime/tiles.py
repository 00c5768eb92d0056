"""Tiles of an image."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch.nn.functional as functional

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.runtime.region import Region

#: Bounds of the side of a tile of fixed size without its margins, px.
LEAST_PX, MOST_PX = 320, 1024


def pad_to_multiple(planes: Tensor, stride: int) -> Tensor:
    """Pad planes (B, C, Y, X) below and to the right, until a stride divides their sides."""
    rows, columns = (-side % stride for side in planes.shape[-2:])
    if not rows and not columns:
        return planes
    return functional.pad(planes, (0, columns, 0, rows), mode="replicate")


def tile_edges(length: int, tile_px: int, grid_px: int = 1) -> list[tuple[int, int]]:
    """Divide a length into nearly equal parts (start, stop) of at most tile_px.

    Parts begin at multiples of ``grid_px``, of which ``tile_px`` is one.

    Examples
    --------
    >>> tile_edges(100, 64), tile_edges(100, 64, 32)
    ([(0, 50), (50, 100)], [(0, 64), (64, 100)])
    """
    count = -(-length // tile_px)
    cells = -(-length // grid_px)
    edges = [round(i * cells / count) * grid_px for i in range(count)]
    return list(pairwise([*edges, length]))


def tiles_of(size: tuple[int, int], tile_px: int, grid_px: int = 1) -> list[Region]:
    """Divide an image of a size into tiles of at most tile_px rows and columns.

    They begin at multiples of ``grid_px``.
    """
    height, width = size
    return [
        (slice(*rows), slice(*columns))
        for rows in tile_edges(height, tile_px, grid_px)
        for columns in tile_edges(width, tile_px, grid_px)
    ]


def bytes_of_tile(size: tuple[int, int], outer_px: int, bytes_per_pixel: float) -> int:
    """Return the memory of the largest tile of an image of a size, margins included, bytes.

    Examples
    --------
    >>> bytes_of_tile((2048, 64), outer_px=100, bytes_per_pixel=2.0)
    12800
    """
    rows, columns = (min(side, outer_px) for side in size)
    return int(bytes_per_pixel * rows * columns)


def fixed_tile_px(work_bytes: int, bytes_per_pixel: float, reach_px: int, grid_px: int) -> int:
    """Return the greatest side of a tile, px, of a network whose answer depends on its margin.

    It follows from the work alone, not from the memory that is free or allowed, so that the answer
    is the same bit for bit on every machine.

    Parameters
    ----------
    work_bytes : int
        Memory that a tile may take, if it need not be smaller than :data:`LEAST_PX`.
    bytes_per_pixel : float
        Memory that the work takes for each pixel of a tile, of all planes.
    reach_px : int
        Margin of a tile on each side, px.
    grid_px : int
        Tiles with their margins begin at multiples of it.

    Returns
    -------
    int
        Without margins, a multiple of the grid; at least twice the reach.

    Examples
    --------
    >>> fixed_tile_px(2**28, 44 * 6, 96, 64), fixed_tile_px(2**28, 44 * 30, 96, 64)
    (768, 320)
    """
    side = math.isqrt(int(work_bytes / bytes_per_pixel)) - 2 * reach_px - grid_px // 2
    return max(min(max(side, LEAST_PX), MOST_PX), 2 * reach_px) // grid_px * grid_px
