"""Depth estimation branch: from the focus features of all planes to a plane for each pixel.

Not in the paper, which has two planes: FSB folded over P planes sees each of them at full size
P - 1 times, compares two at a time and cannot undo an early mistake. DEB reads what tells focus at
full size once, then looks at all planes together at a quarter of the size.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from torch import nn

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.pooling import box3, pooled
from napari_focusstack.networks.blocks import conv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


#: Cues are read at full size and kept at this fraction of it.
CELL_PX = 4
#: Channels of :func:`plane_features`: focus measures of a cell, its colour, the sharpness and the grey
#: of each of its pixels.
MEASURES, COLOURS, PIXELS = 7, 3, CELL_PX**2
#: Feature channels at half the size, where edges are drawn.
FINE = 16
#: How far they look, cells.
DECODER_REACH_CELLS = 4
#: Focus measure of a region without detail: sensor noise of one grey level in 8 bits.
NOISE_FLOOR = 0.004


def plane_features(plane: Tensor) -> Tensor:
    """Return what tells focus in a plane, cell by cell.

    Parameters
    ----------
    plane : Tensor
        Shape (B, 3, Y, X), coded for display, 0..1; sides are multiples of 16.

    Returns
    -------
    Tensor
        Shape (B, 42, Y / 4, X / 4): log of the mean and greatest Laplacian in a cell, of the plane
        at full and at half size; of the mean Laplacian at a quarter, an eighth, a sixteenth of the
        size; the mean colour; then of each of the cell's 16 pixels log of the Laplacian over 3 px,
        and its grey.
    """
    grey = plane.mean(1, keepdim=True)
    measures = []
    for factor in (1, 2):
        energy = laplacian(pooled(grey, factor)).abs()
        side = CELL_PX // factor
        measures += [pooled(energy, side), pooled(energy, side, torch.maximum)]
    size = measures[0].shape[-2:]
    for factor in (4, 8, 16):
        energy = laplacian(pooled(grey, factor)).abs()
        measures.append(functional.interpolate(energy, size, mode="bilinear"))
    colour = pooled(plane, CELL_PX)
    pixels = torch.cat([_level(box3(laplacian(grey).abs())), 2 * grey - 1], 1)
    return torch.cat([_level(torch.cat(measures, 1)), 2 * colour - 1, _in_cells(pixels)], 1)


def _in_cells(pixels: Tensor) -> Tensor:
    """Return the pixels (B, C, Y, X) of each cell as channels, (B, 16 C, Y / 4, X / 4).

    Ordered so that undoing it by ``pixel_shuffle(..., 2)`` leaves pixels at half the size.
    """
    split = pixels.unflatten(3, (-1, 2, 2)).unflatten(2, (-1, 2, 2))
    return split.permute(0, 1, 4, 7, 3, 6, 2, 5).flatten(1, 5)


def _level(energy: Tensor) -> Tensor:
    return torch.log(energy + NOISE_FLOOR) / 2 + 1.5


class CrossPlaneBlock(nn.Module):
    """A residual block that looks at a plane's surroundings, at its neighbours and at all planes.

    Parameters
    ----------
    channels : int
        Feature channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.within = nn.Sequential(
            conv(channels, channels),
            nn.ReLU(inplace=True),
            conv(channels, channels),
            nn.ReLU(inplace=True),
        )
        self.across = nn.Conv2d(5 * channels, channels, 1)
        nn.init.normal_(self.across.weight, std=0.3 / (5 * channels) ** 0.5)
        nn.init.zeros_(self.across.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, planes: int) -> Tensor:
        """Map (B P, C, Y, X) to the same shape."""
        stack = self.within(features).unflatten(0, (-1, planes))
        seen = stack.unbind(1)
        of_plane, of_all = self.across.weight.split([3 * self.channels, 2 * self.channels], 1)
        own, before, after = of_plane.split(self.channels, 1)
        common = torch.cat([_max_over_planes(seen), sum(seen[1:], seen[0]) / planes], 1)
        common = functional.conv2d(common, of_all, self.across.bias)
        # planes as rows, pixels as columns: conv3d has gradients in bfloat16 that are not finite
        beside = torch.cat([before, own, after], 2).contiguous(memory_format=torch.channels_last)
        rows = functional.conv2d(stack.transpose(1, 2).flatten(3), beside, padding=(1, 0))
        # in place from here on, for it is memory that bounds the size of tiles
        added = rows.unflatten(3, stack.shape[-2:]).transpose(1, 2)
        added += common[:, None]
        # the first and the last plane are their own neighbours
        added[:, 0] += functional.conv2d(seen[0], before)
        added[:, -1] += functional.conv2d(seen[-1], after)
        added += features.unflatten(0, (-1, planes))
        return added.flatten(0, 1)


