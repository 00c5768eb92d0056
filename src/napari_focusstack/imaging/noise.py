"""How much noise planes have, from where they show least."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.filters.laplacian import laplacian

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

#: Least noise that counts as such, mean absolute Laplacian: a quarter of rounding to 8 bits.
LEAST_NOISE = 0.001
#: Mean absolute Laplacian of white noise of standard deviation 1.
NOISE_GAIN = math.sqrt(20 * 2 / math.pi)
#: Side of the blocks in which noise is looked for, px.
BLOCK_PX = 8


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
    return noise_of_bands([(grey, laplacian(grey).abs())])


def noise_of_bands(bands: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Estimate the noise of a plane from grey and absolute Laplacian, (1, 1, rows, X), of bands.

    Bands but the last have a multiple of :data:`BLOCK_PX` rows.
    """
    blocks = [[functional.avg_pool2d(each, BLOCK_PX).flatten() for each in band] for band in bands]
    level, energy = (torch.cat(of_bands) for of_bands in zip(*blocks, strict=True))
    if not len(energy):
        return 0.0
    exposed = energy[(level > 0.04) & (level < 0.96)]
    usable = exposed if len(exposed) * 10 > len(energy) else energy
    return float(torch.quantile(usable[:: 1 + len(usable) // 100_000], 0.1))
