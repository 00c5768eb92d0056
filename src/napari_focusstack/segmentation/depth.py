"""Depth of each pixel of a stack and its confidence, from DEB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.pooling import opened
from napari_focusstack.networks.cell_unet import CELL_PX
from napari_focusstack.networks.tiled_deb import run_tiled

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.progress import Progress


#: Margin of a tile on each side, px. Convention: the receptive radius of DEB is larger, so where
#: nothing shows focus the estimate may differ from tile to tile.
REACH_PX = 96
#: Channels of the features that hold half the log of the mean Laplacian at full, half and quarter
#: size.
SHARPNESS = (0, 2, 4)
#: Side of the square over which sharpness is averaged to suppress noise, and of the square that
#: must show detail all over to count, cells of 4 px.
MEAN_CELLS, OPENING_CELLS = 15, 9
#: Log of sharpness above the mean of all planes that is clear detail. Measured: noise alone gives
#: 0.02 in blank regions of photographs, rarely 0.05.
MIN_LOG_GAIN = 0.08


def estimate_depth(
    stack: FocalStack, network: DEB
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
    """Estimate the depth of each pixel.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    network : DEB
        On the stack's device.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    depth : Tensor
        Shape (1, Y, X), float32, 1..P: mean over the most probable plane and its two neighbours,
        see :func:`soft_argmax`.
    confidence : Tensor
        Same shape, 0..1: certainty of the plane times :func:`detail_confidence`.
    """
    decoded = yield from run_tiled(stack, network, REACH_PX, decode_logits)
    return with_confidence(*decoded)


def decode_logits(strips: Iterator[Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
    """Return depth and its certainty, (2, Y, X), and :func:`detail_gain`, from the logits of DEB.

    Parameters
    ----------
    strips : iterator of Tensor
        Logits (P, rows, X) of one strip of rows after another.
    features : Tensor
        Features of all rows, (P, 42, Y / 4, X / 4).
    """
    of_strips, cells = [], []
    for logits in strips:
        probability = torch.softmax(logits, 0)
        of_strips.append(torch.cat(soft_argmax(probability)))
        cells.append(functional.avg_pool2d(probability, CELL_PX))
    gain = detail_gain(torch.cat(cells, 1), 2 * features[:, SHARPNESS].float())
    return torch.cat(of_strips, 1), gain


def with_confidence(maps: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """Return depth and confidence, (1, Y, X), from what :func:`decode_logits` returns."""
    depth, certainty = maps.split(1)
    rows, columns = depth.shape[1:]
    return depth, certainty * detail_confidence(gain)[:, :rows, :columns]


def soft_argmax(probability: Tensor) -> tuple[Tensor, Tensor]:
    """Return the depth between planes, and its certainty.

    Parameters
    ----------
    probability : Tensor
        Probability of each plane to be in focus, (P, Y, X), P >= 3.

    Returns
    -------
    depth : Tensor
        Shape (1, Y, X), 1..P: the mean over the most probable plane and its two neighbours.
    certainty : Tensor
        Same shape: probability that focus lies between that plane and the more probable one of
        its neighbours, scaled so that 0 is chance and 1 is certain.
    """
    largest, best = probability.max(0, keepdim=True)
    before, after = (_neighbour(probability, best, step) for step in (-1, 1))
    offset = ((after - before) / (before + largest + after)).clamp(-0.499, 0.499)
    chance = 2 / len(probability)
    certainty = ((largest + torch.maximum(before, after) - chance) / (1 - chance)).clamp(0, 1)
    return best + 1 + offset, certainty


def _neighbour(probability: Tensor, best: Tensor, step: int) -> Tensor:
    """Return the probability of the plane ``step`` after the best, (1, Y, X); 0 beyond the ends."""
    plane = best + step
    share = probability.gather(0, plane.clamp(0, len(probability) - 1))
    return torch.where((plane >= 0) & (plane < len(probability)), share, 0.0)


def detail_gain(probability: Tensor, sharpness: Tensor) -> Tensor:
    """Return how much more detail the estimated planes show than the mean of all planes.

    DEB extends the depth of the surroundings into blank regions with high probability. There no
    plane is sharper than the mean of all.

    Parameters
    ----------
    probability : Tensor
        Probability of each plane, mean of cells of :data:`CELL_PX`, (P, Y / 4, X / 4).
    sharpness : Tensor
        Logarithm of the mean Laplacian in cells of :data:`CELL_PX`, at several scales,
        (P, scales, Y / 4, X / 4).

    Returns
    -------
    Tensor
        Shape (scales, Y / 4, X / 4), difference of logarithms.
    """
    return (probability[:, None] * sharpness).sum(0) - sharpness.mean(0)


def detail_confidence(gain: Tensor) -> Tensor:
    """Return where the estimated planes clearly show detail.

    Parameters
    ----------
    gain : Tensor
        Shape (scales, Y / 4, X / 4), see :func:`detail_gain`.

    Returns
    -------
    Tensor
        Shape (1, Y, X), 0..1: 1 where the estimated planes are :data:`MIN_LOG_GAIN` sharper at one
        scale.
    """
    # The gain of each cell first, then the mean: small surfaces lie in other planes.
    mean = functional.avg_pool2d(gain, MEAN_CELLS, 1, MEAN_CELLS // 2, count_include_pad=False)
    gain = mean.amax(0)[None, None]
    clear = (gain / MIN_LOG_GAIN).clamp(0, 1).square()
    # An opening: peaks of noise are narrower than peaks of one detail.
    wide = opened(clear, OPENING_CELLS)
    return functional.interpolate(wide, scale_factor=CELL_PX, mode="bilinear")[0]
