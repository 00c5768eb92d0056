"""Point spread functions as kernels: Gaussian (Eq. 2) and disk (Eq. 1)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.psf_shapes import PsfShape

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


#: Radius at which a Gaussian PSF is cut, in sigma. Convention: about 1e-4 of the light lies beyond.
GAUSSIAN_REACH = 4.0
#: Greatest sigma that is accepted, px. Convention: beyond it kernels exceed usual planes.
MAX_SIGMA_PX = 100.0
#: Below this sigma, px, a PSF is a unit impulse on the pixel grid. Convention.
IMPULSE_SIGMA_PX = 0.2


def psf_radius(sigma_px: float, shape: PsfShape = "gaussian") -> int:
    """Return how far a PSF reaches from its centre, px.

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
    return math.ceil(KERNELS[shape].reach_px(sigma_px))


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
        Shape (B,), px: the standard deviation along one axis, which is half the radius of the disk.
        So one number means the same blur for both shapes.
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


@dataclass(frozen=True)
class Kernel:
    """A shape of the PSF.

    Parameters
    ----------
    reach_px : callable
        ``reach_px(sigma_px)``: distance from the centre beyond which the kernel is 0, px.
    sample : callable
        ``sample(sigma_px, radius)``: the kernels of each sigma (B,), px, up to radius pixels from
        the centre, shape (B, 2 radius + 1, 2 radius + 1); or their profiles (B, 2 radius + 1).
    is_separable : bool
        Whether the kernel is the outer product of a profile. Then ``sample`` returns the profile.
    """

    reach_px: Callable[[float], float]
    sample: Callable[[Tensor, int], Tensor]
    is_separable: bool = False


#: All shapes of the PSF. Sigma is the standard deviation along one axis for each of them.
KERNELS: dict[PsfShape, Kernel] = {
    "gaussian": Kernel(lambda sigma_px: GAUSSIAN_REACH * sigma_px, gaussian_profile, True),
    "disk": Kernel(lambda sigma_px: 2 * sigma_px + 0.5, disk_psf),
}


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
    sampled = KERNELS[shape].sample(sigma, radius)[0]
    return sampled[:, None] * sampled[None, :] if KERNELS[shape].is_separable else sampled


def check_sigma(sigma_px: float) -> float:
    """Return sigma_px as a float; InputError unless it is above 0 and at most 100 px."""
    try:
        usable = 0 < sigma_px <= MAX_SIGMA_PX
    except TypeError:
        usable = False
    if not usable:
        raise InputError(
            f"sigma_px is {sigma_px}; give the blur in pixels as a number above 0, at most "
            f"{MAX_SIGMA_PX:g}."
        )
    return float(sigma_px)
