"""Diffusion elimination: remove the veil of the blurred foreground from the background around it.

In the far plane the defocused foreground spreads over the background (Eq. 4),

    F = (f.M) * K + (Mb * K).b,

so around every foreground edge, in the *transition region*, no choice of source pixels is right.
Outside it every output pixel is a source pixel. All functions work on linear light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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
#: The transition region ends where the blurred foreground covers less than this share of a pixel:
#: half a grey level of 8 bits at full contrast.
PSF_TAIL = 0.002
#: Where a single piece lies that is the whole image, or whose place is of no account.
CENTRED: list[Origin] = [(0.0, 0.0)]


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
        still covers by more than :data:`PSF_TAIL`.
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

    ``R = R_init - S`` with ``S = Mb.[((f - bh).M) * K]`` and ``bh = ((b.Mb) * K) / (Mb * K)``. The
    fraction is multiplied by M as Eqs. 8 and 13 say; Eq. 14 as printed leaves that out. f is read
    from the near plane, b from the far plane.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3.
    origins : list of (float, float)
        Where each piece lies in the image; of no account where nothing breathes.
    distance_steps : float or Tensor
        How far the foreground lies before the far plane, in plane steps.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
    """
    behind = gather_blur(premultiply(far, 1 - alpha), psf.sigma_px, psf.shape, distance_steps)
    # Deep inside the mask nothing of the background is seen: its share is below float32 noise.
    hidden = behind[:, :-1] / behind[:, -1:].clamp(min=1e-4)
    diffusion = (1 - alpha) * psf.scatter_blur(
        premultiply(near - hidden, alpha), origins, distance_steps
    )[:, :-1]
    return initial_fusion(near, far, alpha) - diffusion


def initial_fusion(near: Tensor, far: Tensor, alpha: Tensor) -> Tensor:
    """Return ``M.N + Mb.F`` (Eq. 9), shape (..., C, Y, X)."""
    return alpha * near + (1 - alpha) * far


def solve_background(
    far: Tensor,
    foreground: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    distance_steps: DistanceSteps = 1.0,
) -> tuple[Tensor, Tensor]:
    """Solve Eq. 4 for the background: ``b = (F - (f.M) * K) / max(Mb * K, floor)``.

    Parameters
    ----------
    far : Tensor
        Far plane, (n, C, Y, X), linear light.
    foreground : Tensor
        ``f.M``, the foreground's own light, same shape.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3.
    origins, distance_steps
        See :func:`subtract`.

    Returns
    -------
    background : Tensor
        Shape (n, C, Y, X), 0..1; just outside a straight edge Mb * K >= 1/2, so it is well
        conditioned there.
    transmittance : Tensor
        ``Mb * K``, (n, 1, Y, X): the share of the background that the far plane shows.
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
) -> Tensor:
    """Return the sharp foreground over the unveiled background, ``R = f.M + Mb.b``.

    Where alpha lies between 0 and 1 the near plane mixes foreground with blurred background
    (Eq. 3), ``N = f.M + Mb.(b * K2)``: a first b takes that background out of the foreground, a
    second b is then unveiled with the foreground alone. In a stack, whose foreground lies at many
    distances, the planes beside the edge tell it, see
    :func:`~napari_focusstack.elimination.alpha_matting.estimate_premultiplied`. Where K2 is known, what
    b * K2 leaves unexplained of the near plane is added to b where it was veiled (one
    back-projection): that tames the rims which a wrong mask or sigma leaves.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3, and K2 where it is known; that of K3 in its place is good enough for the first step, not
        for the last.
    origins, distance_steps
        See :func:`subtract`.
    foreground : Tensor, optional
        ``f.M``, the foreground's own light, (n, C, Y, X), where it is known.
    crop : tuple of slice, optional
        Rows and columns to return; the others only shed light on them.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
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
        one[..., *around] for one in (near, far, foreground, alpha, background, transmittance)
    )
    if psf.sigma_background_px is not None:
        distance_steps = (
            distance_steps[..., *around] if is_per_pixel(distance_steps) else distance_steps
        )
        background = back_project(
            near - foreground, far, background, transmittance, alpha, psf, distance_steps
        )
    return (foreground + (1 - alpha) * background)[..., *to_local(crop, around)]
