"""Seams: edges of a picture that no plane has, and how planes are blended over them.

Where nothing is to be seen, many planes are as good as each other, and planes of different
brightness may meet in a visible line. There planes are blended, each detail over its own size.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.convolution import convolve_separably
from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.filters.pooling import doubled, max_filter, pooled
from napari_focusstack.runtime.threads import map_planes

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.networks.coarse_cues import Planes

#: Levels of the pyramid by which planes are blended (convention: the widest spans 16 px).
LEVELS = 4
#: Blocks of pixels that the coarsest level averages, px: tiles begin at multiples of it.
GRID_PX = 2**LEVELS
#: How far from a seam planes are blended, px. Convention.
REACH_PX = 8
#: Least weight of the blend that changes a pixel: half a grey level at full contrast.
LEAST_SHARE = 1 / 512


def seam_share(picture: Tensor, planes: Planes, visible: float) -> Tensor:
    """Find steps of a picture that no plane has nearby.

    Parameters
    ----------
    picture : Tensor
        Shape (C, Y, X), coded for display, 0..1.
    planes : Planes
        Shape (C, Y, X) each, coded for display, 0..1.
    visible : float
        Steps of display values, beyond those of any plane within 3 x 3 px, from which on they are
        seams.

    Returns
    -------
    Tensor
        Shape (Y, X), 0..1: weight of the blend. It is 1 about a step of twice ``visible``, and
        falls to 0 within ``2 * REACH_PX``.

    Examples
    --------
    >>> bright, dark = torch.full((1, 64, 64), 0.6), torch.full((1, 64, 64), 0.5)
    >>> picture = torch.cat([bright[..., :32], dark[..., 32:]], -1)
    >>> share = seam_share(picture, torch.stack([bright, dark]), 0.02)
    >>> float(share[32, 0]), round(float(share[32, 31]), 2)
    (0.0, 0.98)
    """
    steps = map_planes(lambda number: _steps(planes[number]), range(len(planes)), picture.device)
    greatest = reduce(torch.maximum, steps)
    most = max_filter(greatest)
    excess = _steps(picture) - most
    found = (excess / visible - 1).clamp(0, 1)
    if not found.any():
        return found
    wide = max_filter(found, 2 * REACH_PX + 1)
    share = smooth(wide, REACH_PX / 2)
    return torch.where(share > LEAST_SHARE, share, 0.0)


def _steps(image: Tensor) -> Tensor:
    """Return the greatest difference (Y, X) of any channel (C, Y, X) to the four neighbours."""
    down = reduce(torch.maximum, ((channel[1:] - channel[:-1]).abs_() for channel in image))
    right = reduce(torch.maximum, ((channel[:, 1:] - channel[:, :-1]).abs_() for channel in image))
    steps = functional.pad(down, (0, 0, 0, 1))
    torch.maximum(steps[1:], down, out=steps[1:])
    for half in (steps[:, :-1], steps[:, 1:]):
        torch.maximum(half, right, out=half)
    return steps


def multiband(planes: Planes, weights: Tensor) -> Tensor:
    """Blend planes, each detail over its own size (Burt and Adelson 1983).

    Parameters
    ----------
    planes : Planes
        Shape (C, Y, X) each, any values.
    weights : Tensor
        Shape (P, Y, X); they sum to 1 in each pixel.

    Returns
    -------
    Tensor
        Shape (C, Y, X).

    Examples
    --------
    >>> planes = torch.rand(2, 1, 32, 32)
    >>> one = torch.stack([torch.ones(32, 32), torch.zeros(32, 32)])
    >>> torch.allclose(multiband(planes, one), planes[0], atol=1e-6)
    True
    """
    height, width = weights.shape[-2:]
    margins = (0, -width % GRID_PX, 0, -height % GRID_PX)

    def weigh(number: int) -> list[Tensor]:
        plane, weight = (
            functional.pad(each[None], margins, mode="replicate")[0]
            for each in (planes[number], weights[number, None])
        )
        return _weighted_bands(plane, weight)

    weighted = map_planes(weigh, range(len(planes)), weights.device)
    bands = next(weighted)
    for more in weighted:
        for band, addend in zip(bands, more, strict=True):
            band += addend
    total = bands.pop()
    while bands:
        total = bands.pop() + doubled(total)
    return total[..., :height, :width]


def _weighted_bands(plane: Tensor, weight: Tensor) -> list[Tensor]:
    """Return the details of a plane (C, Y, X) by size, the finest first, times its weight."""
    bands = []
    for _ in range(LEVELS):
        coarse = _halved(plane)
        bands.append((plane - doubled(coarse)).mul_(weight))
        plane, weight = coarse, _halved(weight)
    return [*bands, plane * weight]


def _halved(image: Tensor) -> Tensor:
    """Return an image (C, Y, X) at half the size, after a binomial blur of (1, 3, 3, 1) / 8."""
    profile = image.new_tensor([1.0, 2.0, 1.0]) / 4
    return pooled(convolve_separably(image, profile.expand(len(image), -1)), 2)
