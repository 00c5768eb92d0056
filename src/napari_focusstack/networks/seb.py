"""Source estimation branch: how far each plane lies from the all-in-focus picture, pixel by pixel.

Labels say which surface is seen; this says which plane shows it best. Beside an edge that may be
the plane in which the blurred foreground covers least, on a slope the sharper of two, where nothing
is to be seen any plane that agrees with its neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional
from torch import nn

from napari_focusstack.filters.pooling import pooled
from napari_focusstack.imaging.noise import noise_level
from napari_focusstack.networks.blocks import conv
from napari_focusstack.networks.cell_unet import CellUNet, max_over_planes
from napari_focusstack.networks.source_cues import (
    FINE_CUES,
    WIDE_CUES,
    SourceCues,
)
from napari_focusstack.runtime.threads import map_planes

if TYPE_CHECKING:
    from torch import Tensor

#: Feature channels at half the size.
FINE = 16


class SEB(CellUNet):
    """From the cues of P planes to log of the expected squared error of each, for any P.

    A small U-Net over cells of 8 px mixes the planes and sees the surroundings; one layer at half
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
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return 2 * super().stride

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
            :func:`~napari_focusstack.imaging.noise.noise_level`; estimated if not given.

        Returns
        -------
        Tensor
            Shape (B, P, Y, X): natural log of the mean squared error of display values that the
            plane has about that pixel.
        """
        cues = SourceCues(planes, noise_level(planes) if noise is None else noise)

        def read(number: int) -> tuple[Tensor, Tensor, Tensor]:
            fine, wide = cues.of(number)
            return wide, self.draw(fine), self.prior(fine)

        read_planes = map_planes(read, range(planes.shape[1]), planes.device)
        wide, drawn, prior = map(list, zip(*read_planes, strict=True))
        return self.decode(self.encode(wide), drawn, prior)

    def encode(self, wide: list[Tensor]) -> Tensor:
        """Return what the U-Net makes of the wide cues of planes: (B, P, 16, Y / 8, X / 8)."""
        planes = len(wide)
        cells = pooled(torch.stack(wide, 1).flatten(0, 1), 2)
        cells = cells.contiguous(memory_format=torch.channels_last)
        features = functional.relu(self.stem(cells))
        return self.surroundings(features, planes).unflatten(0, (-1, planes))

    def draw(self, fine: Tensor) -> Tensor:
        """Return features at half the size, (B, 16, Y / 2, X / 2), of the fine cues of a plane.

        It is the same as a convolution of the cues of 2 x 2 pixels as channels, in a third of the
        time: those weights are one kernel of 6 x 6 pixels.
        """
        kernel = self.stem_fine.weight.unflatten(1, (FINE_CUES, 2, 2)).permute(0, 1, 4, 2, 5, 3)
        kernel = kernel.reshape(FINE, FINE_CUES, 6, 6).contiguous(memory_format=torch.channels_last)
        return functional.conv2d(fine, kernel, self.stem_fine.bias, stride=2, padding=2)

    def decode(self, features: Tensor, drawn: list[Tensor], prior: list[Tensor]) -> Tensor:
        """Return the answer (B, P, Y, X) from the surroundings and what was drawn of the planes."""
        own, greatest, mean = self.across.weight.split(FINE, 1)

        def draw_on(number: int) -> Tensor:
            return functional.relu(drawn[number] + _enlarged(features[:, number]))

        stack = list(map_planes(draw_on, range(len(drawn)), features.device))
        common = functional.conv2d(max_over_planes(stack), greatest) + functional.conv2d(
            sum(stack[1:], stack[0]) / len(stack), mean, self.across.bias
        )

        def expect(number: int) -> Tensor:
            mixed = functional.relu(functional.conv2d(stack[number], own) + common)
            errors = self.head(mixed + _enlarged(features[:, number])).contiguous()
            return (functional.pixel_shuffle(errors, 2) + prior[number])[:, 0]

        return torch.stack(list(map_planes(expect, range(len(stack)), features.device)), 1)


def _enlarged(features: Tensor) -> Tensor:
    """Return features (B, C, Y, X) at four times the size, channels last in memory."""
    last = features.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(last, scale_factor=4, mode="bilinear")
