"""Images at half their size, where wide blurs lose nothing and cost a quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as functional

from napari_focusstack.filters.pooling import mean2, pooled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

#: Wide blurs are computed on images that were halved up to this coarse; they reach so much farther
#: than their PSF, px.
GRID_PX, HALVING_PX = 16, 4


def at_half_size(image: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Return what work makes of images (..., Y, X) at half their size, at full size again."""
    return doubled(work(halved(image)), image.shape[-2:])


def halved(image: Tensor, reduce: Callable[[Tensor, Tensor], Tensor] = mean2) -> Tensor:
    """Return images (..., Y, X) at half their size, and one pixel more on each side."""
    rows, columns = image.shape[-2:]
    sides = (2, 2 + columns % 2, 2, 2 + rows % 2)
    even = functional.pad(image.reshape(1, -1, rows, columns), sides, mode="replicate")
    half = pooled(even, 2, reduce)
    return half.reshape(*image.shape[:-2], *half.shape[-2:])


def doubled(half: Tensor, size: tuple[int, ...]) -> Tensor:
    """Undo :func:`halved`, of images of a size."""
    flat = half.reshape(1, -1, *half.shape[-2:])
    whole = functional.interpolate(flat, scale_factor=2, mode="bilinear")
    cut = whole[..., 2 : 2 + size[0], 2 : 2 + size[1]]
    return cut.reshape(*half.shape[:-2], *size)


def halved_sigma(sigma_px: Tensor) -> Tensor:
    """Return the sigma, in pixels of half the size, that halving and doubling leave to be done.

    Both blur, with variances of 1/4 px^2 (two pixels in one) and 3/4 px^2 (bilinear interpolation).
    """
    return (sigma_px.square() - 1).clamp(min=0).sqrt() / 2
