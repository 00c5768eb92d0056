"""The reblur residual: a measure of the PSF that needs no ground truth.

The background b is recovered from the far plane by a trial sigma of K3 (Eq. 4). Blurred by a trial
K2 it must equal the near plane beside the foreground, N = b * K2 where M is 0 (Eq. 3). The *reblur
residual* is the mean absolute error there. It has its minimum at the true blurs.
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

    from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches


#: The residual is read where the blurred alpha exceeds the first and alpha is below the second,
#: 0..1 (convention).
COVERED, CLEAR = 0.02, 0.05


def residual_weights(
    alpha: Tensor, reach_px: float | Tensor, weights: Tensor | float = 1.0
) -> Tensor:
    """Return the weights of the pixels in which the residual is read.

    They lie outside the foreground but within the reach of its blur. The region must not depend on
    the trial sigma. A region that grows with sigma takes in more and more pixels that nothing
    covers, and favours sigmas that are too large.

    Parameters
    ----------
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    reach_px : float or Tensor
        Sigma of the blur of alpha that bounds the region, px: one for all patches or one for each,
        (n,).
    weights : Tensor or float
        Weight of each pixel, of the shape of alpha, 0..1.

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
    """Return the reblur residual of each trial sigma of K2.

    The background is that of Eq. 4, solved twice as in
    :func:`~napari_focusstack.elimination.diffusion.unmix`.

    Parameters
    ----------
    patches : BoundaryPatches
        Patches of the planes along the boundary.
    weight : Tensor
        From :func:`residual_weights`.
    psf : Psf
        K3 and breathing.
    sigmas_background_px : sequence of float
        Trial sigmas of K2, px.

    Returns
    -------
    list of Tensor
        One per trial, (n,): the share of each patch in the mean absolute error of ``b * K2``
        against N, linear light, 0..1.
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
        reblurred = normalized_blur(background, transmittance, sigma, psf.shape, distance_steps)
        residuals.append(patch_errors(reblurred, near, weight))
    return residuals


def patch_errors(image: Tensor, near: Tensor, weight: Tensor) -> Tensor:
    """Return the share of each patch in the mean absolute error of an image against N, (n,)."""
    error = (image - near).abs().mean(1, keepdim=True)
    return (error * weight).sum((1, 2, 3))
