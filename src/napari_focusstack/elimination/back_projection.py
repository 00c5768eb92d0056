"""Back-projection: correct a background by the near plane, which shows it as b * K2 (Eq. 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.half_size import HALVING_PX
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.imaging.psf import gather_blur

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.psf import DistanceSteps, Psf
    from napari_focusstack.imaging.psf_shapes import PsfShape


#: Least divisor ``Mb * K3`` in Eq. 4, 0..1 (convention). It is reached in thin gaps of the
#: foreground; just outside a straight edge ``Mb * K3`` is 1/2 or more.
MIN_TRANSMITTANCE = 0.1
#: Residual of a background that counts as noise, linear light, 0..1 (convention).
NOISE_STD = 0.015
#: Share of the squared residual of b that back-projection leaves, 0..1. Measured: worth 0.1 dB on
#: pairs and 0.05 dB on stacks.
RESIDUAL_VARIANCE_LEFT = 0.5
#: Error of the blurred foreground light, as a share of it, and error of the blurred background,
#: which lacks detail, as a share of its value. Measured: worth 0.15 dB on pairs, 0.1 dB on stacks.
OCCLUSION_MODEL_ERROR, BACKGROUND_DETAIL = 0.15, 0.7


def back_projection_reach_px(psf: Psf, distance_steps: DistanceSteps) -> int:
    """Return the distance within which a pixel can change :func:`back_project`, px."""
    max_steps = float(torch.as_tensor(distance_steps).max())
    return (
        psf_radius(max_steps * psf.sigma_k2_px, psf.shape)
        + psf_radius(error_smoothing_px(psf))
        + HALVING_PX
    )


def back_project(
    behind: Tensor,
    far: Tensor,
    background: Tensor,
    transmittance: Tensor,
    alpha: Tensor,
    psf: Psf,
    distance_steps: DistanceSteps = 1.0,
) -> tuple[Tensor, Tensor]:
    """Correct a background b of Eq. 4 by the near plane (Eq. 3). Not in the paper.

    1. The near plane knows the low frequencies of b. The residual ``N - f.M - Mb.(b * K2)`` is
       added to b once, weighted by twice the opacity ``1 - Mb * K3``, at most 1.
    2. Where the blurred foreground light is much brighter than the background, b is a small
       difference of large numbers, and a dark rim would be left. There b is blended towards the
       blurred background of the near plane, ``(N - f.M) / Mb``. The weight compares the squared
       errors of both, see :data:`OCCLUSION_MODEL_ERROR` and :data:`BACKGROUND_DETAIL`.
    3. Where b explains the near plane worse than the far plane F itself does, the model fails (a
       wrong mask, a third object). There b is blended towards F, by the squared residuals of both.

    Parameters
    ----------
    behind : Tensor
        The near plane without the premultiplied foreground, ``N - f.M``, (n, C, Y, X), linear
        light.
    far, background : Tensor
        F and b, same shape.
    transmittance, alpha : Tensor
        ``Mb * K3`` and M, (n, 1, Y, X).
    psf : Psf
        With K2.
    distance_steps : float or Tensor
        See :func:`subtract`.

    Returns
    -------
    background : Tensor
        Shape (n, C, Y, X), 0..1.
    residuals : Tensor
        Shape (n, 2, Y, X): what b, and what the far plane itself, leave unexplained of the near
        plane; mean absolute error, smoothed.
    """
    both = torch.cat([background, far], 1)
    residuals = _near_residual(
        torch.cat([behind, behind], 1), both, transmittance, alpha, psf, distance_steps
    )
    residual, residual_far = residuals.chunk(2, 1)
    sizes = [one.abs().mean(1, keepdim=True) for one in (residual, residual_far)]
    smoothed = blur(torch.cat(sizes, 1) * (alpha < 0.5), error_smoothing_px(psf))
    square, square_far = smoothed.square().split(1, 1)
    trust = (square_far + NOISE_STD**2) / (
        RESIDUAL_VARIANCE_LEFT * square + square_far + NOISE_STD**2
    )
    # 1. add the residual
    opacity = (2 * (1 - transmittance)).clamp(max=1)
    corrected = (background + opacity * residual).clamp(0, 1)
    # 2. dark backgrounds: far - transmittance * background is the blurred foreground light
    blurred = (behind / (1 - alpha).clamp(min=0.5)).clamp(0, 1)
    error = OCCLUSION_MODEL_ERROR * (far - transmittance * background).clamp(min=0) * (alpha < 0.5)
    weight = error.square() / (error.square() + (BACKGROUND_DETAIL * blurred).square() + 1e-8)
    corrected = corrected + weight * (blurred - corrected)
    # 3. failed model
    return trust * corrected + (1 - trust) * far, smoothed


def _near_residual(
    behind: Tensor,
    background: Tensor,
    transmittance: Tensor,
    alpha: Tensor,
    psf: Psf,
    distance_steps: DistanceSteps,
) -> Tensor:
    """Return what b leaves unexplained of a near plane, ``behind - Mb.(b * K2)``."""
    return behind - (1 - alpha) * normalized_blur(
        background, transmittance, psf.sigma_k2_px, psf.shape, distance_steps
    )


def error_smoothing_px(psf: Psf) -> float:
    """Return the sigma over which residuals of a background are averaged, px."""
    return max(1.5, psf.sigma_k2_px / 2)


def premultiplied_foreground(
    near: Tensor,
    background: Tensor,
    transmittance: Tensor,
    alpha: Tensor,
    psf: Psf,
    distance_steps: DistanceSteps = 1.0,
) -> Tensor:
    """Return the premultiplied foreground ``f.M = N - Mb.(b * K2)`` (Eq. 3), 0..alpha.

    Parameters
    ----------
    near, background : Tensor
        N and b, (n, C, Y, X), linear light.
    transmittance, alpha : Tensor
        ``Mb * K3`` and M, (n, 1, Y, X).
    psf : Psf
        With K2.
    distance_steps : float or Tensor
        See :func:`subtract`.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
    """
    return (
        _near_residual(near, background, transmittance, alpha, psf, distance_steps)
        .clamp(min=0)
        .minimum(alpha)
    )


def normalized_blur(
    background: Tensor,
    transmittance: Tensor,
    sigma_px: float,
    shape: PsfShape,
    distance_steps: DistanceSteps = 1.0,
) -> Tensor:
    """Return ``b * K2``, where b is weighted by the transmittance (a normalised convolution)."""
    weight = torch.where(transmittance > MIN_TRANSMITTANCE, transmittance, 1e-3)
    blurred = gather_blur(premultiply(background, weight), sigma_px, shape, distance_steps)
    return blurred[:, :-1] / blurred[:, -1:]
