"""Tiles of an image."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch.nn.functional as functional

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.runtime.region import Region


def pad_to_multiple(planes: Tensor, stride: int) -> Tensor:
    """Pad planes (B, C, Y, X) below and to the right, until a stride divides their sides."""
    rows, columns = (-side % stride for side in planes.shape[-2:])
    return functional.pad(planes, (0, columns, 0, rows), mode="replicate")


def tile_edges(length: int, tile_px: int) -> list[tuple[int, int]]:
    """Divide a length into equal parts (start, stop) of at most tile_px."""
    count = -(-length // tile_px)
    edges = [round(i * length / count) for i in range(count + 1)]
    return list(pairwise(edges))


def tiles_of(size: tuple[int, int], tile_px: int) -> list[Region]:
    """Divide an image of a size into tiles of at most tile_px rows and columns."""
    height, width = size
    return [
        (slice(*rows), slice(*columns))
        for rows in tile_edges(height, tile_px)
        for columns in tile_edges(width, tile_px)
    ]
