"""Convolution with a point spread function, in space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.convolution import convolve, convolve_separably
from napari_focusstack.filters.pooling import mean2, pooled
from napari_focusstack.imaging.kernels import PsfShape, disk_psf, gaussian_profile, psf_radius

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


#: From this sigma on an image is blurred at half its size, which is then faster, px.
WIDE_PX: dict[PsfShape, float] = {"gaussian": 5.0, "disk": 5.0}
#: Wide blurs are computed on halved images, up to this coarse; so much farther they reach, px.
GRID_PX, HALVING_PX = 16, 4


def blur(image: Tensor, sigma_px: float | Tensor, shape: PsfShape = "gaussian") -> Tensor:
    """Convolve with the point spread function, in space; the border pixels continue outside.

    Parameters
    ----------
    image : Tensor
        Shape (..., Y, X), float.
    sigma_px : float or Tensor
        Standard deviation of the PSF along one axis, px. A tensor of shape (B,) blurs each image of
        a batch (B, C, Y, X) by its own sigma.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Same shape.

    Examples
    --------
    >>> edge = (torch.arange(64) >= 32).float().expand(64, 64)
    >>> blurred = blur(edge, 3.0)
    >>> round(float(blurred[32, 31] + blurred[32, 32]), 4)
    1.0
    """
    batch = image.reshape(-1, *image.shape[-2:])
    sigma = torch.as_tensor(sigma_px, dtype=image.dtype, device=image.device).reshape(-1)
    if float(sigma.min()) >= WIDE_PX[shape]:
        return _wide(batch, sigma, shape).reshape(image.shape)
    if float(sigma.max()) >= WIDE_PX[shape]:
        each = zip(image, sigma.tolist(), strict=True)
        return torch.stack([blur(one, own, shape) for one, own in each])
    radius = psf_radius(float(sigma.max()), shape)
    if radius == 0:
        return image
    sigma = sigma.repeat_interleave(len(batch) // len(sigma))
    if shape == "disk":
        blurred = convolve(batch, disk_psf(sigma, radius))
    else:
        blurred = convolve_separably(batch, gaussian_profile(sigma, radius))
    return blurred.reshape(image.shape)


def _wide(batch: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur images (N, Y, X) by sigmas (1,) or (B,) at half their size: nothing finer is left."""
    half = halved(batch)
    small = blur(half.reshape(len(sigma_px), -1, *half.shape[-2:]), halved_sigma(sigma_px), shape)
    return doubled(small.reshape(half.shape), batch.shape[-2:])


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

    They blur by themselves, with variances of 1/4 (two pixels in one) and 3/4 px^2 (bilinear
    interpolation).
    """
    return (sigma_px.square() - 1).clamp(min=0).sqrt() / 2
