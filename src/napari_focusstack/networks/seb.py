"""Source estimation branch: how far each plane lies from the all-in-focus picture, pixel by pixel.

Labels say which surface is seen; this says which plane shows it best. Beside an edge that may be
the plane in which the blurred foreground covers least, on a slope the sharper of two, where nothing
is to be seen any plane that agrees with its neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as functional
from torch import nn

from napari_focusstack.networks.blocks import conv
from napari_focusstack.networks.cell_unet import CellUNet, max_over_planes
from napari_focusstack.networks.source_cues import (
    FINE_CUES,
    WIDE_CUES,
    SourceCues,
    noise_level,
)

if TYPE_CHECKING:
    from torch import Tensor

#: Feature channels at half the size.
FINE = 16


class SEB(CellUNet):
    """From the cues of P planes to log of the expected squared error of each, for any P.

    A small U-Net over cells of 4 px mixes the planes and sees the surroundings; one layer at half
    the size, which sees the cues of all four pixels, draws what it says at full size.

    Parameters
    ----------
    width : int
        Feature channels.
    levels : int
        How often the cells are halved; the reach doubles with each.

    Examples
    --------
    >>> import torch
    >>> network = SEB(width=8, levels=1)
    >>> network(torch.rand(1, 5, 3, 32, 32)).shape
    torch.Size([1, 5, 32, 32])
    """

    def __init__(self, width: int = 24, levels: int = 2) -> None:
        super().__init__(WIDE_CUES, width, levels, FINE)
        self.stem_fine = conv(4 * FINE_CUES, FINE)
        self.across = nn.Conv2d(3 * FINE, FINE, 1)
        self.head = conv(FINE, 4, gain=0.3)
        self.prior = nn.Conv2d(FINE_CUES, 1, 1)
        nn.init.zeros_(self.prior.weight)
        nn.init.constant_(self.prior.bias, -8.0)  # type: ignore[arg-type]

    @property
    def reach(self) -> int:
        """How far, px, an input pixel can change the answer."""
        return 9 * self.stride + 56

    def forward(self, planes: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return log of the expected squared error.

        Parameters
        ----------
        planes : Tensor
            Shape (B, P, C, Y, X), coded for display, 0..1; sides are multiples of the stride.
        noise : Tensor, optional
            Shape (B,), of the whole stack, see
            :func:`~napari_focusstack.networks.source_cues.noise_level`; estimated if not given.

        Returns
        -------
        Tensor
            Shape (B, P, Y, X): natural log of the mean squared error of display values that the
            plane has about that pixel.
        """
        cues = SourceCues.of(planes, noise_level(planes) if noise is None else noise)
        return self.decode(self.encode(cues.wide), cues.fine)

    def encode(self, wide: Tensor) -> Tensor:
        """Return what the U-Net sees, (B P, 16, Y / 4, X / 4)."""
        features = functional.relu(self.stem(wide.flatten(0, 1)))
        return self.surroundings(features, wide.shape[1])

    def decode(self, features: Tensor, fine: Tensor) -> Tensor:
        """Return the answer (B, P, Y, X) from what was seen and the fine cues."""
        planes = fine.shape[1]
        pixels = fine.flatten(0, 1)
        features = functional.interpolate(features, scale_factor=2, mode="bilinear")
        drawn = self.stem_fine(functional.pixel_unshuffle(pixels, 2))
        stack = functional.relu(features + drawn).unflatten(0, (-1, planes))
        own, greatest, mean = self.across.weight.split(FINE, 1)
        common = functional.conv2d(max_over_planes(stack.unbind(1)), greatest) + functional.conv2d(
            stack.mean(1), mean, self.across.bias
        )
        mixed = functional.conv2d(stack.flatten(0, 1), own).unflatten(0, (-1, planes))
        mixed = functional.relu(mixed + common[:, None]).flatten(0, 1) + features
        logs = functional.pixel_shuffle(self.head(mixed), 2) + self.prior(pixels)
        return logs[:, 0].unflatten(0, (-1, planes))
