"""The cues of each plane that planes of half the size suffice for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.logarithm import asinh, log
from napari_focusstack.filters.pooling import pooled
from napari_focusstack.networks.cell_unet import CELL_PX
from napari_focusstack.networks.focus_measures import (
    COARSER,
    FocusMeasures,
    WideMeasures,
    gathered,
    greatest_of,
)
from napari_focusstack.runtime.threads import map_planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

#: Squared error that is as good as none: half a step of 8 bits.
NO_ERROR = (0.5 / 255) ** 2
#: Noise that is added to the focus measure by which planes are weighted. Measured: between 0.25 and
#: 1.5 little changes.
NOISES = 1.5
#: Channels of the cues of a plane, pixel by pixel, and in cells.
COARSE_CUES, WIDE_CUES = 9, 18


def weight_of(measure: Tensor, floor: Tensor) -> Tensor:
    """Return the weight of a plane in a first estimate: the eighth power of a focus measure.

    With fine steps many planes are almost as sharp as the sharpest, and must not blur the estimate.
    Where noise is all that is to be seen, they weigh alike.
    """
    return (measure + NOISES * floor).square().square().square()


def log_of_squares(squares: Tensor) -> Tensor:
    """Return the log of squared differences, shifted and scaled for the network."""
    return log(squares + NO_ERROR) / 3 + 2.5


class Planes(Protocol):
    """Planes that are read when they are indexed, from 0: each is a tensor."""

    def __len__(self) -> int:
        """Return the number of planes."""

    def __getitem__(self, index: int, /) -> Tensor:
        """Read a plane."""


class CoarseCues:
    """What planes show together, by which the cues of each are read.

    Parameters
    ----------
    planes : Planes
        Shape (B, C, Y, X) each, coded for display, 0..1; sides are multiples of 8.
    noise : Tensor
        Shape (B,), see :func:`~napari_focusstack.imaging.noise.noise_level`.

    Examples
    --------
    >>> cues = CoarseCues(torch.rand(5, 1, 3, 16, 24), torch.tensor([0.005]))
    >>> len(cues.of(2)), list(cues.wide())[2].shape
    (9, torch.Size([1, 18, 4, 6]))
    """

    def __init__(self, planes: Planes, noise: Tensor) -> None:
        self.planes = planes
        self.floor = noise[:, None, None]
        measured = map_planes(self._measure, self.numbers, noise.device)
        greatest, (total, weights, weighted) = gathered(measured)
        self.estimate = weighted / weights
        self.grey_estimate = self.estimate.mean(1)
        self.mean = total / len(planes)
        self.greatest = greatest.log(self.floor)
        self.common = [
            log(greatest.narrow / self.floor + 1) - 1,
            (log(self.floor) / 2 + 2).expand_as(greatest.narrow).contiguous(),
        ]

    @property
    def numbers(self) -> range:
        """The numbers of the planes, from 0."""
        return range(len(self.planes))

    def _measure(self, number: int) -> tuple[FocusMeasures, Tensor, Tensor, Tensor]:
        """Return focus measures and grey values of a plane, its weight and its weighted light."""
        plane = self.planes[number]
        grey = plane.mean(1)
        measures = FocusMeasures.of(grey)
        weight = weight_of(measures.broad, self.floor)[:, None]
        return measures, grey, weight, plane * weight

    def of(self, number: int) -> list[Tensor]:
        """Return the cues of a plane, counted from 0.

        Returns
        -------
        list of Tensor
            Shape (B, Y, X): log of the focus measure over 3 px, over 1 px and over 2 px (standard
            deviation of a Gaussian) relative to the greatest of all planes; the same of planes
            smoothed by 1 px, in which noise is a tenth; log of the squared difference from a first
            estimate of the picture; the signed difference from it and from the mean of all planes,
            in units of the noise; log of the greatest focus measure relative to the noise; log of
            the noise.
        """
        return [*self._maps(number)[0], *self.common]

    def _maps(self, number: int) -> tuple[list[Tensor], Tensor]:
        """Return the first seven cues of a plane, and its squared difference."""
        plane = self.planes[number]
        grey = plane.mean(1)
        own, most = FocusMeasures.of(grey).log(self.floor), self.greatest
        squares = smooth((plane - self.estimate).square().mean(1), 1.0)
        from_estimate = smooth(grey - self.grey_estimate, 1.0)
        maps = [
            *(one - greatest for one, greatest in zip(own, most, strict=True)),
            log_of_squares(squares),
            asinh(from_estimate / self.floor),
            asinh((grey - self.mean) / self.floor),
        ]
        return maps, squares

    def wide(self) -> Iterator[Tensor]:
        """Yield the wide cues of one plane after another.

        Yields
        ------
        Tensor
            Shape (B, 18, Y / 4, X / 4): means of the cues in cells, the greatest of the
            first, focus measures over 4 and 8 px relative to the greatest, the greatest of the
            latter relative to the noise, log of the squared difference over 4 px; focus measures of
            planes of half, a quarter and an eighth of the size relative to the greatest, and the
            greatest of the second relative to the noise.
        """
        device = self.floor.device

        def measure(number: int) -> WideMeasures:
            return WideMeasures.of(self.planes[number].mean(1))

        measures = list(map_planes(measure, self.numbers, device))
        greatest = greatest_of(measures)
        most = greatest.log(self.floor)
        common, noise = (pooled(one, CELL_PX) for one in self.common)
        common_of_eight = log(greatest.eight / self.floor + 1) - 1
        common_of_quarters = log(greatest.quarter * COARSER[1] / self.floor + 1) - 1

        def of_plane(number: int) -> Tensor:
            maps, squares = self._maps(number)
            four, eight, *coarser = (
                one - greatest
                for one, greatest in zip(measures[number].log(self.floor), most, strict=True)
            )
            squares_of_cells = smooth(pooled(squares, CELL_PX), 1.0)
            wide = [
                *(pooled(one, CELL_PX) for one in maps),
                common,
                noise,
                pooled(maps[0], CELL_PX, torch.maximum),
                four,
                eight,
                common_of_eight,
                log_of_squares(squares_of_cells),
                *coarser,
                common_of_quarters,
            ]
            return torch.stack(wide, 1)

        yield from map_planes(of_plane, self.numbers, device)
