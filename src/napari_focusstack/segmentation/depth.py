"""Depth of each pixel of a stack and how sure it is, from DEB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.networks.deb import CELL_PX
from napari_focusstack.networks.tiled_deb import run_tiled

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.progress import Progress


#: How far beyond a tile DEB is given the planes to see, px.
REACH_PX = 96
#: Of the features, the mean Laplacian at full, half and quarter size: half its logarithm.
SHARPNESS = (0, 2, 4)
#: Cells across which sharpness is averaged, so that it tells detail from noise, and across which
#: detail is to be seen all over to count.
MEAN_CELLS, LEAST_CELLS = 15, 9
#: Sharper by this logarithm than the mean of the planes is clearly so; what noise alone does in
#: blank regions of photographs is 0.02, and rarely 0.05.
MIN_LOG_GAIN = 0.08


def estimate_depth(
    stack: FocalStack, network: DEB, tile_px: int
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
    """Find the depth of each pixel.

    Parameters
    ----------
    stack : FocalStack
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
        Same shape, 0..1: certainty where there is detail, less where :func:`detail_confidence` is less.
    """
    maps = yield from run_tiled(stack, network, tile_px, REACH_PX, decode_logits)
    found, confidence = maps.split(1)
    return found, confidence


def decode_logits(strips: Iterator[Tensor], features: Tensor) -> Tensor:
    """Return depth and confidence, (2, Y, X), of an answer of DEB.

    Parameters
    ----------
    strips : iterator of Tensor
        Logits (P, rows, X) of one strip of rows after another.
    features : Tensor
        Of all rows, (P, 42, Y / 4, X / 4).
    """
    found, cells = [], []
    for logits in strips:
        probability = torch.softmax(logits, 0)
        found.append(torch.cat(soft_argmax(probability)))
        cells.append(functional.avg_pool2d(probability, CELL_PX))
    maps = torch.cat(found, 1)
    maps[1:] *= detail_confidence(torch.cat(cells, 1), 2 * features[:, SHARPNESS].float())
    return maps


def soft_argmax(probability: Tensor) -> tuple[Tensor, Tensor]:
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


def detail_confidence(probability: Tensor, sharpness: Tensor) -> Tensor:
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
        Shape (1, Y, X), 0..1: 1 where these planes are :data:`MIN_LOG_GAIN` sharper at one scale.
    """
    # each cell against itself, and only then the mean: small surfaces lie in other planes
    gain = (probability[:, None] * sharpness).sum(0) - sharpness.mean(0)
    gain = functional.avg_pool2d(gain, MEAN_CELLS, 1, MEAN_CELLS // 2).amax(0)[None, None]
    clear = (gain / MIN_LOG_GAIN).clamp(0, 1).square()
    # an opening: what noise lifts is narrower than what one detail does
    lowest = -functional.max_pool2d(-clear, LEAST_CELLS, 1, LEAST_CELLS // 2)
    opened = functional.max_pool2d(lowest, LEAST_CELLS, 1, LEAST_CELLS // 2)
    return functional.interpolate(opened, scale_factor=CELL_PX, mode="bilinear")[0]
