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

from napari_focusstack.imaging.noise import noise_level
from napari_focusstack.networks.blocks import conv
from napari_focusstack.networks.cell_unet import CellUNet, max_over_planes
from napari_focusstack.networks.coarse_cues import WIDE_CUES
from napari_focusstack.networks.device import autocast
from napari_focusstack.networks.source_cues import FINE_CUES, SourceCues
from napari_focusstack.runtime.threads import map_planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.networks.coarse_cues import Planes

#: Feature channels at half the size.
FINE = 16
#: Side of the cells whose surroundings the U-Net reads, px, and the features of each.
SURROUNDINGS_PX, SURROUNDINGS = 8, FINE


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
        self.stem_fine = conv(FINE_CUES, FINE)
        self.across = nn.Conv2d(3 * FINE, FINE, 1)
        self.head = conv(FINE, 4, gain=0.3)
        self.prior = nn.Conv2d(FINE_CUES, 4, 1)
        nn.init.zeros_(self.prior.weight)
        nn.init.constant_(self.prior.bias, -8.0)  # type: ignore[arg-type]

    @property
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return 2 * super().stride

    @property
    def reach(self) -> int:
        """How far, px, an input pixel can change the answer: nine of the coarsest cells, and 96."""
        return 9 * self.stride + 96

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
        cues = SourceCues(planes.unbind(1), noise_level(planes) if noise is None else noise)
        features = self.encode(self.cells(cues))
        return torch.stack(list(self.decode(features.unbind(1), cues)), 1)

    def cells(self, cues: SourceCues) -> Tensor:
        """Return the wide cues in cells of 8 px, (B, P, 18, Y / 8, X / 8)."""
        return torch.stack(list(cues.wide()), 1)

    def encode(self, cells: Tensor) -> Tensor:
        """Return what the U-Net makes of :meth:`cells`: (B, P, 16, Y / 8, X / 8)."""
        planes = cells.shape[1]
        return self.surroundings(cells.flatten(0, 1), planes).unflatten(0, (-1, planes))

    def read(self, cells: Tensor, planes: int) -> Tensor:
        """Return the features of cells (B P, 18, Y, X) that the U-Net begins with."""
        last = cells.contiguous(memory_format=torch.channels_last)
        return functional.relu(super().read(last, planes))

    def decode(self, features: Planes, cues: SourceCues) -> Iterator[Tensor]:
        """Yield the answer, (B, Y, X), for one plane after another.

        Parameters
        ----------
        features : Planes
            What :meth:`encode` says of each plane, (B, 16, Y / 8, X / 8) each.
        cues : SourceCues
            Those of the same pixels.
        """
        own, greatest, mean = self.across.weight.split(FINE, 1)
        device = cues.noise.device

        def draw_on(number: int) -> tuple[Tensor, Tensor]:
            fine = cues.fine(number)
            with autocast(device):
                drawn = self.stem_fine(fine)
            drawn = functional.relu_(drawn.add_(_enlarged(features[number].to(drawn.dtype))))
            return _compact(drawn), self.prior(fine)

        drawn = map_planes(draw_on, cues.numbers, device)
        stack, prior = (dict(enumerate(each)) for each in zip(*drawn, strict=True))
        most = max_over_planes(list(stack.values())).float()
        total = torch.zeros_like(most)
        for each in stack.values():
            total += each
        with autocast(device):
            common = functional.conv2d(most, greatest)
            common += functional.conv2d(total / len(stack), mean, self.across.bias)
        del most, total

        def expect(number: int) -> Tensor:  # what was drawn is used up, to bound memory
            drawn = stack.pop(number)
            with autocast(device):
                mixed = functional.conv2d(
                    drawn.float() if drawn.dtype == torch.half else drawn, own
                )
                mixed = functional.relu_(mixed.add_(common))
                mixed = mixed + _enlarged(features[number].to(mixed.dtype))
                errors = prior.pop(number) + self.head(mixed)
            return functional.pixel_shuffle(errors.contiguous(), 2)[:, 0]

        yield from map_planes(expect, cues.numbers, device)


def _compact(features: Tensor) -> Tensor:
    """Return features in half the memory, to be kept until all planes are read.

    Three digits are enough. Where gradients are recorded, all are kept.
    """
    kept = torch.is_grad_enabled() or features.dtype == torch.bfloat16
    return features if kept else features.half()


def _enlarged(features: Tensor) -> Tensor:
    """Return features (B, C, Y, X) at four times the size, channels last in memory."""
    last = features.contiguous(memory_format=torch.channels_last)
    return functional.interpolate(last, scale_factor=4, mode="bilinear")
