"""Kernel estimation branch: from a near and a far plane and the foreground mask to sigma."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from torch import nn

from napari_focusstack.networks.blocks import MSRB, conv
from napari_focusstack.networks.fsb import focus_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class KEB(nn.Module):
    """The KEB of the paper (Fig. 3a): 2 MSRBs, spatial attention, pooling, 3 linear layers.

    The kernel of the returned sigma is :func:`napari_focusstack.imaging.kernels.psf` (Eq. 2).

    Parameters
    ----------
    width : int
        Feature channels.
    down : sequence of int
        Down factor of each MSRB.

    Examples
    --------
    >>> KEB(width=8)(torch.rand(2, 7, 64, 64)).shape
    torch.Size([2])
    """

    def __init__(self, width: int = 16, down: Sequence[int] = (4, 8)) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "down": list(down)}
        self.stem = conv(9, width)
        self.blocks = nn.Sequential(*(MSRB(width, factor) for factor in down))
        self.attention = nn.Conv2d(2, 1, 7, padding=3)
        self.answer = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.ReLU(inplace=True),
            nn.Linear(2 * width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, 1),
        )

    @property
    def stride(self) -> int:
        """Image sides are multiples of this, px."""
        return max(self.config["down"])

    def forward(self, planes_and_mask: Tensor) -> Tensor:
        """Return sigma.

        Parameters
        ----------
        planes_and_mask : Tensor
            Shape (B, 7, Y, X): near and far plane as for FSB, then the foreground's alpha, 0..1.

        Returns
        -------
        Tensor
            Sigma of K3 (Eq. 4), shape (B,), px, > 0.
        """
        inputs = torch.cat([focus_features(planes_and_mask), 2 * planes_and_mask[:, 6:] - 1], 1)
        features = self.blocks(torch.relu(self.stem(inputs)))
        summary = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], 1)
        weight = torch.sigmoid(self.attention(summary))
        pooled = (features * weight).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1e-3)
        return functional.softplus(self.answer(pooled)[:, 0].float() + 2)
