"""Compare a background with what the near plane shows of it, and correct it (Eq. 3)."""

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
    from napari_focusstack.parameters import PsfShape


#: Least transmittance share of the background that is still divided by (thin gaps between foregrounds).
MIN_TRANSMITTANCE = 0.1
#: Error of a background that is noise, in linear light: no reason to doubt it.
NOISE_STD = 0.015
#: Share of a background's squared error that holding it against the near plane leaves.
RESIDUAL_VARIANCE_LEFT = 0.5
#: Error of a veil, in shares of it, and detail of a background, in shares of its own blurred light:
#: what is behind a veil that is far brighter is better known by what the near plane shows.
OCCLUSION_MODEL_ERROR, BACKGROUND_DETAIL = 0.15, 0.7
#: Squared light that is none.
EPS = 1e-8


def back_projection_reach_px(psf: Psf, distance_steps: DistanceSteps) -> int:
    """Return how far :func:`back_project` looks, px."""
    most = float(torch.as_tensor(distance_steps).max())
    return (
        psf_radius(most * psf.sigma_k2_px, psf.shape)
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
) -> Tensor:
    """Hold an unveiled background against what the near plane shows of it (Eq. 3).

    What b * K2 leaves unexplained is added to b where it was veiled: one back-projection, since the
    near plane knows the low frequencies of b. Where the veil is far brighter than what it covers, b
    is a small difference of large numbers, and gives way to b * K2 as the near plane shows it:
    else dark rims are left before a dark background. Where b even so explains the near plane worse
    than the far plane as it is, the model fails (a wrong mask, something else in front), and b
    gives way to the far plane.

    Parameters
    ----------
    behind : Tensor
        The near plane without the foreground's own light, ``N - f.M``, (n, C, Y, X).
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
    Tensor
        The background, (n, C, Y, X), 0..1.
    """
    both = torch.cat([background, far], 1)
    errors = _near_residual(
        torch.cat([behind, behind], 1), both, transmittance, alpha, psf, distance_steps
    )
    error, error_far = errors.chunk(2, 1)
    sizes = [one.abs().mean(1, keepdim=True) for one in (error, error_far)]
    mean, mean_far = (
        blur(torch.cat(sizes, 1) * (alpha < 0.5), error_smoothing_px(psf)).square().split(1, 1)
    )
    trust = (mean_far + NOISE_STD**2) / (RESIDUAL_VARIANCE_LEFT * mean + mean_far + NOISE_STD**2)
    veiled = (2 * (1 - transmittance)).clamp(max=1)
    found = (background + veiled * error).clamp(0, 1)
    shown = (behind / (1 - alpha).clamp(min=0.5)).clamp(0, 1)
    slip = OCCLUSION_MODEL_ERROR * (far - transmittance * background).clamp(min=0) * (alpha < 0.5)
    share = slip.square() / (slip.square() + (BACKGROUND_DETAIL * shown).square() + EPS)
    found = found + share * (shown - found)
    return trust * found + (1 - trust) * far


def _near_residual(
    behind: Tensor,
    background: Tensor,
    transmittance: Tensor,
    alpha: Tensor,
    psf: Psf,
    distance_steps: DistanceSteps,
) -> Tensor:
    return behind - (1 - alpha) * normalized_blur(
        background, transmittance, psf.sigma_k2_px, psf.shape, distance_steps
    )


def error_smoothing_px(psf: Psf) -> float:
    """Return the sigma over which errors of a background are averaged, px."""
    return max(1.5, psf.sigma_k2_px / 2)


def premultiplied_foreground(
    near: Tensor,
    background: Tensor,
    transmittance: Tensor,
    alpha: Tensor,
    psf: Psf,
    distance_steps: DistanceSteps = 1.0,
) -> Tensor:
    """Return the foreground's own light ``f.M = N - Mb.(b * K2)`` (Eq. 3), 0..alpha."""
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
    """Return ``b * K2`` from a background known where it is transmittance (a normalised convolution)."""
    known = torch.where(transmittance > MIN_TRANSMITTANCE, transmittance, 1e-3)
    blurred = gather_blur(premultiply(background, known), sigma_px, shape, distance_steps)
    return blurred[:, :-1] / blurred[:, -1:]
