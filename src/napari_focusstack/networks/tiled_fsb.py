"""Run FSB over planes of any size: tile by tile, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_focusstack.networks.device import autocast
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.tiles import pad_to_multiple, tile_edges, tiles_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.fsb import FSB


def tile_count(plane: Tensor, tile_px: int) -> int:
    """Return how many tiles :func:`segment_tiled` cuts a plane (C, Y, X) into."""
    height, width = plane.shape[-2:]
    return len(tiles_of((height, width), tile_px))


def segment_tiled(
    network: FSB, near: Tensor, far: Tensor, tile_px: int
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
        Greatest side of a tile, px. Memory grows with its square.

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
    tiles = [
        (rows, columns)
        for rows in tile_edges(height, tile_px)
        for columns in tile_edges(width, tile_px)
    ]
    for number, (rows, columns) in enumerate(tiles, 1):
        outer = [
            (
                max(0, (start - margin) // stride * stride),
                min(-(-(stop + margin) // stride) * stride, side),
            )
            for (start, stop), side in zip((rows, columns), planes.shape[-2:], strict=True)
        ]
        tile = planes[..., slice(*outer[0]), slice(*outer[1])]
        state: Any = tile.contiguous(memory_format=torch.channels_last)
        for stage in network.stages():
            with torch.no_grad(), autocast(near.device):
                state = stage(state)
            yield Progress("segment", number - 1, len(tiles))
        outer_alpha = torch.sigmoid(state.float())[0]
        inner = [
            slice(start - o, stop - o)
            for (start, stop), (o, _) in zip((rows, columns), outer, strict=True)
        ]
        alpha[:, slice(*rows), slice(*columns)] = outer_alpha[:, *inner]
        yield Progress("segment", number, len(tiles))
    return alpha
