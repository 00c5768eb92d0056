"""The cues of each plane that need it at full size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.logarithm import asinh
from napari_focusstack.filters.pooling import doubled, pooled
from napari_focusstack.networks.coarse_cues import log_of_squares, weight_of
from napari_focusstack.networks.focus_measures import FinestMeasures, gathered
from napari_focusstack.runtime.threads import map_planes

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.networks.coarse_cues import Planes

#: Channels of the cues of a plane, at half the size.
FINEST_CUES = 11


class FinestCues:
    """What the planes show together at full size, by which the cues of each are read.

    Parameters
    ----------
    planes : Planes
        Shape (B, C, Y, X) each, coded for display, 0..1; sides are even.
    noise : Tensor
        Shape (B,), see :func:`~napari_focusstack.imaging.noise.noise_level`.

    Examples
    --------
    >>> import torch
    >>> cues = FinestCues(torch.rand(5, 1, 3, 16, 24), torch.tensor([0.005]))
    >>> len(cues.of(2)), cues.of(2)[0].shape
    (11, torch.Size([1, 8, 12]))
    """

    def __init__(self, planes: Planes, noise: Tensor) -> None:
        self.planes = planes
        self.floor = noise[:, None, None]
        measured = map_planes(self._measure, range(len(planes)), noise.device)
        greatest, (weights, weighted) = gathered(measured)
        self.estimate = weighted.div_(weights)
        self.grey_estimate = self.estimate.mean(1)
        self.greatest = greatest.log(self.floor)

    def _measure(self, number: int) -> tuple[FinestMeasures, Tensor, Tensor]:
        """Return focus measures of a plane, its weight and its weighted light."""
        plane = self.planes[number]
        measures = FinestMeasures.of(plane.mean(1))
        weight = doubled(weight_of(measures.broad, self.floor))[:, None]
        return measures, weight, plane * weight

    def of(self, number: int) -> list[Tensor]:
        """Return the finest cues of a plane, counted from 0.

        Returns
        -------
        list of Tensor
            Shape (B, Y / 2, X / 2): of each of four pixels, log of the focus measure over 3 px
            relative to the greatest of all planes; of each, the signed difference from a first
            estimate of the picture, in units of the noise; log of the focus measures over 1 px and
            2 px relative to the greatest; log of the squared difference from the estimate.
        """
        plane = self.planes[number]
        grey = plane.mean(1)
        logs = zip(FinestMeasures.of(grey).log(self.floor), self.greatest, strict=True)
        least, narrow, broad = (one - most for one, most in logs)
        difference = asinh((grey - self.grey_estimate) / self.floor)
        squares = smooth(pooled((plane - self.estimate).square().mean(1), 2), 0.5)
        return [
            *_quarters(least),
            *_quarters(difference),
            narrow,
            broad,
            log_of_squares(squares),
        ]


def _quarters(image: Tensor) -> list[Tensor]:
    """Return the first, second, third and fourth of each 2 x 2 pixels (B, Y / 2, X / 2)."""
    return [image[..., row::2, column::2] for row in (0, 1) for column in (0, 1)]
