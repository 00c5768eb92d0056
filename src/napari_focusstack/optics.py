"""The imaging model: point spread functions, image formation in linear light, sRGB coding.

Every function works on torch tensors, so that training, elimination and the reblur consistency
share one model on any device. Images are ``(..., Y, X)`` with the colour channels, if any, before
``Y``. Symbols and equation numbers are those of Liu et al. (AAAI 2024): ``f`` foreground, ``M``
foreground mask (here a soft alpha in 0..1), ``Mb = 1 - M``, ``b`` background, ``K`` point spread
function.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as functional

from napari_focusstack.convolution import convolve, convolve_separably
from napari_focusstack.errors import InputError
from napari_focusstack.pooling import mean_of_two, pooled

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

PsfShape = Literal["gaussian", "disk"]

#: A Gaussian PSF is cut where 4 sigma leave less than 1e-4 of its light outside.
GAUSSIAN_REACH = 4.0
#: Greatest sigma (px) that is convolved with: beyond it kernels are larger than planes.
MOST_SIGMA_PX = 100.0
#: From this sigma on an image is blurred at half its size, which is then faster, px.
WIDE_PX: dict[PsfShape, float] = {"gaussian": 5.0, "disk": 5.0}
#: Wide blurs are computed on halved images, up to this coarse; so much farther they reach, px.
GRID_PX, HALVING_PX = 16, 4
#: Below this sigma (px) a PSF is a unit impulse on the pixel grid.
IMPULSE_SIGMA_PX = 0.2


def srgb_to_linear(coded: Tensor) -> Tensor:
    """Decode sRGB values to linear light (IEC 61966-2-1).

    Parameters
    ----------
    coded : Tensor
        Any shape, 0..1.

    Returns
    -------
    Tensor
        Same shape, 0..1, proportional to the light that fell on the sensor.

    Examples
    --------
    >>> round(float(srgb_to_linear(torch.tensor(0.5))), 4)
    0.214
    """
    return torch.where(
        coded <= 0.04045, coded / 12.92, ((coded.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    )


def linear_to_srgb(linear: Tensor) -> Tensor:
    """Code linear light as sRGB, the inverse of :func:`srgb_to_linear`.

    Parameters
    ----------
    linear : Tensor
        Any shape, 0..1.

    Returns
    -------
    Tensor
        Same shape, 0..1.

    Examples
    --------
    >>> round(float(linear_to_srgb(torch.tensor(0.214))), 3)
    0.5
    """
    return torch.where(
        linear <= 0.0031308,
        linear * 12.92,
        1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055,
    )


def psf_radius(sigma_px: float, shape: PsfShape = "gaussian") -> int:
    """Return how many pixels beyond its centre a PSF reaches.

    Parameters
    ----------
    sigma_px : float
        Standard deviation along one axis, px.
    shape : {"gaussian", "disk"}
        A Gaussian is cut at 4 sigma; a disk of standard deviation sigma has the radius 2 sigma.

    Returns
    -------
    int
        Pixels; 0 for a unit impulse.

    Examples
    --------
    >>> psf_radius(2.0), psf_radius(2.0, "disk")
    (8, 5)
    """
    if sigma_px < IMPULSE_SIGMA_PX:
        return 0
    return math.ceil(GAUSSIAN_REACH * sigma_px if shape == "gaussian" else 2 * sigma_px + 0.5)


def gaussian_profile(sigma_px: Tensor, radius: int) -> Tensor:
    """Sample the Gaussian of Eq. 2 along one axis.

    Parameters
    ----------
    sigma_px : Tensor
        Shape (B,), px.
    radius : int
        Pixels on either side of the centre.

    Returns
    -------
    Tensor
        Shape (B, 2 radius + 1); each row sums to 1. The 2-D PSF is its outer product.
    """
    offset = torch.arange(-radius, radius + 1, device=sigma_px.device, dtype=sigma_px.dtype)
    profile = torch.exp(-0.5 * (offset / sigma_px.clamp(min=1e-3)[:, None]) ** 2)
    return profile / profile.sum(1, keepdim=True)


def disk_psf(sigma_px: Tensor, radius: int) -> Tensor:
    """Sample the uniform disk, the image of a point through a round aperture (Eq. 1).

    Parameters
    ----------
    sigma_px : Tensor
        Shape (B,), px: the standard deviation along one axis, half the radius of the disk, so that
        one number means the same blur for both shapes.
    radius : int
        Pixels on either side of the centre.

    Returns
    -------
    Tensor
        Shape (B, 2 radius + 1, 2 radius + 1), each summing to 1, the rim antialiased over a pixel.
    """
    offset = torch.arange(-radius, radius + 1, device=sigma_px.device, dtype=sigma_px.dtype)
    distance = torch.hypot(offset[:, None], offset[None, :])
    disk = (2 * sigma_px[:, None, None] + 0.5 - distance).clamp(0, 1)
    return disk / disk.sum((1, 2), keepdim=True)


def psf(sigma_px: float, shape: PsfShape = "gaussian") -> Tensor:
    """Return the point spread function as a kernel.

    Parameters
    ----------
    sigma_px : float
        Standard deviation along one axis, px, > 0.
    shape : {"gaussian", "disk"}
        The paper's Gaussian (Eq. 2), or the uniform disk of an ideal aperture (Eq. 1).

    Returns
    -------
    Tensor
        Shape (2 r + 1, 2 r + 1), float32, summing to 1.

    Raises
    ------
    InputError
        If sigma_px is not a number above 0 and at most 100.

    Examples
    --------
    >>> tuple(psf(2.0).shape), round(float(psf(2.0).sum()), 5)
    ((17, 17), 1.0)
    """
    sigma = torch.tensor([check_sigma(sigma_px)])
    radius = psf_radius(sigma_px, shape)
    if shape == "disk":
        return disk_psf(sigma, radius)[0]
    profile = gaussian_profile(sigma, radius)[0]
    return profile[:, None] * profile[None, :]


def check_sigma(sigma_px: float) -> float:
    """Return sigma_px as a float, or raise InputError unless it lies in 0..100 px and above 0."""
    try:
        usable = 0 < sigma_px <= MOST_SIGMA_PX
    except TypeError:
        usable = False
    if not usable:
        raise InputError(
            f"sigma_px is {sigma_px}; give the blur in pixels as a number above 0, at most "
            f"{MOST_SIGMA_PX:g}."
        )
    return float(sigma_px)


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


def halved(image: Tensor, of_two: Callable[[Tensor, Tensor], Tensor] = mean_of_two) -> Tensor:
    """Return images (..., Y, X) at half their size, and one pixel more on each side."""
    rows, columns = image.shape[-2:]
    sides = (2, 2 + columns % 2, 2, 2 + rows % 2)
    even = functional.pad(image.reshape(1, -1, rows, columns), sides, mode="replicate")
    half = pooled(even, 2, of_two)
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


def veil(
    layer: Tensor,
    alpha: Tensor,
    image: Tensor,
    sigma_px: float | Tensor,
    shape: PsfShape = "gaussian",
) -> Tensor:
    """Lay a defocused layer over an image: ``(layer . M) * K + (1 - M * K) . image`` (Eq. 4).

    Parameters
    ----------
    layer, image : Tensor
        Shape (..., C, Y, X), linear light. The layer's colour counts only where alpha > 0.
    alpha : Tensor
        Shape (..., 1, Y, X), 0..1, the coverage of the layer.
    sigma_px : float or Tensor
        Blur of the layer, px; 0 lays it on sharp. Shape (B,) for a batch.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Shape of image.
    """
    return over(blur(premultiply(layer, alpha), sigma_px, shape), image)


def premultiply(layer: Tensor, alpha: Tensor) -> Tensor:
    """Return ``layer . M`` with ``M`` as one more channel behind it, shape (..., C + 1, Y, X)."""
    return torch.cat([layer * alpha, alpha], -3)


def over(premultiplied: Tensor, image: Tensor) -> Tensor:
    """Lay a layer from :func:`premultiply`, blurred or not, over an image (..., C, Y, X)."""
    return premultiplied[..., :-1, :, :] + (1 - premultiplied[..., -1:, :, :]) * image


def near_focus(
    foreground: Tensor,
    alpha: Tensor,
    background: Tensor,
    sigma_background_px: float | Tensor,
    shape: PsfShape = "gaussian",
) -> Tensor:
    """Image the scene focused on the foreground: ``N = f.M + Mb.(b * K2)`` (Eq. 3, K1 = delta).

    Parameters
    ----------
    foreground, background : Tensor
        Shape (..., C, Y, X), linear light, 0..1; the background is whole, as if uncovered.
    alpha : Tensor
        Shape (..., 1, Y, X), 0..1.
    sigma_background_px : float or Tensor
        Sigma of K2, px.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Shape (..., C, Y, X), linear light.
    """
    return veil(foreground, alpha, blur(background, sigma_background_px, shape), 0.0)


def far_focus(
    foreground: Tensor,
    alpha: Tensor,
    background: Tensor,
    sigma_foreground_px: float | Tensor,
    shape: PsfShape = "gaussian",
) -> Tensor:
    """Image the scene focused on the background: ``F = (f.M) * K3 + (Mb * K3).b`` (Eq. 4).

    Parameters
    ----------
    foreground, background : Tensor
        Shape (..., C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (..., 1, Y, X), 0..1.
    sigma_foreground_px : float or Tensor
        Sigma of K3, px.
    shape : {"gaussian", "disk"}
        Shape of the PSF.

    Returns
    -------
    Tensor
        Shape (..., C, Y, X), linear light. The blurred foreground veils the background around it.
    """
    return veil(foreground, alpha, background, sigma_foreground_px, shape)
