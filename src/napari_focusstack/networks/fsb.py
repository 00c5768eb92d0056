"""Foreground segmentation branch: from a near and a far plane to the foreground's alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.pooling import box_filter
from napari_focusstack.networks.blocks import MSRB, conv, receptive_radius_of_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def focus_features(planes: Tensor) -> Tensor:
    """Turn near and far planes (B, 6, Y, X) into focus features (B, 8, Y, X).

    The first six are means and amplified differences of the planes' channels, which lose nothing.
    The last two are classical focus measures: the log ratio of the planes' Laplacian energy over 5
    and over 17 px. With these features a network learns several times faster.
    """
    near, far = planes[:, :3], planes[:, 3:6]
    sharpness = [laplacian(plane.mean(1, keepdim=True)).abs() for plane in (near, far)]
    features = [near + far - 1, 4 * (near - far)]
    for side in (5, 17):
        in_near, in_far = (box_filter(one, side) for one in sharpness)
        features.append(torch.log((in_near + 0.01) / (in_far + 0.01)))
    return torch.cat(features, 1)


class FSB(nn.Module):
    """The FSB of the paper (Fig. 3): input convolution, 8 MSRBs, 3 convolutions, sigmoid.

    There is a skip over every two MSRBs and one long connection over all of them, so boundaries
    stay as sharp as in the input. The network is fully convolutional.

    Parameters
    ----------
    width : int
        Feature channels.
    down : sequence of int
        Down factor of each MSRB, an even number of blocks. The largest sets :attr:`stride`.

    Examples
    --------
    >>> network = FSB(width=8, down=(2, 4))
    >>> network(torch.rand(1, 6, 32, 32)).shape
    torch.Size([1, 1, 32, 32])
    """

    def __init__(self, width: int = 16, down: Sequence[int] = (2, 4, 8, 16, 32, 16, 8, 4)) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "down": list(down)}
        self.stem = conv(8, width)
        self.pairs = nn.ModuleList(
            nn.Sequential(MSRB(width, first), MSRB(width, second))
            for first, second in zip(down[::2], down[1::2], strict=True)
        )
        self.head = nn.Sequential(
            conv(width, width),
            nn.ReLU(inplace=True),
            conv(width, width // 2),
            nn.ReLU(inplace=True),
            conv(width // 2, 1, gain=0.3),
        )

    @property
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return max(self.config["down"])

    @property
    def receptive_radius_px(self) -> int:
        """Distance, px, within which an input pixel can change the output: the overlap of tiles.

        Added to that of the blocks are the focus measure over 17 px, its Laplacian and four
        convolutions.
        """
        return receptive_radius_of_blocks(self) + 8 + 1 + 4

    def stages(self) -> list[Callable[[Any], Any]]:
        """Return the network as a sequence of steps, so that a run can stop after each.

        The first step takes the planes, the last returns the logits.
        """

        def stem(planes: Tensor) -> tuple[Tensor, Tensor]:
            features = self.stem(focus_features(planes))
            return features, features

        def with_skip(pair: nn.Module) -> Callable[[Any], Any]:
            return lambda state: (state[0], (state[1] + pair(state[1])) / 2)

        def head(state: tuple[Tensor, Tensor]) -> Tensor:
            logits: Tensor = self.head(state[1] + state[0])
            return logits

        return [stem, *(with_skip(pair) for pair in self.pairs), head]

    def logits(self, planes: Tensor) -> Tensor:
        """Return the output before the sigmoid, (B, 1, Y, X); planes as in :meth:`forward`."""
        state: Any = planes
        for stage in self.stages():
            state = stage(state)
        logits: Tensor = state
        return logits

    def forward(self, planes: Tensor) -> Tensor:
        """Return the foreground's alpha.

        Parameters
        ----------
        planes : Tensor
            Shape (B, 6, Y, X): the near plane's three channels, then the far plane's, coded for
            display (sRGB or equal), 0..1. Grey planes are repeated. Sides are multiples of
            :attr:`stride`.

        Returns
        -------
        Tensor
            Alpha M of the foreground, (B, 1, Y, X), 0..1.
        """
        return torch.sigmoid(self.logits(planes).float())
