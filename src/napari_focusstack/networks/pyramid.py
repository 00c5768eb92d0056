"""FSB at several sizes: the full one sees where edges lie, small ones see across flat regions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.networks.inference import segment_tiled, tile_count
from napari_focusstack.progress import Progress, retold

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.fsb import FSB

#: Planes are halved until a side would be shorter than this, px.
LEAST_PX = 64
#: Answers nearer than this to 0 or 1 count as this sure.
SURE = 1e-3


def segment_pyramid(
    network: FSB, near: Tensor, far: Tensor, tile_px: int
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
    """Run FSB on planes at full, half, quarter ... size.

    FSB looks some 100 px far. A flat region that is larger has nothing in it that tells focus; seen
    smaller, its edges come into view. The smaller sizes cost a third of the full one.

    Parameters
    ----------
    network : FSB
        On the device of the planes.
    near, far : Tensor
        Shape (3, Y, X), coded for display, 0..1.
    tile_px : int
        Greatest side of a tile, px.

    Yields
    ------
    Progress
        As :func:`~napari_focusstack.networks.inference.segment_tiled`, over all sizes.

    Returns
    -------
    alpha : Tensor
        What the full size says, (1, Y, X), 0..1.
    opinion : Tensor
        The same after the smaller sizes had their say, (1, Y, X), 0..1: the log-odds of the full
        size plus the mean of theirs. Right about regions, too coarse for edges.
    """
    sizes = [(near, far)]
    while min(near.shape[-2:]) >= 2 * LEAST_PX:
        near, far = (functional.avg_pool2d(plane, 2) for plane in (near, far))
        sizes.append((near, far))
    counts = [tile_count(plane, tile_px) for plane, _ in sizes]
    answers = []
    for number, planes in enumerate(sizes):
        steps = segment_tiled(network, *planes, tile_px)
        before = sum(counts[:number])
        answers.append((yield from retold(steps, partial(_of_all, before, sum(counts)))))
    alpha = answers[0]
    smaller = [
        functional.interpolate(_log_odds(answer)[None], alpha.shape[-2:], mode="bilinear")[0]
        for answer in answers[1:]
    ]
    said = torch.stack(smaller).mean(0) if smaller else torch.zeros_like(alpha)
    return alpha, torch.sigmoid(_log_odds(alpha) + said)


def _of_all(before: int, total: int, step: Progress) -> Progress:
    """Say of a tile how many there are of all sizes, and how many of those before are done."""
    return Progress("segment", before + step.done, total)


def _log_odds(probability: Tensor) -> Tensor:
    return torch.logit(probability.clamp(SURE, 1 - SURE))
