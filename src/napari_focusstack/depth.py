"""Depth of each pixel of a stack and how sure it is, from DEB, tile by tile."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.memory import give_back, tile_side
from napari_focusstack.networks.deb import CELL_PX, DRAWN_CELLS, plane_cues
from napari_focusstack.networks.inference import filled_up, has_bfloat16, tile_edges
from napari_focusstack.progress import Progress
from napari_focusstack.region import aligned, grow, inside
from napari_focusstack.threads import each, side_by_side

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.region import Region
    from napari_focusstack.stack import Stack

#: How far beyond a tile DEB is given the planes to see, px.
REACH_PX = 96
#: Memory that tiles take together, and what one takes for each pixel of each plane.
WORK_BYTES, BYTES_PER_PIXEL = 500 * 2**20, 36.0
#: Side of a tile and what it sees beyond, px, below which most of the work is for what is beyond:
#: fewer tiles are then worked on at a time, and they take more memory where there is some.
LEAST_PX = 512
#: Rows of cells that are drawn at a time.
STRIP_CELLS = 48
#: Of the cues, the mean Laplacian at full, half and quarter size: half its logarithm.
SHARPNESS = (0, 2, 4)
#: Cells across which sharpness is averaged, so that it tells detail from noise, and across which
#: detail is to be seen all over to count.
MEAN_CELLS, LEAST_CELLS = 15, 9
#: Sharper by this logarithm than the mean of the planes is clearly so; what noise alone does in
#: blank regions of photographs is 0.02, and rarely 0.05.
CLEARLY = 0.08


def find(
    stack: Stack, network: DEB, tile_px: int
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
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
        After each tile.

    Returns
    -------
    depth : Tensor
        Shape (1, Y, X), float32, 1..P: the plane that is most probably in focus, and beyond it the
        place between planes that its neighbours' probabilities say.
    confidence : Tensor
        Same shape, 0..1: certainty where there is detail, less where :func:`detail` is less.
    """
    # in half precision all through: converting to and fro took longer than the convolutions
    precision = torch.bfloat16 if has_bfloat16(stack.device) else torch.float32
    network = deepcopy(network).to(precision)
    height, width = stack.size
    most_together = side_by_side(stack.device)
    outer_px, together = tile_plan(
        len(stack), tile_px + 2 * REACH_PX, most_together, stack.budget_bytes
    )
    tile_px = max(network.stride, outer_px - 2 * REACH_PX)
    tiles = [
        (slice(*rows), slice(*columns))
        for rows in tile_edges(height, tile_px)
        for columns in tile_edges(width, tile_px)
    ]

    def work(tile: Region) -> tuple[Tensor, Tensor]:
        outer = aligned(grow(tile, REACH_PX, stack.size), network.stride)
        return _found(stack, network, outer, inside(tile, outer))

    depth, confidence = (torch.empty(1, height, width, device=stack.device) for _ in range(2))
    yield Progress("find focus", 0, len(tiles))
    for number, found in enumerate(each(work, tiles, stack.device, together)):
        depth[:, *tiles[number]], confidence[:, *tiles[number]] = found
        yield Progress("find focus", number + 1, len(tiles))
    give_back()
    return depth, confidence


