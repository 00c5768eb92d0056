"""Building blocks of the networks (Fig. 3b)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch.nn.functional as functional
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


def conv(inputs: int, outputs: int, gain: float = 2.0**0.5) -> nn.Conv2d:
    """Return a 3 x 3 convolution that keeps the image size, and with ReLU the signal's variance."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    weight, bias = layer.parameters()
    nn.init.normal_(weight, std=gain / (9 * inputs) ** 0.5)
    nn.init.zeros_(bias)
    return layer


def receptive_radius_of_blocks(network: nn.Module) -> int:
    """Return the receptive radius of all MSRBs of a network in sequence, px."""
    return sum(block.receptive_radius_px for block in network.modules() if isinstance(block, MSRB))


class MSRB(nn.Module):
    """Multi-scale residual block (Fig. 3b): a path at full size and one at a coarser scale.

    The plain path is *conv - conv*, the multi-scale path *conv - down - conv - up - conv*. Both are
    added to the input. There is no normalisation layer: the output at a pixel depends on its
    surroundings alone, never on the rest of the image, so tiles agree.

    Parameters
    ----------
    channels : int
        Feature channels in and out.
    down : int
        Factor of the multi-scale path. Image sides are multiples of it.
    """

    def __init__(self, channels: int, down: int) -> None:
        super().__init__()
        self.down = down
        self.plain = nn.Sequential(
            conv(channels, channels), nn.ReLU(inplace=True), conv(channels, channels, gain=0.3)
        )
        self.before = nn.Sequential(conv(channels, channels), nn.ReLU(inplace=True))
        self.coarse = nn.Sequential(conv(channels, channels), nn.ReLU(inplace=True))
        self.after = conv(channels, channels, gain=0.3)

    @property
    def receptive_radius_px(self) -> int:
        """Receptive radius of the block, px.

        It is the sum over a convolution, a cell of the coarse scale, a convolution there, the
        interpolation between cells and another convolution.
        """
        return 2 + math.ceil(2.5 * self.down)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, Y, X) to the same shape."""
        coarse = self.coarse(functional.avg_pool2d(self.before(features), self.down))
        answer = features + self.plain(features)
        upsampled = functional.interpolate(
            coarse, scale_factor=self.down, mode="bilinear", align_corners=False
        )
        # In place, and only now at full size: memory bounds the size of tiles.
        answer += self.after(upsampled)
        return answer
