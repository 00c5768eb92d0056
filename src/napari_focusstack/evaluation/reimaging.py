"""The re-imaging error: a fused image, imaged again by Eqs. 3 and 4, must explain both planes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.elimination.back_projection import normalized_blur
from napari_focusstack.elimination.diffusion import PSF_TAIL
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.breathing import origin

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.psf import Psf


#: Sigma of the Gaussian that extends the background below the foreground, px (convention).
BACKGROUND_SIGMA_PX = 2.0


def unexplained(fused: Tensor, near: Tensor, far: Tensor, alpha: Tensor, psf: Psf) -> float:
    """Return the re-imaging error of a fused image around the edge of the foreground.

    The fused image R is split into layers by alpha, ``f.M = R - Mb.b``. The background b is
    extended below the foreground. Eqs. 3 and 4 then predict the planes::

        N' = f.M + Mb.(b * K2),   F' = (f.M) * K3 + (Mb * K3).b

    Parameters
    ----------
    fused, near, far : Tensor
        Shape (C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (1, Y, X), 0..1: the foreground mask M.
    psf : Psf
        K2 and K3.

    Returns
    -------
    float
        ``mean|N - N'| + mean|F - F'|``, linear light, over the pixels whose blurred alpha lies
        strictly between 0 and 1.
    """
    image, n, f, mask = (layer[None] for layer in (fused, near, far, alpha))
    behind = (mask <= PSF_TAIL).to(image.dtype)
    filled = normalized_blur(image, behind, BACKGROUND_SIGMA_PX, "gaussian")
    background = torch.where(behind > 0, image, filled)
    foreground = (image - (1 - mask) * background).clamp(min=0).minimum(mask)
    height, width = alpha.shape[-2:]
    blurred = psf.scatter_blur(torch.cat([foreground, mask], 1), [origin(0, 0, (height, width))])
    transmittance = 1 - blurred[:, -1:]
    background_in_near = normalized_blur(image, behind, psf.sigma_k2_px, psf.shape)
    predicted_near = foreground + (1 - mask) * background_in_near
    predicted_far = blurred[:, :-1] + transmittance * background
    blurred_mask = blur(mask, psf.sigma_px, psf.shape)
    region = ((blurred_mask > PSF_TAIL) & (blurred_mask < 1 - PSF_TAIL)).expand_as(image)
    near_error, far_error = (n - predicted_near).abs(), (f - predicted_far).abs()
    return float(near_error[region].mean() + far_error[region].mean())
