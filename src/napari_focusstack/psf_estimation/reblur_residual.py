"""Reblur consistency: check and find the PSF without truth.

With the background b recovered from the far plane by a trial sigma of K3 (Eq. 4), b blurred by a
trial K2 must be what the near plane shows beside the foreground (Eq. 3). What it leaves unexplained
there, the *reblur residual*, is least at the true blurs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.elimination.back_projection import normalized_blur, premultiplied_foreground
from napari_focusstack.elimination.diffusion import solve_background
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.psf import Psf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_focusstack.psf_estimation.boundary_windows import BoundaryPatches


#: The residual is read where the blurred foreground covers more than this share of a pixel ...
COVERED = 0.02
#: ... and the foreground itself less than this.
CLEAR = 0.05


def residual_weights(
    alpha: Tensor, reach_px: float | Tensor, weights: Tensor | float = 1.0
) -> Tensor:
    """Return where the residual is read: clear of the foreground, but within its blur.

    The region must not depend on the sigma that is tried: a region that grows with it takes in ever
    more pixels that nothing covers, and favours too large a sigma.

    Parameters
    ----------
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    reach_px : float or Tensor
        Sigma whose spread bounds the region, px; one for all or one each, (n,).
    weights : Tensor or float
        How much each pixel tells, of alpha's shape, 0..1.

    Returns
    -------
    Tensor
        Weights of shape (n, 1, Y, X) that sum to 1.
    """
    region = (alpha < CLEAR) & (blur(alpha, reach_px) > COVERED)
    if not region.any():
        region = alpha < 1
    weight = region * weights
    return weight / weight.sum()


def reblur_residuals(
    patches: BoundaryPatches, weight: Tensor, psf: Psf, sigmas_background_px: Sequence[float]
) -> list[Tensor]:
    """Return what each sigma of K2 leaves unexplained of the near plane beside the foreground.

    Parameters
    ----------
    patches : BoundaryPatches
        Pieces of the planes along the boundary.
    weight : Tensor
        From :func:`residual_weights`.
    psf : Psf
        K3 and breathing.
    sigmas_background_px : sequence of float
        Trial sigmas of K2, px.

    Returns
    -------
    list of Tensor
        Absolute error of ``b * K2`` against N, linear light 0..1, one per trial: each window's
        share of the mean, (n,).
    """
    near, far, alpha = patches.near, patches.far, patches.alpha
    distance_steps = patches.distance_steps
    first, transmittance = solve_background(
        far, near * alpha, alpha, psf, patches.origins, distance_steps
    )
    foreground = premultiplied_foreground(near, first, transmittance, alpha, psf, distance_steps)
    background, transmittance = solve_background(
        far, foreground, alpha, psf, patches.origins, distance_steps
    )
    residuals = []
    for sigma in sigmas_background_px:
        again = normalized_blur(background, transmittance, sigma, psf.shape, distance_steps)
        residuals.append(window_errors(again, near, weight))
    return residuals


def window_errors(image: Tensor, near: Tensor, weight: Tensor) -> Tensor:
    """Return each window's share of the mean absolute error of an image against N, (n,)."""
    error = (image - near).abs().mean(1, keepdim=True)
    return (error * weight).sum((1, 2, 3))
