"""Depth where nothing is in focus: interpolated from the confident surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.pooling import max_filter3

if TYPE_CHECKING:
    from torch import Tensor


#: Depth of less confidence than this is not kept.
MIN_CONFIDENCE = 0.2
#: Steps of depth are guesses where it is no more sure than that as far as this around, px.
UNRELIABLE_RADIUS_PX = 8


def holes(confidence: Tensor) -> Tensor:
    """Return where depth is to be filled, bool (1, Y, X), from confidence (1, Y, X), 0..1.

    Nowhere, where nothing at all is confident: there are no surroundings to fill from.
    """
    low = confidence < MIN_CONFIDENCE
    return low & ~low.all()


def unreliable(confidence: Tensor) -> Tensor:
    """Return where depth is no more than a guess all around, bool (1, Y, X).

    Steps of depth there are no edges: nothing is drawn or unveiled, so that regions without any
    detail stay clean.
    """
    around = confidence
    for _ in range(UNRELIABLE_RADIUS_PX):
        around = max_filter3(around)
    return around < MIN_CONFIDENCE


def inpaint(depth: Tensor, confidence: Tensor) -> Tensor:
    """Fill the holes of a depth map smoothly.

    Normalised convolution over a pyramid: each hole takes the mean of the confident pixels around
    it, weighted by their confidence, from the finest level that knows any and all coarser ones as
    far as that knows few.

    Parameters
    ----------
    depth : Tensor
        Shape (1, Y, X).
    confidence : Tensor
        Same shape, 0..1.

    Returns
    -------
    Tensor
        Same shape; outside of :func:`holes` as it was, inside within the range of the rest.

    Examples
    --------
    >>> depth, confidence = torch.tensor([[[2.0, 9.0, 4.0]]]), torch.tensor([[[0.9, 0.0, 0.9]]])
    >>> inpaint(depth, confidence)
    tensor([[[2., 3., 4.]]])
    """
    hole = holes(confidence)
    if not hole.any():
        return depth
    return torch.where(hole, _spread(depth, confidence.masked_fill(hole, 0.0)), depth)


def _spread(values: Tensor, weight: Tensor) -> Tensor:
    """Mix each value (1, Y, X), as far as its weight (0..1) is short of 1, with those around."""
    if weight.min() == 1 or max(values.shape) == 1:
        return values
    halved = functional.avg_pool2d(weight, 2, ceil_mode=True)
    mean = functional.avg_pool2d(values * weight, 2, ceil_mode=True)
    mean /= halved.clamp(min=torch.finfo(halved.dtype).tiny)
    around = _spread(mean, (4 * halved).clamp(max=1))
    up = functional.interpolate(around[None], values.shape[-2:], mode="bilinear")[0]
    return torch.lerp(up, values, weight)
