"""Images at half their size, where wide blurs lose almost nothing and cost a quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as functional

from napari_focusstack.filters.pooling import mean2, pooled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

#: Grid on which blocks have to begin, px: then four halvings (2**4) give the same result in a block
#: as in the whole image. More are needed only beyond a sigma of about 48 px.
GRID_PX = 16
#: How much farther than its PSF a blur at half size reaches, px: halving and interpolation.
HALVING_PX = 4


def at_half_size(image: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply work to images (..., Y, X) at half their size; return the result at full size."""
    return doubled(work(halved(image)), image.shape[-2:])


def halved(image: Tensor, reduce: Callable[[Tensor, Tensor], Tensor] = mean2) -> Tensor:
    """Downsample images (..., Y, X) by two, with a border of one pixel more on each side."""
    rows, columns = image.shape[-2:]
    sides = (2, 2 + columns % 2, 2, 2 + rows % 2)
    padded = functional.pad(image.reshape(1, -1, rows, columns), sides, mode="replicate")
    half = pooled(padded, 2, reduce)
    return half.reshape(*image.shape[:-2], *half.shape[-2:])


def doubled(half: Tensor, size: tuple[int, ...]) -> Tensor:
    """Upsample the result of :func:`halved` to a size (rows, columns), bilinearly."""
    flat = half.reshape(1, -1, *half.shape[-2:])
    upsampled = functional.interpolate(flat, scale_factor=2, mode="bilinear")
    cropped = upsampled[..., 2 : 2 + size[0], 2 : 2 + size[1]]
    return cropped.reshape(*half.shape[:-2], *size)


def halved_sigma(sigma_px: Tensor) -> Tensor:
    """Return the remaining sigma at half size, in pixels of half the size.

    Halving and doubling blur too: their variances are 1/4 px^2 (mean of two pixels) and 3/4 px^2
    (bilinear interpolation). They are subtracted.
    """
    return (sigma_px.square() - 1).clamp(min=0).sqrt() / 2
