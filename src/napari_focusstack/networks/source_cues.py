"""What tells, at full size, how well each plane shows a pixel: focus measures and differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.filters.convolution import convolve_separably
from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.filters.pooling import box3, pooled
from napari_focusstack.networks.cell_unet import CELL_PX

if TYPE_CHECKING:
    from torch import Tensor

#: Least noise that counts as such, mean absolute Laplacian: a quarter of rounding to 8 bits.
LEAST_NOISE = 0.001
#: Mean absolute Laplacian of white noise of standard deviation 1.
NOISE_GAIN = math.sqrt(20 * 2 / math.pi)
#: Squared error that is as good as none: half a step of 8 bits.
NO_ERROR = (0.5 / 255) ** 2
#: Side of the blocks in which noise is looked for, px.
BLOCK_PX = 8
#: Noise (mean absolute Laplacian) that a Gaussian of 1 px leaves.
SMOOTHED_NOISE = 0.075
#: Factors by which planes are reduced to look at coarser detail.
COARSER = (2, 4, 8)
#: Channels of :class:`SourceCues`.
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


def noise_level(planes: Tensor) -> Tensor:
    """Estimate the noise of stacks where they show least.

    Parameters
    ----------
    planes : Tensor
        Shape (B, P, C, Y, X), coded for display, 0..1; the whole stacks, not tiles of them.

    Returns
    -------
    Tensor
        Shape (B,): mean absolute Laplacian of the grey values that noise alone has.
    """
    return planes.new_tensor([stack_noise([plane_noise(p) for p in stack]) for stack in planes])


def stack_noise(of_planes: list[float]) -> float:
    """Return the noise of a stack from that of its planes."""
    return max(float(np.quantile(of_planes, 0.25)), LEAST_NOISE)


def plane_noise(plane: Tensor) -> float:
    """Estimate the noise of a plane (C, Y, X), coded for display, where it shows least."""
    grey = plane.mean(0)[None, None]
    energy = functional.avg_pool2d(laplacian(grey).abs(), BLOCK_PX).flatten()
    level = functional.avg_pool2d(grey, BLOCK_PX).flatten()
    if not len(energy):
        return 0.0
    exposed = energy[(level > 0.04) & (level < 0.96)]
    usable = exposed if len(exposed) * 10 > len(energy) else energy
    return float(torch.quantile(usable[:: 1 + len(usable) // 100_000], 0.1))


@dataclass(frozen=True)
class SourceCues:
    """The cues of all planes of a stack.

    Parameters
    ----------
    fine : Tensor
        Shape (B, P, 9, Y, X): log of the focus measure over 3 px, over 1 px and over 2 px
        (standard deviation of a Gaussian) relative to the greatest of all planes; the same of
        planes smoothed by 1 px, in which noise is a tenth; log of the
        squared difference from a first estimate of the picture; the signed difference from it and
        from the mean of all planes, in units of the noise; log of the greatest focus measure
        relative to the noise; log of the noise.
    wide : Tensor
        Shape (B, P, 18, Y / 4, X / 4): means of the fine cues in cells, the greatest of the
        first, focus measures over 4 and 8 px relative to the greatest, the greatest of the
        latter relative to the noise, log of the squared difference over 4 px; focus measures of
        planes of half, a quarter and an eighth of the size relative to the greatest, and the
        greatest of the second relative to the noise.
    """

    fine: Tensor
    wide: Tensor

    @classmethod
    def of(cls, planes: Tensor, noise: Tensor) -> SourceCues:
        """Read the cues of stacks.

        Parameters
        ----------
        planes : Tensor
            Shape (B, P, C, Y, X), coded for display, 0..1; sides are multiples of 8.
        noise : Tensor
            Shape (B,), see :func:`noise_level`.
        """
        grey = planes.mean(2)
        floor = noise[:, None, None, None]
        energy = laplacian(grey).abs()
        least, narrow, broad = box3(energy), smooth(energy, 1.0), smooth(energy, 2.0)
        calm = smooth(laplacian(smooth(grey, 1.0)).abs(), 1.0)
        estimate = first_estimate(planes, broad, floor)
        squares = smooth((planes - estimate[:, None]).square().mean(2), 1.0)
        from_estimate = smooth(grey - estimate.mean(1)[:, None], 1.0)
        from_mean = grey - grey.mean(1, keepdim=True)
        common = torch.log((narrow.amax(1, keepdim=True) + floor) / floor)
        fine = torch.stack(
            [
                below_greatest(least, floor),
                below_greatest(narrow, floor),
                below_greatest(broad, floor),
                below_greatest(calm, SMOOTHED_NOISE * floor),
                torch.log(squares + NO_ERROR) / 3 + 2.5,
                torch.asinh(from_estimate / floor),
                torch.asinh(from_mean / floor),
                (common - 1).expand_as(grey),
                (torch.log(floor) / 2 + 2).expand_as(grey),
            ],
            2,
        )
        cells = pooled(energy, CELL_PX)
        four, eight = smooth(cells, 1.0), smooth(cells, 2.0)
        least_cells = pooled(fine[:, :, 0], CELL_PX, torch.maximum)
        coarser = [_coarser(grey, factor) for factor in COARSER]
        coarse_squares = smooth(pooled(squares, CELL_PX), 1.0)
        wide = torch.cat(
            [
                pooled(fine, CELL_PX),
                torch.stack(
                    [
                        least_cells,
                        below_greatest(four, floor),
                        below_greatest(eight, floor),
                        (torch.log((eight.amax(1, keepdim=True) + floor) / floor) - 1).expand_as(
                            cells
                        ),
                        torch.log(coarse_squares + NO_ERROR) / 3 + 2.5,
                        *(
                            below_greatest(one, floor / factor)
                            for one, factor in zip(coarser, COARSER, strict=True)
                        ),
                        (
                            torch.log(1 + coarser[1].amax(1, keepdim=True) * COARSER[1] / floor) - 1
                        ).expand_as(cells),
                    ],
                    2,
                ),
            ],
            2,
        )
        return cls(fine, wide)


def _coarser(grey: Tensor, factor: int) -> Tensor:
    """Return the focus measure (B, P, Y / 4, X / 4) of grey planes reduced by a factor."""
    energy = smooth(laplacian(pooled(grey, factor)).abs(), 1.0)
    if factor < CELL_PX:
        return pooled(energy, CELL_PX // factor)
    size = [length // CELL_PX for length in grey.shape[-2:]]
    return functional.interpolate(energy, size, mode="bilinear")


def below_greatest(energy: Tensor, floor: Tensor) -> Tensor:
    """Return log of focus measures (B, P, Y, X) relative to the greatest of all planes."""
    return torch.log((energy + floor / 2) / (energy.amax(1, keepdim=True) + floor / 2))


def first_estimate(planes: Tensor, energy: Tensor, floor: Tensor) -> Tensor:
    """Return the mean of the planes (B, C, Y, X), weighted by a high power of focus measures."""
    weights = ((energy + floor / 4) / (energy.amax(1, keepdim=True) + floor / 4)).square().square()
    return (planes * weights[:, :, None]).sum(1) / weights.sum(1)[:, None]
