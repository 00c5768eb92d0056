"""Depth estimation branch: from the focus features of all planes to a plane for each pixel.

DEB is not in the paper, which has two planes. FSB folded over P planes would read each of them at
full size P - 1 times, compare two at a time and never undo an early mistake. DEB reads the focus
features of a plane at full size once, then compares all planes together at a quarter of the size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.pooling import box3, pooled
from napari_focusstack.networks.blocks import conv
from napari_focusstack.networks.cell_unet import (
    CELL_PX,
    CellUNet,
    CrossPlaneBlock,
    max_over_planes,
)

if TYPE_CHECKING:
    from torch import Tensor


#: Channels of :func:`plane_features`: focus measures of a cell, its colour, and (twice) its pixels,
#: whose sharpness and grey are read one by one.
MEASURES, COLOURS, PIXELS = 7, 3, CELL_PX**2
#: Feature channels at half the size, where edges are drawn.
FINE_CHANNELS = 16
#: Receptive radius of :meth:`DEB.decode`, cells.
DECODER_REACH_CELLS = 4
#: Laplacian energy of a region without detail, in light coded for display, 0..1: noise of one grey
#: level of 8 bits. The shipped weights were trained with it.
NOISE_FLOOR = 0.004


def plane_features(plane: Tensor) -> Tensor:
    """Return the focus features of a plane, cell by cell.

    Parameters
    ----------
    plane : Tensor
        Shape (B, 3, Y, X), coded for display, 0..1; sides are multiples of 16.

    Returns
    -------
    Tensor
        Shape (B, 42, Y / 4, X / 4). First 7 focus measures: the log of the mean and of the greatest
        Laplacian in a cell, of the plane at full and at half size, and the log of the mean
        Laplacian at a quarter, an eighth and a sixteenth of the size. Then the mean colour. Then
        for each of the cell's 16 pixels the log of the Laplacian over 3 px, and its grey.
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
    pixels = torch.cat([_log_energy(box3(laplacian(grey).abs())), 2 * grey - 1], 1)
    return torch.cat([_log_energy(torch.cat(measures, 1)), 2 * colour - 1, _in_cells(pixels)], 1)


def _in_cells(pixels: Tensor) -> Tensor:
    """Return the pixels (B, C, Y, X) of each cell as channels, (B, 16 C, Y / 4, X / 4).

    The order is such that ``pixel_shuffle(..., 2)`` leaves pixels at half the size.
    """
    split = pixels.unflatten(3, (-1, 2, 2)).unflatten(2, (-1, 2, 2))
    return split.permute(0, 1, 4, 7, 3, 6, 2, 5).flatten(1, 5)


def _log_energy(energy: Tensor) -> Tensor:
    """Return the log of Laplacian energy, shifted and scaled for the network."""
    return torch.log(energy + NOISE_FLOOR) / 2 + 1.5


class DEB(CellUNet):
    """From features of P planes to the probability of each plane to be in focus, for any P.

    It is a small U-Net over cells. Each of its blocks mixes the planes, and none depends on their
    number. One more block, at half the size of the image, reads single pixels and draws the edges.
    A sub-pixel convolution brings its output to full size.

    Parameters
    ----------
    width : int
        Feature channels.
    levels : int
        How often the cells are halved. The receptive radius doubles with each level.

    Examples
    --------
    >>> network = DEB(width=8, levels=2)
    >>> inputs = torch.stack([plane_features(torch.rand(1, 3, 64, 64)) for _ in range(5)], 1)
    >>> network(inputs).shape
    torch.Size([1, 5, 64, 64])
    """

    def __init__(self, width: int = 24, levels: int = 4) -> None:
        super().__init__(2 * MEASURES + COLOURS + 2, width, levels, FINE_CHANNELS)
        self.stem_fine = conv(3 * CELL_PX, FINE_CHANNELS)
        self.fine = CrossPlaneBlock(FINE_CHANNELS)
        self.head = conv(FINE_CHANNELS, 4, gain=1.0)

    @property
    def receptive_radius_px(self) -> int:
        """Distance, px, within which an input pixel can change the output.

        Two convolutions and a mean at each level going down, two convolutions and an interpolation
        going up, make nine of the coarsest cells in all. The focus measures reach 40 px, the
        decoder 16 px.
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
        """Return features of the wide surroundings, (B P, 16, Y / 4, X / 4).

        Parameters
        ----------
        inputs : Tensor
            See :meth:`forward`.
        """
        return self.surroundings(inputs.flatten(0, 1), inputs.shape[1])

    def read(self, cells: Tensor, planes: int) -> Tensor:
        """Return the features of cells (B P, 42, Y, X) that the U-Net begins with."""
        return super().read(_of_cells(cells.unflatten(0, (-1, planes))), planes)

    def decode(self, features: Tensor, inputs: Tensor) -> Tensor:
        """Return logits (B, P, Y, X) from features and the same rows and columns of the inputs.

        A cell depends on the cells within :data:`DECODER_REACH_CELLS` only, so parts may be decoded
        one by one.

        Parameters
        ----------
        features : Tensor
            Shape (B P, 16, Y / 4, X / 4), see :meth:`encode`.
        inputs : Tensor
            See :meth:`forward`.
        """
        planes, pixels = inputs.shape[1], inputs[:, :, -2 * PIXELS :]
        below_max = _below_max(pixels[:, :, :PIXELS])
        fine = functional.pixel_shuffle(torch.cat([pixels, 2 * below_max], 2).flatten(0, 1), 2)
        features = functional.interpolate(features, scale_factor=2, mode="bilinear")
        features = functional.relu_(features + self.stem_fine(fine))
        logits = functional.pixel_shuffle(self.head(self.fine(features, planes)), 2)
        return logits[:, 0].unflatten(0, (-1, planes))


def _below_max(measures: Tensor) -> Tensor:
    """Return each plane's measures (B, P, C, Y, X) minus their maximum over the planes, <= 0."""
    return measures - max_over_planes(measures.unbind(1))[:, None]


def _of_cells(inputs: Tensor) -> Tensor:
    """Return what DEB reads of each cell, (B P, channels, Y / 4, X / 4), from all inputs."""
    planes = inputs.shape[1]
    of_cells = inputs[:, :, : -2 * PIXELS]
    below_max = _below_max(inputs[:, :, :MEASURES])
    position = torch.linspace(-1, 1, planes, device=inputs.device, dtype=inputs.dtype)
    position = position[None, :, None, None, None].expand_as(inputs[:, :, :1])
    spacing = torch.full_like(position, 2.0 / planes)
    return torch.cat([of_cells, 2 * below_max, position, spacing], 2).flatten(0, 1)
