"""What tells, at full size, how well each plane shows a pixel: focus measures and differences."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.channels import interleave
from napari_focusstack.filters.convolution import convolve_separably
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.pooling import box3, pooled
from napari_focusstack.networks.cell_unet import CELL_PX
from napari_focusstack.runtime.threads import map_planes

if TYPE_CHECKING:
    from torch import Tensor

#: Squared error that is as good as none: half a step of 8 bits.
NO_ERROR = (0.5 / 255) ** 2
#: Noise (mean absolute Laplacian) that a Gaussian of 1 px leaves.
SMOOTHED_NOISE = 0.075
#: Factors by which planes are reduced to look at coarser detail.
COARSER = (2, 4, 8)


#: Channels of :class:`PlaneCues`.
FINE_CUES, WIDE_CUES = 9, 18


@cache
def _gaussian(sigma_px: float) -> Tensor:
    reach = math.ceil(3 * sigma_px)
    x = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.exp(-(x**2) / (2 * sigma_px**2))
    return weights / weights.sum()


def smooth(image: Tensor, sigma_px: float) -> Tensor:
    """Blur images (..., Y, X) by a Gaussian that is cut at 3 sigma; borders are replicated."""
    images = image.reshape(-1, *image.shape[-2:])
    profiles = _gaussian(sigma_px).to(image).expand(len(images), -1)
    return convolve_separably(images, profiles).reshape(image.shape)


class PlaneCues(NamedTuple):
    """The cues of one plane.

    Parameters
    ----------
    fine : Tensor
        Shape (B, 9, Y, X), channels last in memory: log of the focus measure over 3 px, over 1 px
        and over 2 px (standard deviation of a Gaussian) relative to the greatest of all planes;
        the same of planes smoothed by 1 px, in which noise is a tenth; log of the squared
        difference from a first estimate of the picture; the signed difference from it and from the
        mean of all planes, in units of the noise; log of the greatest focus measure relative to
        the noise; log of the noise.
    wide : Tensor
        Shape (B, 18, Y / 4, X / 4): means of the fine cues in cells, the greatest of the first,
        focus measures over 4 and 8 px relative to the greatest, the greatest of the latter
        relative to the noise, log of the squared difference over 4 px; focus measures of planes of
        half, a quarter and an eighth of the size relative to the greatest, and the greatest of the
        second relative to the noise.
    """

    fine: Tensor
    wide: Tensor


class FocusMeasures(NamedTuple):
    """Focus measures of one plane (B, Y, X), or the greatest of all planes.

    Parameters
    ----------
    least, narrow, broad : Tensor
        Shape (B, Y, X): mean absolute Laplacian over 3 px, and by Gaussians of 1 and 2 px.
    calm : Tensor
        The same by a Gaussian of 1 px, of the plane smoothed by such a Gaussian.
    four, eight : Tensor
        Shape (B, Y / 4, X / 4): by Gaussians of 4 and 8 px.
    coarser : tuple of Tensor
        The same shape: of the plane reduced by :data:`COARSER`.
    """

    least: Tensor
    narrow: Tensor
    broad: Tensor
    calm: Tensor
    four: Tensor
    eight: Tensor
    coarser: tuple[Tensor, ...]

    @classmethod
    def of(cls, grey: Tensor) -> FocusMeasures:
        """Measure grey planes (B, Y, X)."""
        energy = _detail(grey)
        cells = pooled(energy, CELL_PX)
        return cls(
            box3(energy[:, None])[:, 0],
            smooth(energy, 1.0),
            smooth(energy, 2.0),
            smooth(_detail(smooth(grey, 1.0)), 1.0),
            smooth(cells, 1.0),
            smooth(cells, 2.0),
            tuple(_coarser(grey, factor) for factor in COARSER),
        )

    def greatest(self, other: FocusMeasures) -> FocusMeasures:
        """Return the greater of two measures in each pixel."""
        *full, mine = self
        *others, theirs = other
        pairs = zip(full, others, strict=True)
        coarser = tuple(torch.maximum(a, b) for a, b in zip(mine, theirs, strict=True))
        return FocusMeasures._make([*(torch.maximum(a, b) for a, b in pairs), coarser])

    def log(self, floor: Tensor) -> FocusMeasures:
        """Return the logs of the measures, bounded where noise (B, 1, 1) alone is to be seen."""
        floors = (floor, floor, floor, SMOOTHED_NOISE * floor, floor, floor)
        *full, coarser = self
        logs = (torch.log(one + least / 2) for one, least in zip(full, floors, strict=True))
        scaled = zip(coarser, COARSER, strict=True)
        of_coarser = tuple(torch.log(one + floor / (2 * by)) for one, by in scaled)
        return FocusMeasures._make([*logs, of_coarser])


class SourceCues:
    """What all planes show together, by which the cues of each are read.

    Parameters
    ----------
    planes : Tensor
        Shape (B, P, C, Y, X), coded for display, 0..1; sides are multiples of 8.
    noise : Tensor
        Shape (B,), see :func:`~napari_focusstack.imaging.noise.noise_level`.

    Examples
    --------
    >>> cues = SourceCues(torch.rand(1, 5, 3, 16, 24), torch.tensor([0.005]))
    >>> cues.of(2).fine.shape, cues.of(2).wide.shape
    (torch.Size([1, 9, 16, 24]), torch.Size([1, 18, 4, 6]))
    """

    def __init__(self, planes: Tensor, noise: Tensor) -> None:
        self.planes = planes
        self.floor = noise[:, None, None]
        greatest: FocusMeasures | None = None
        total = weighted = weights = planes.new_zeros(())
        self.measures: list[FocusMeasures] = []
        for measures, grey, weight, light in map_planes(
            self._measure, planes.unbind(1), planes.device
        ):
            self.measures.append(measures)
            greatest = measures if greatest is None else greatest.greatest(measures)
            weighted, weights, total = weighted + light, weights + weight, total + grey
        if greatest is None:
            raise ValueError("there are no planes")
        self.estimate = weighted / weights
        self.grey_estimate = self.estimate.mean(1)
        self.mean = total / planes.shape[1]
        self.greatest = greatest.log(self.floor)
        self.fine = [
            torch.log(greatest.narrow / self.floor + 1) - 1,
            (torch.log(self.floor) / 2 + 2).expand_as(greatest.narrow).contiguous(),
        ]
        self.wide = [
            *(pooled(one, CELL_PX) for one in self.fine),
            torch.log(greatest.eight / self.floor + 1) - 1,
            torch.log(greatest.coarser[1] * COARSER[1] / self.floor + 1) - 1,
        ]

    def _measure(self, plane: Tensor) -> tuple[FocusMeasures, Tensor, Tensor, Tensor]:
        """Return focus measures and grey values of a plane, its weight and its weighted light.

        The weight is a high power of the focus measure: a first estimate of the picture.
        """
        grey = plane.mean(1)
        measures = FocusMeasures.of(grey)
        weight = (measures.broad + self.floor / 4).square().square()[:, None]
        return measures, grey, weight, plane * weight

    def of(self, number: int) -> PlaneCues:
        """Read the cues of a plane, counted from 0."""
        plane = self.planes[:, number]
        grey = plane.mean(1)
        own, most = self.measures[number].log(self.floor), self.greatest
        squares = smooth((plane - self.estimate).square().mean(1), 1.0)
        from_estimate = smooth(grey - self.grey_estimate, 1.0)
        fine = [
            own.least - most.least,
            own.narrow - most.narrow,
            own.broad - most.broad,
            own.calm - most.calm,
            torch.log(squares + NO_ERROR) / 3 + 2.5,
            _asinh(from_estimate / self.floor),
            _asinh((grey - self.mean) / self.floor),
        ]
        common, noise, common_of_eight, common_of_quarters = self.wide
        squares_of_cells = smooth(pooled(squares, CELL_PX), 1.0)
        wide = [
            *(pooled(one, CELL_PX) for one in fine),
            common,
            noise,
            pooled(fine[0], CELL_PX, torch.maximum),
            own.four - most.four,
            own.eight - most.eight,
            common_of_eight,
            torch.log(squares_of_cells + NO_ERROR) / 3 + 2.5,
            *(one - greatest for one, greatest in zip(own.coarser, most.coarser, strict=True)),
            common_of_quarters,
        ]
        return PlaneCues(interleave([*fine, *self.fine]), torch.stack(wide, 1))


def _detail(grey: Tensor) -> Tensor:
    """Return the absolute Laplacian of grey planes (B, Y, X)."""
    return laplacian(grey[:, None])[:, 0].abs()


def _asinh(values: Tensor) -> Tensor:
    """Return the inverse hyperbolic sine, in an eighth of the time that torch takes."""
    return torch.log(values.abs() + torch.sqrt(values * values + 1)).copysign(values)


def _coarser(grey: Tensor, factor: int) -> Tensor:
    """Return the focus measure (B, Y / 4, X / 4) of grey planes reduced by a factor."""
    energy = smooth(_detail(pooled(grey, factor)), 1.0)
    if factor < CELL_PX:
        return pooled(energy, CELL_PX // factor)
    size = [length // CELL_PX for length in grey.shape[-2:]]
    return functional.interpolate(energy[:, None], size, mode="bilinear")[:, 0]
