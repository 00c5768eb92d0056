"""Matte estimation branch: alpha of the two surfaces that meet at a depth edge.

MEB is not in the paper. The paper's FSB finds the foreground of a pair wherever it is. MEB is given
the depth edge between two surfaces of a stack, and draws it pixel by pixel.
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
#: Laplacian energy of a region without detail, and the offset of the ratio of two energies, in
#: light coded for display, 0..1. The shipped weights were trained with them.
NOISE_FLOOR, RATIO_OFFSET = 0.004, 0.01
#: Confidence is clipped to this range before its logit is taken.
MIN_CONFIDENCE, MAX_CONFIDENCE = 0.05, 0.98


def edge_features(
    near: Tensor, far: Tensor, signed_distance_px: Tensor, steps: Tensor, confidence: Tensor
) -> Tensor:
    """Return the features from which MEB draws a depth edge.

    Parameters
    ----------
    near, far : Tensor
        Shape (B, 3, Y, X), coded for display, 0..1: each pixel from the plane in which the front
        surface is in focus there, and from the plane in which the surface behind is.
    signed_distance_px : Tensor
        Shape (B, 1, Y, X): distance from the depth edge, px, positive on the side of the front
        surface, negative on the other, 0 where no edge is near.
    steps : Tensor
        Same shape: distance between the two surfaces, plane steps.
    confidence : Tensor
        Same shape: confidence of depth, 0..1.

    Returns
    -------
    Tensor
        Shape (B, 15, Y, X): mean and four times the difference of the planes' colours; log ratios
        of their sharpness over :data:`SQUARES_PX`, after the first of them the near plane's
        sharpness; then the distance from the edge, the log of the steps, the confidence, the
        confidence as log-odds of the front surface, and the side of the edge.
    """
    sharpness = [laplacian(plane.mean(1, keepdim=True)).abs() for plane in (near, far)]
    features = [near + far - 1, 4 * (near - far)]
    for square in SQUARES_PX:
        in_near, in_far = (box_filter(one, square) for one in sharpness)
        features.append(torch.log((in_near + RATIO_OFFSET) / (in_far + RATIO_OFFSET)))
        if square == SQUARES_PX[0]:
            features.append(torch.log(in_near + NOISE_FLOOR) / 2 + 1.5)
    side = signed_distance_px.sign()
    log_odds = side * torch.logit(confidence.clamp(MIN_CONFIDENCE, MAX_CONFIDENCE))
    log_steps = torch.log(steps.clamp(min=0.5))
    return torch.cat([*features, signed_distance_px / 3, log_steps, confidence, log_odds, side], 1)


class MEB(nn.Module):
    """Input convolution, MSRBs and two convolutions; the estimated side of each pixel is a prior.

    Parameters
    ----------
    width : int
        Feature channels.
    down : sequence of int
        Down factor of each MSRB. The largest sets :attr:`stride`.

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
        #: Log-odds that a pixel belongs to the side of the edge on which depth puts it.
        self.prior_logit = nn.Parameter(torch.ones(()))

    @property
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return max(self.config["down"])

    @property
    def receptive_radius_px(self) -> int:
        """Distance, px, within which an input pixel can change the output.

        Added to that of the blocks are the widest squares, the Laplacian and three convolutions.
        """
        return receptive_radius_of_blocks(self) + SQUARES_PX[-1] // 2 + 1 + 3

    def forward(self, features: Tensor) -> Tensor:
        """Return log-odds of the front surface, (B, 1, Y, X), from features (B, 15, Y, X)."""
        stem = self.stem(features)
        log_odds: Tensor = self.head(self.blocks(stem) + stem)
        return log_odds + self.prior_logit * features[:, -1:]