def _max_over_planes(planes: Sequence[Tensor]) -> Tensor:
    """Return the greatest of each pixel; of many times the speed of ``amax`` across planes."""
    return reduce(torch.maximum, planes)


class DEB(nn.Module):
    """From features of P planes to how probably each plane is the one in focus, for any P.

    A small U-Net over cells whose every block mixes the planes; nothing in it depends on how many
    there are. One more block at half the size sees single pixels and draws the edges; what it says
    is shown at full size by sub-pixel convolution.

    Parameters
    ----------
    width : int
        Feature channels.
    levels : int
        How often the cells are halved; the reach doubles with each.

    Examples
    --------
    >>> network = DEB(width=8, levels=2)
    >>> inputs = torch.stack([plane_features(torch.rand(1, 3, 64, 64)) for _ in range(5)], 1)
    >>> network(inputs).shape
    torch.Size([1, 5, 64, 64])
    """

    def __init__(self, width: int = 24, levels: int = 4) -> None:
        super().__init__()
        self.config: dict[str, Any] = {"width": width, "levels": levels}
        self.stem = conv(2 * MEASURES + COLOURS + 2, width)
        self.down = nn.ModuleList(CrossPlaneBlock(width) for _ in range(levels))
        self.deepest = CrossPlaneBlock(width)
        self.up = nn.ModuleList(CrossPlaneBlock(width) for _ in range(levels))
        self.bottleneck = nn.Conv2d(width, FINE, 1)
        self.stem_fine = conv(3 * CELL_PX, FINE)
        self.fine = CrossPlaneBlock(FINE)
        self.head = conv(FINE, 4, gain=1.0)

    @property
    def stride(self) -> int:
        """Image sides and tile origins are multiples of this, px."""
        return int(CELL_PX * 2 ** self.config["levels"])

    @property
    def receptive_radius_px(self) -> int:
        """How far, px, an input pixel can change the answer.

        Two convolutions and an interpolation at each level going up, two convolutions and a mean
        going down, are nine of the coarsest cells in all; the focus measures look 40 px far, the decoder 16.
        """
        return 9 * self.stride + 36

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits over planes.

        Parameters
        ----------
        inputs : Tensor
            Shape (B, P, 42, Y / 4, X / 4) from :func:`plane_features`, nearest plane first.

        Returns
        -------
        Tensor
            Shape (B, P, Y, X); a softmax over P makes them probabilities.
        """
        return self.decode(self.encode(inputs), inputs)

    def encode(self, inputs: Tensor) -> Tensor:
        """Return features of the wide surroundings, (B P, 16, Y / 4, X / 4)."""
        planes = inputs.shape[1]
        of_cells = inputs[:, :, : -2 * PIXELS]
        below_max = _below_max(inputs[:, :, :MEASURES])
        place = torch.linspace(-1, 1, planes, device=inputs.device, dtype=inputs.dtype)
        order = place[None, :, None, None, None].expand_as(inputs[:, :, :1])
        spread = torch.full_like(order, 2.0 / planes)
        features = self.stem(torch.cat([of_cells, 2 * below_max, order, spread], 2).flatten(0, 1))
        skips = []
        for block in self.down:
            features = block(features, planes)
            skips.append(features)
            features = functional.avg_pool2d(features, 2)
        features = self.deepest(features, planes)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            features = functional.interpolate(features, scale_factor=2, mode="bilinear")
            features = block(features + skip, planes)
        narrowed: Tensor = self.bottleneck(features)
        return narrowed

    def decode(self, features: Tensor, inputs: Tensor) -> Tensor:
        """Return logits (B, P, Y, X) from features and the same rows and columns of the inputs.

        It depends on what lies within :data:`DECODER_REACH_CELLS`, so parts may be decoded one by
        one.
        """
        planes, pixels = inputs.shape[1], inputs[:, :, -2 * PIXELS :]
        below_max = _below_max(pixels[:, :, :PIXELS])
        fine = functional.pixel_shuffle(torch.cat([pixels, 2 * below_max], 2).flatten(0, 1), 2)
        features = functional.interpolate(features, scale_factor=2, mode="bilinear")
        features = functional.relu_(features + self.stem_fine(fine))
        logits = functional.pixel_shuffle(self.head(self.fine(features, planes)), 2)
        return logits[:, 0].unflatten(0, (-1, planes))


def _below_max(measures: Tensor) -> Tensor:
    """Return by how much each plane's measures (B, P, C, Y, X) fall short of the greatest."""
    return measures - _max_over_planes(measures.unbind(1))[:, None]
