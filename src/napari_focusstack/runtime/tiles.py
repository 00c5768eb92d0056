"""Tiles of an image."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch.nn.functional as functional

from napari_focusstack.runtime.memory import tile_side

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.runtime.region import Region

#: Least side of a tile with its margins, px, and in multiples of the margin. In smaller tiles most
#: of the work would be for margins, so fewer tiles run at a time, or more memory is taken.
MIN_TILE_PX, MIN_TILE_REACHES = 512, 4
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


def tile_plan(
    bytes_per_pixel: float,
    work_bytes: int,
    tile_px: int,
    reach_px: int,
    max_workers: int,
    budget_bytes: int,
) -> tuple[int, int]:
    """Return the side of tiles and the number of tiles in progress at a time.

    Parameters
    ----------
    bytes_per_pixel : float
        Memory that the work takes for each pixel of a tile, of all planes.
    work_bytes : int
        Memory of all tiles in progress, if the budget allows.
    tile_px, reach_px : int
        Greatest side of a tile, and its margin on each side, px.
    max_workers : int
        Most tiles in progress at a time.
    budget_bytes : int
        Most memory of all of them.

    Returns
    -------
    outer_px : int
        Greatest side of a tile with its margins, px.
    workers : int
        Tiles in progress at a time, at least 1.

    Examples
    --------
    >>> tile_plan(432, 576 * 2**20, 1024, 96, 2, 10**10)
    (832, 2)
    >>> tile_plan(1800, 576 * 2**20, 1024, 96, 2, 10**10)
    (576, 1)
    """
    max_px = tile_px + 2 * reach_px
    min_px = min(max(MIN_TILE_PX, MIN_TILE_REACHES * reach_px), max_px)
    min_bytes = int(bytes_per_pixel * min_px**2)
    work_bytes = min(max(work_bytes, min_bytes), budget_bytes)
    workers = max(1, min(max_workers, work_bytes // min_bytes))
    return tile_side(work_bytes // workers, bytes_per_pixel, max_px), workers


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
