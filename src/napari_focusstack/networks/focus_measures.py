"""Focus measures of planes, pixel by pixel and in cells: mean absolute Laplacians."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.logarithm import log
from napari_focusstack.filters.pooling import box3, doubled, pooled
from napari_focusstack.networks.cell_unet import CELL_PX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    Measures = TypeVar("Measures", "FinestMeasures", "FocusMeasures", "WideMeasures")

#: Noise (mean absolute Laplacian) that a Gaussian of 1 px leaves.
SMOOTHED_NOISE = 0.075
#: Factors by which planes are reduced to look at coarser detail.
COARSER = (2, 4, 8)


class FinestMeasures(NamedTuple):
    """Focus measures of one plane at full size, or the greatest of all planes.

    Parameters
    ----------
    least : Tensor
        Shape (B, Y, X): mean absolute Laplacian over 3 px.
    narrow, broad : Tensor
        Shape (B, Y / 2, X / 2): the same by Gaussians of 1 and 2 px.
    """

    least: Tensor
    narrow: Tensor
    broad: Tensor

    @classmethod
    def of(cls, grey: Tensor) -> FinestMeasures:
        """Measure a grey plane (B, Y, X)."""
        energy = _detail(grey)
        cells = pooled(energy, 2)
        return cls(box3(energy[:, None])[:, 0], smooth(cells, 0.5), smooth(cells, 1.0))

    def log(self, floor: Tensor) -> FinestMeasures:
        """Return the logs of the measures, bounded where noise (B, 1, 1) alone is to be seen."""
        return FinestMeasures(*(log(one + floor / 2) for one in self))


class FocusMeasures(NamedTuple):
    """Focus measures of one plane (B, Y, X), or the greatest of all planes.

    Parameters
    ----------
    least, narrow, broad : Tensor
        Mean absolute Laplacian over 3 px, and by Gaussians of 1 and 2 px.
    calm : Tensor
        The same by a Gaussian of 1 px, of the plane smoothed by such a Gaussian.
    """

    least: Tensor
    narrow: Tensor
    broad: Tensor
    calm: Tensor

    @classmethod
    def of(cls, grey: Tensor) -> FocusMeasures:
        """Measure a grey plane (B, Y, X)."""
        energy = _detail(grey)
        return cls(
            box3(energy[:, None])[:, 0],
            smooth(energy, 1.0),
            smooth(energy, 2.0),
            smooth(_detail(smooth(grey, 1.0)), 1.0),
        )

    def log(self, floor: Tensor) -> FocusMeasures:
        """Return the logs of the measures, bounded where noise (B, 1, 1) alone is to be seen."""
        floors = (floor, floor, floor, SMOOTHED_NOISE * floor)
        logs = (log(one + least / 2) for one, least in zip(self, floors, strict=True))
        return FocusMeasures(*logs)


class WideMeasures(NamedTuple):
    """Focus measures of cells (B, Y / 4, X / 4) of one plane, or the greatest of all planes.

    Parameters
    ----------
    four, eight : Tensor
        Mean absolute Laplacian by Gaussians of 4 and 8 px.
    half, quarter, eighth : Tensor
        Focus measure of the plane reduced by each of :data:`COARSER`.
    """

    four: Tensor
    eight: Tensor
    half: Tensor
    quarter: Tensor
    eighth: Tensor

    @classmethod
    def of(cls, grey: Tensor) -> WideMeasures:
        """Measure a grey plane (B, Y, X)."""
        cells = pooled(_detail(grey), CELL_PX)
        coarser = (_coarser(grey, factor) for factor in COARSER)
        return cls(smooth(cells, 1.0), smooth(cells, 2.0), *coarser)

    def log(self, floor: Tensor) -> WideMeasures:
        """Return the logs of the measures, bounded where noise (B, 1, 1) alone is to be seen."""
        shares = (0.5, 0.5, *(0.5 / factor for factor in COARSER))
        logs = (log(one + share * floor) for one, share in zip(self, shares, strict=True))
        return WideMeasures(*logs)


def greatest_of(measures: Iterable[Measures]) -> Measures:
    """Return the greatest of the measures of several planes, in each pixel."""

    def greater(one: Measures, other: Measures) -> Measures:
        return type(one)(*(torch.maximum(a, b) for a, b in zip(one, other, strict=True)))

    return reduce(greater, measures)


def gathered(
    measured: Iterator[tuple[Measures, *tuple[Tensor, ...]]],
) -> tuple[Measures, list[Tensor]]:
    """Return the greatest measures of planes, and the sums of what comes with them.

    Parameters
    ----------
    measured : iterator of tuple
        Of each plane its measures and any tensors, to the first of which the others are added.

    Raises
    ------
    ValueError
        If there are no planes.
    """
    first = next(measured, None)
    if first is None:
        raise ValueError("there are no planes")
    greatest, *sums = first
    for measures, *addends in measured:
        greatest = greatest_of([greatest, measures])
        for total, addend in zip(sums, addends, strict=True):
            total += addend
    return greatest, sums


def _detail(grey: Tensor) -> Tensor:
    """Return the absolute Laplacian of grey planes (B, Y, X)."""
    return laplacian(grey[:, None])[:, 0].abs()


def _coarser(grey: Tensor, factor: int) -> Tensor:
    """Return the focus measure (B, Y / 4, X / 4) of grey planes reduced by a factor."""
    energy = smooth(_detail(pooled(grey, factor)), 1.0)
    if factor <= CELL_PX:
        return pooled(energy, CELL_PX // factor)
    return doubled(energy)  # of twice the cells' side
