"""Depth of low confidence: holes, and their interpolation from confident surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.pooling import max_filter

if TYPE_CHECKING:
    from torch import Tensor


#: Confidence, 0..1, below which depth is a hole (convention).
MIN_CONFIDENCE = 0.2
#: Depth is unreliable where no pixel within this distance, px, is confident (convention).
UNRELIABLE_RADIUS_PX = 8


def holes(confidence: Tensor) -> Tensor:
    """Return where depth is to be filled, bool (1, Y, X), from confidence (1, Y, X), 0..1.

    If no pixel is confident there are no holes: there is nothing to fill them from.
    """
    low = confidence < MIN_CONFIDENCE
    return low & ~low.all()


def unreliable(confidence: Tensor) -> Tensor:
    """Return where depth is unreliable all around, bool (1, Y, X), from confidence (1, Y, X).

    Steps of depth there do not count as edges: no edge is drawn and no light is eliminated, so that
    regions without detail stay clean.
    """
    around = confidence
    for _ in range(UNRELIABLE_RADIUS_PX):
        around = max_filter(around)
    return around < MIN_CONFIDENCE


def inpaint(depth: Tensor, confidence: Tensor) -> Tensor:
    """Fill the holes of a depth map smoothly.

    This is a normalised convolution over a pyramid. Each hole takes the mean of the confident
    pixels around it, weighted by their confidence. It is read from the finest level that holds
    any, and mixed with coarser levels where that level holds few.

    Parameters
    ----------
    depth : Tensor
        Shape (1, Y, X).
    confidence : Tensor
        Same shape, 0..1.

    Returns
    -------
    Tensor
        Same shape: unchanged outside :func:`holes`, inside within the range of the rest.

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
    """Mix each value (1, Y, X) with those around by 1 minus its weight (1, Y, X), 0..1."""
    if weight.min() == 1 or max(values.shape) == 1:
        return values
    halved = functional.avg_pool2d(weight, 2, ceil_mode=True)
    mean = functional.avg_pool2d(values * weight, 2, ceil_mode=True)
    mean /= halved.clamp(min=torch.finfo(halved.dtype).tiny)
    around = _spread(mean, (4 * halved).clamp(max=1))
    up = functional.interpolate(around[None], values.shape[-2:], mode="bilinear")[0]
    return torch.lerp(up, values, weight)