def tile_plan(planes: int, most_px: int, most_together: int, budget_bytes: int) -> tuple[int, int]:
    """Return how large tiles may be, with all that they see, and how many are worked on at a time.

    Parameters
    ----------
    planes : int
        P.
    most_px : int
        Greatest side of a tile, with what it sees beyond, px.
    most_together : int
        Tiles that could be worked on at a time.
    budget_bytes : int
        Most memory for all of them.

    Examples
    --------
    >>> tile_plan(12, 1216, 2, 10**10), tile_plan(50, 1216, 2, 10**10)
    ((768, 2), (528, 1))
    """
    bytes_per_pixel = BYTES_PER_PIXEL * planes
    least_bytes = int(bytes_per_pixel * min(LEAST_PX, most_px) ** 2)
    work_bytes = min(max(WORK_BYTES, least_bytes), budget_bytes)
    together = max(1, min(most_together, work_bytes // least_bytes))
    return tile_side(work_bytes // together, bytes_per_pixel, most_px), together


def _found(stack: Stack, network: DEB, outer: Region, inner: Region) -> tuple[Tensor, Tensor]:
    """Return depth and confidence of the inner part of a tile, seen with what surrounds it."""
    precision = next(network.parameters()).dtype
    with torch.no_grad():
        cues = torch.stack(
            [
                plane_cues(filled_up(stack.shown(plane, outer)[None], network.stride)).to(precision)
                for plane in range(1, len(stack) + 1)
            ],
            1,
        )
        found, cells = [], []
        for probability in _drawn(network, network.look(cues), cues):
            found.append(torch.cat(most_probable(probability)))
            cells.append(functional.avg_pool2d(probability, CELL_PX))
    there = detail(torch.cat(cells, 1), 2 * cues[0][:, SHARPNESS].float())
    depth, certainty = torch.cat(found, 1).split(1)
    return depth[:, *inner], (certainty * there)[:, *inner]


def _drawn(network: DEB, features: Tensor, cues: Tensor) -> Iterator[Tensor]:
    """Yield probabilities (P, rows, X) of one strip after another: drawing takes most memory."""
    end = cues.shape[-2]
    for top in range(0, end, STRIP_CELLS):
        first, last = max(0, top - DRAWN_CELLS), min(end, top + STRIP_CELLS + DRAWN_CELLS)
        logits = network.draw(features[..., first:last, :], cues[..., first:last, :])[0]
        rows = slice((top - first) * CELL_PX, (min(end, top + STRIP_CELLS) - first) * CELL_PX)
        yield torch.softmax(logits[:, rows].float(), 0)


def most_probable(probability: Tensor) -> tuple[Tensor, Tensor]:
    """Return where between planes focus lies, and how sure that is.

    Parameters
    ----------
    probability : Tensor
        Of each plane, (P, Y, X), P >= 3.

    Returns
    -------
    depth : Tensor
        Shape (1, Y, X), 1..P: the mean over the most probable plane and its two neighbours.
    certainty : Tensor
        Same shape: how probably focus lies between that plane and the better one of its
        neighbours, from 0, as good as chance, to 1.
    """
    own, best = probability.max(0, keepdim=True)
    before, after = (_beside(probability, best, step) for step in (-1, 1))
    off = ((after - before) / (before + own + after)).clamp(-0.499, 0.499)
    chance = 2 / len(probability)
    certainty = ((own + torch.maximum(before, after) - chance) / (1 - chance)).clamp(0, 1)
    return best + 1 + off, certainty


def _beside(probability: Tensor, best: Tensor, step: int) -> Tensor:
    """Return the probability of the plane some steps from the best, (1, Y, X); 0 where is none."""
    plane = best + step
    share = probability.gather(0, plane.clamp(0, len(probability) - 1))
    return torch.where((plane >= 0) & (plane < len(probability)), share, 0.0)


def detail(probability: Tensor, sharpness: Tensor) -> Tensor:
    """Return whether the planes that were found show more detail than the others do.

    A network is sure of its answer in a blank region too, where it goes on from what is around:
    there no plane is any sharper than the mean of all.

    Parameters
    ----------
    probability : Tensor
        Of each plane, mean of cells of :data:`CELL_PX`, (P, Y / 4, X / 4).
    sharpness : Tensor
        Logarithm of the mean Laplacian in cells of :data:`CELL_PX`, at several scales,
        (P, scales, Y / 4, X / 4).

    Returns
    -------
    Tensor
        Shape (1, Y, X), 0..1: 1 where these planes are :data:`CLEARLY` sharper at one scale.
    """
    # each cell against itself, and only then the mean: small surfaces lie in other planes
    gain = (probability[:, None] * sharpness).sum(0) - sharpness.mean(0)
    gain = functional.avg_pool2d(gain, MEAN_CELLS, 1, MEAN_CELLS // 2).amax(0)[None, None]
    clear = (gain / CLEARLY).clamp(0, 1).square()
    # an opening: what noise lifts is narrower than what one detail does
    lowest = -functional.max_pool2d(-clear, LEAST_CELLS, 1, LEAST_CELLS // 2)
    opened = functional.max_pool2d(lowest, LEAST_CELLS, 1, LEAST_CELLS // 2)
    return functional.interpolate(opened, scale_factor=CELL_PX, mode="bilinear")[0]
