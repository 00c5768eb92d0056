"""Run FSB over planes of any size: tile by tile, in bounded memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from napari_focusstack.networks.device import autocast
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.tile_queue import TileQueue
from napari_focusstack.runtime.tiles import bytes_of_tile, pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.fsb import FSB


#: Memory of a tile for each of its pixels, bytes. Measured. And its least side, px.
BYTES_PER_PIXEL, LEAST_PX = 800.0, 64
#: Receptive radius of the shipped FSB, and side of its coarsest cells, px.
SHIPPED_RADIUS_PX, SHIPPED_STRIDE = 254, 32


def least_bytes(size: tuple[int, int]) -> int:
    """Return the memory that the least tile of a pair of a size needs, bytes.

    Examples
    --------
    >>> least_bytes((3072, 2048)), least_bytes((64, 64))
    (291852800, 3276800)
    """
    outer_px = LEAST_PX + 2 * SHIPPED_RADIUS_PX + SHIPPED_STRIDE
    return bytes_of_tile(size, outer_px, BYTES_PER_PIXEL)


def segment_tiled(
    network: FSB, near: Tensor, far: Tensor, tile_px: int, budget_bytes: int
) -> Generator[Progress, None, Tensor]:
    """Run FSB over an image of any size in bounded memory.

    Each tile is read with a margin of the receptive radius (:attr:`FSB.receptive_radius_px`), on
    the grid of the coarsest scale, so tiles leave no trace.

    Parameters
    ----------
    network : FSB
        On the device of the planes.
    near, far : Tensor
        Shape (3, Y, X), coded for display, 0..1.
    tile_px : int
        Greatest side of a tile, px.
    budget_bytes : int
        Most memory of a tile.

    Yields
    ------
    Progress
        After each stage of the network and each tile. Close the generator to stop.

    Returns
    -------
    Tensor
        Alpha, (1, Y, X), float32, 0..1.
    """
    stride, margin = network.stride, network.receptive_radius_px
    height, width = near.shape[-2:]
    planes = pad_to_multiple(torch.cat([near, far])[None], stride)
    alpha = torch.empty(1, height, width, device=near.device)
    outer_px = math.isqrt(int(budget_bytes / BYTES_PER_PIXEL))
    side = max(LEAST_PX, min(tile_px, outer_px - 2 * margin - stride))
    tiles = TileQueue(tiles_of((height, width), side), 1, LEAST_PX)
    for tile in tiles:
        with tiles.attempt(tile):
            outer = align(pad(tile, margin, (height, width)), stride)
            ends = (-(-part.stop // stride) * stride for part in outer)
            rows, columns = (slice(part.start, end) for part, end in zip(outer, ends, strict=True))
            state: Any = planes[..., rows, columns].contiguous(memory_format=torch.channels_last)
            for stage in network.stages():
                with torch.no_grad(), autocast(near.device):
                    state = stage(state)
                yield Progress("segment", tiles.done, tiles.total)
            alpha[:, *tile] = torch.sigmoid(state.float())[0][:, *to_local(tile, outer)]
            del state
        yield Progress("segment", tiles.done, tiles.total)
    return alpha
