"""Matte estimation branch: how the two surfaces that meet at a step of depth share the pixels.

Not in the paper: its FSB finds the foreground of a pair, wherever it is. MEB is told where the
surfaces of a stack meet, and only draws the edge between them, pixel by pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.pooling import box_filter
from napari_focusstack.networks.blocks import MSRB, conv, receptive_radius_of_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


#: Sides of the squares over which the planes' sharpness is compared, px.
SQUARES_PX = (3, 7, 17)
#: Channels of :func:`edge_features`.
FEATURES = 3 + 3 + len(SQUARES_PX) + 1 + 5
#: Sharpness of a region without detail, and least that two planes' are compared by.
NOTHING, LITTLE = 0.004, 0.01
#: Confidences beyond these count as these where they are read as odds.
DOUBT, SURE = 0.05, 0.98


def edge_features(
    near: Tensor, far: Tensor, signed_distance_px: Tensor, steps: Tensor, confidence: Tensor
) -> Tensor:
    """Return what tells where an edge lies.

    Parameters
    ----------
    near, far : Tensor
        Shape (B, 3, Y, X), coded for display, 0..1: each pixel as the plane shows it in which the
        front surface there is in focus, and the one behind.
    signed_distance_px : Tensor
        Shape (B, 1, Y, X): distance from the step of depth, px, more than 0 on the front's side,
        less on the other, 0 where none is near.
    steps : Tensor
        Same shape: how far the surfaces lie apart, plane steps.
    confidence : Tensor
        Same shape: how sure depth is, 0..1.

    Returns
    -------
    Tensor
        Shape (B, 15, Y, X): what both planes show, and four times how they differ; log ratios of
        their sharpness over :data:`SQUARES_PX`; the near plane's own sharpness; then the distance
        from the step, log of the steps, confidence, it as log-odds of the front, and the side.
    """
    sharpness = [laplacian(plane.mean(1, keepdim=True)).abs() for plane in (near, far)]
    features = [near + far - 1, 4 * (near - far)]
    for square in SQUARES_PX:
        in_near, in_far = (box_filter(one, square) for one in sharpness)
        features.append(torch.log((in_near + LITTLE) / (in_far + LITTLE)))
        if square == SQUARES_PX[0]:
            features.append(torch.log(in_near + NOTHING) / 2 + 1.5)
    side = signed_distance_px.sign()
    odds = side * torch.logit(confidence.clamp(DOUBT, SURE))
    apart = torch.log(steps.clamp(min=0.5))
    return torch.cat([*features, signed_distance_px / 3, apart, confidence, odds, side], 1)


class MEB(nn.Module):
    """Input convolution, MSRBs, two convolutions; the step of depth that was found is added.

    Parameters
    ----------
    width : int
        Feature channels.
    down : sequence of int
        Down factor of each MSRB; the largest sets :attr:`stride`.

    Examples
    --------
    >>> MEB(width=8, down=(2,))(torch.rand(1, FEATURES, 32, 32)).shape
    torch.Size([1, 1, 32, 32])
    """

    def __init__(self, width: int = 16, down: Sequence[int] = (2, 4, 8, 4)) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "down": list(down)}
        self.stem = conv(FEATURES, width)
        self.blocks = nn.Sequential(*(MSRB(width, factor) for factor in down))
        self.head = nn.Sequential(
            conv(width, width), nn.ReLU(inplace=True), conv(width, 1, gain=0.3)
        )
        #: Log-odds that a pixel belongs to the side of the step on which it was found.
        self.prior_logit = nn.Parameter(torch.ones(()))

    @property
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return max(self.config["down"])

    @property
    def receptive_radius_px(self) -> int:
        """How far, px, an input pixel can change the answer.

        Outside the blocks there are the widest squares, the Laplacian and three convolutions.
        """
        return receptive_radius_of_blocks(self) + SQUARES_PX[-1] // 2 + 1 + 3

    def forward(self, features: Tensor) -> Tensor:
        """Return log-odds of the front surface, (B, 1, Y, X), from features (B, 15, Y, X)."""
        entered = self.stem(features)
        answer: Tensor = self.head(self.blocks(entered) + entered)
        return answer + self.prior_logit * features[:, -1:]
