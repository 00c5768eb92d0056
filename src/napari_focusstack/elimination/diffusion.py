"""Diffusion elimination: remove the light of the blurred foreground from the background around it.

In the far plane the defocused foreground spreads over the background (Eq. 4),

    F = (f.M) * K3 + (Mb * K3).b,

so around every foreground edge, in the *transition region*, no source pixel is right. Outside it
every output pixel is a source pixel. All functions work on linear light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from napari_focusstack.elimination.back_projection import (
    MIN_TRANSMITTANCE,
    back_project,
    back_projection_reach_px,
    premultiplied_foreground,
)
from napari_focusstack.imaging.half_size import GRID_PX
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.psf import gather_blur
from napari_focusstack.imaging.varying_blur import is_per_pixel
from napari_focusstack.runtime.region import align, full, pad, to_local

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.breathing import Origin
    from napari_focusstack.imaging.psf import DistanceSteps, Psf
    from napari_focusstack.runtime.region import Region


EliminationMethod = Literal["unmix", "subtract", "none"]
METHODS: tuple[EliminationMethod, ...] = ("unmix", "subtract", "none")
#: The transition region ends where the blurred foreground covers less than this share of a pixel
#: (convention: half a grey level of 8 bits at full contrast).
PSF_TAIL = 0.002
#: Origin of a piece that is the whole image, or whose position does not matter.
CENTRED: list[Origin] = [(0.0, 0.0)]


class Unmixed(NamedTuple):
    """What :func:`unmix` recovers, and what speaks for it.

    Parameters
    ----------
    light : Tensor
        R, (n, C, Y, X), linear light.
    evidence : Tensor
        Shape (n, 6, Y, X): transmittance ``Mb * K3`` of the far plane, alpha, sigma of the
        foreground's blur there in px, the residuals of
        :func:`~napari_focusstack.elimination.back_projection.back_project` (0 without K2), and the
        far plane's light, mean of its channels.
    """

    light: Tensor
    evidence: Tensor


def transition_region(alpha: Tensor, spread: Tensor) -> Tensor:
    """Return where no source pixel is right.

    Parameters
    ----------
    alpha : Tensor
        Foreground alpha M, (..., 1, Y, X), 0..1.
    spread : Tensor
        The blurred mask ``M * K3``, same shape.

    Returns
    -------
    Tensor
        Bool, same shape: alpha strictly between 0 and 1, or background that the blurred foreground
        covers by more than :data:`PSF_TAIL`.
    """
    return (alpha < 1) & ((alpha > 0) | (spread > PSF_TAIL))


def subtract(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    distance_steps: DistanceSteps = 1.0,
) -> Tensor:
    """Remove the diffusion component as the paper does (Eqs. 8 and 13-15).

    ``R = R_init - S`` with ``S = Mb.[((f - bh).M) * K3]`` and ``bh = ((b.Mb) * K3) / (Mb * K3)``.
    The fraction is multiplied by M as in Eqs. 8 and 13; Eq. 14 as printed lacks this factor. f is
    read from the near plane, b from the far plane.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3.
    origins : list of (float, float)
        Position of each piece in the image, px. It matters only if the foreground breathes.
    distance_steps : float or Tensor
        Distance of the foreground in front of the far plane, plane steps.

    Returns
    -------
    Tensor
        R, (n, C, Y, X).
    """
    blurred = gather_blur(premultiply(far, 1 - alpha), psf.sigma_px, psf.shape, distance_steps)
    # Deep inside the mask no background is visible: Mb * K3 is below the noise of float32.
    hidden = blurred[:, :-1] / blurred[:, -1:].clamp(min=1e-4)
    diffusion = (1 - alpha) * psf.scatter_blur(
        premultiply(near - hidden, alpha), origins, distance_steps
    )[:, :-1]
    return initial_fusion(near, far, alpha) - diffusion


def initial_fusion(near: Tensor, far: Tensor, alpha: Tensor) -> Tensor:
    """Return ``R_init = M.N + Mb.F`` (Eq. 9), shape (..., C, Y, X)."""
    return alpha * near + (1 - alpha) * far


def solve_background(
    far: Tensor,
    foreground: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    distance_steps: DistanceSteps = 1.0,
) -> tuple[Tensor, Tensor]:
    """Solve Eq. 4 for the background: ``b = (F - (f.M) * K3) / max(Mb * K3, 0.1)``.

    Parameters
    ----------
    far : Tensor
        Far plane, (n, C, Y, X), linear light.
    foreground : Tensor
        ``f.M``, the premultiplied foreground, same shape.
    alpha : Tensor
        M, (n, 1, Y, X), 0..1.
    psf : Psf
        K3.
    origins, distance_steps
        See :func:`subtract`.

    Returns
    -------
    background : Tensor
        b, (n, C, Y, X), 0..1. It is well conditioned just outside a straight edge, where
        ``Mb * K3 >= 1/2``.
    transmittance : Tensor
        ``Mb * K3``, (n, 1, Y, X): the share of the background that reaches the far plane.
    """
    spread = psf.scatter_blur(torch.cat([foreground, alpha], 1), origins, distance_steps)
    transmittance = 1 - spread[:, -1:]
    return ((far - spread[:, :-1]) / transmittance.clamp(min=MIN_TRANSMITTANCE)).clamp(
        0, 1
    ), transmittance


def unmix(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    distance_steps: DistanceSteps = 1.0,
    foreground: Tensor | None = None,
    crop: Region | None = None,
) -> Unmixed:
    """Return the sharp foreground over the recovered background, ``R = f.M + Mb.b``.

    Where alpha lies between 0 and 1 the near plane mixes the foreground with blurred background,
    ``N = f.M + Mb.(b * K2)`` (Eq. 3). So Eq. 4 is solved twice: with ``f.M = M.N`` first, then with
    the premultiplied foreground of Eq. 3, in which the first b stands for the background. In a
    stack the foreground lies at many distances, and the premultiplied foreground is given, see
    :func:`~napari_focusstack.elimination.alpha_matting.estimate_premultiplied`.

    If K2 is known, b is then corrected by the near plane, see
    :func:`~napari_focusstack.elimination.back_projection.back_project`. That reduces the rims that
    a wrong mask or sigma leaves.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3, and K2 where it is known. If it is not, K3 takes its place in the first background, and
        back-projection is left out.
    origins, distance_steps
        See :func:`subtract`.
    foreground : Tensor, optional
        ``f.M``, the premultiplied foreground, (n, C, Y, X), if it is known.
    crop : tuple of slice, optional
        Rows and columns to return. The others are margins from which light reaches them.

    Returns
    -------
    Unmixed
        Of the crop.
    """
    size = (near.shape[-2], near.shape[-1])
    crop = crop or full(size)
    if foreground is None:
        first, transmittance = solve_background(
            far, near * alpha, alpha, psf, origins, distance_steps
        )
        foreground = premultiplied_foreground(
            near, first, transmittance, alpha, psf, distance_steps
        )
    background, transmittance = solve_background(
        far, foreground, alpha, psf, origins, distance_steps
    )
    around = align(pad(crop, back_projection_reach_px(psf, distance_steps), size), GRID_PX)
    near, far, foreground, alpha, background, transmittance = (
        image[..., *around] for image in (near, far, foreground, alpha, background, transmittance)
    )
    distance_steps = (
        distance_steps[..., *around] if is_per_pixel(distance_steps) else distance_steps
    )
    residuals = torch.zeros_like(alpha).repeat(1, 2, 1, 1)
    if psf.sigma_background_px is not None:
        background, residuals = back_project(
            near - foreground, far, background, transmittance, alpha, psf, distance_steps
        )
    blur_px = torch.as_tensor(distance_steps * psf.sigma_px).to(alpha).expand_as(alpha)
    grey = far.mean(1, keepdim=True)
    evidence = torch.cat([transmittance, alpha, blur_px, residuals, grey], 1)
    image = foreground + (1 - alpha) * background
    inner = to_local(crop, around)
    return Unmixed(image[..., *inner], evidence[..., *inner])
