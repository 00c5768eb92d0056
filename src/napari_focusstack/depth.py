"""Depth of each pixel of a stack, from DEB, tile by tile."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch

from napari_focusstack.diffusion import aligned, grow, inside
from napari_focusstack.memory import tile_side
from napari_focusstack.networks.deb import plane_cues
from napari_focusstack.networks.inference import filled_up, has_bfloat16, tile_edges
from napari_focusstack.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.diffusion import Region
    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.stack import Stack

#: How far beyond a tile DEB is given the planes to see, px.
REACH_PX = 96
#: Memory that a tile may take, and what it takes for each pixel of each plane.
WORK_BYTES, BYTES_PER_PIXEL = 400 * 2**20, 40.0


def find(stack: Stack, network: DEB, tile_px: int) -> Generator[Progress, None, Tensor]:
    """Find the depth of each pixel.

    Parameters
    ----------
    stack : Stack
        The planes.
    network : DEB
        On the stack's device.
    tile_px : int
        Greatest side of a tile, px; memory grows with its square.

    Yields
    ------
    Progress
        After each plane and each tile.

    Returns
    -------
    Tensor
        Shape (1, Y, X), float32, 1..P: the plane that is most probably in focus, and beyond it the
        place between planes that its neighbours' probabilities say.
    """
    # in half precision all through: converting to and fro took longer than the convolutions
    precision = torch.bfloat16 if has_bfloat16(stack.device) else torch.float32
    network = deepcopy(network).to(precision)
    height, width = stack.size
    most_px = tile_side(WORK_BYTES, BYTES_PER_PIXEL * len(stack), tile_px + 2 * REACH_PX)
    tile_px = max(network.stride, most_px - 2 * REACH_PX)
    depth = torch.empty(1, height, width, device=stack.device)
    tiles = [
        (slice(*rows), slice(*columns))
        for rows in tile_edges(height, tile_px)
        for columns in tile_edges(width, tile_px)
    ]
    for number, tile in enumerate(tiles):
        outer = aligned(grow(tile, REACH_PX, stack.size), network.stride)
        cues = []
        for plane in range(1, len(stack) + 1):
            cues.append(_cues(stack, plane, outer, network.stride).to(precision))
            yield Progress("find focus", number * len(stack) + plane, len(tiles) * len(stack))
        with torch.no_grad():
            logits = network(torch.stack(cues, 1))[0].float()
        depth[:, *tile] = expected_depth(logits[:, *inside(tile, outer)])
    return depth


def _cues(stack: Stack, plane: int, where: Region, stride: int) -> Tensor:
    """Return the focus cues of a part of a plane, its sides filled up to the network's stride."""
    shown = stack.shown(plane, where)[None]
    with torch.no_grad():
        return plane_cues(filled_up(shown, stride))


def expected_depth(logits: Tensor) -> Tensor:
    """Return where between planes focus lies.

    Parameters
    ----------
    logits : Tensor
        Shape (P, Y, X).

    Returns
    -------
    Tensor
        Shape (1, Y, X), 1..P: the mean over the most probable plane and its two neighbours.
    """
    probability = torch.softmax(logits, 0)
    best = probability.argmax(0, keepdim=True)
    total, weighted = torch.zeros_like(best, dtype=logits.dtype), torch.zeros_like(probability[:1])
    for step in (-1, 0, 1):
        plane = best + step
        share = probability.gather(0, plane.clamp(0, len(logits) - 1))
        share = torch.where((plane >= 0) & (plane < len(logits)), share, 0.0)
        total, weighted = total + share, weighted + share * step
    return best + 1 + (weighted / total).clamp(-0.499, 0.499)
