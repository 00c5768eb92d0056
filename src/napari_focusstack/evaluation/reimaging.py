"""Judge a fused image without truth: re-imaged by the lens, it must give back both planes."""

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


#: How far the surroundings are asked for what a fused image does not show, px.
NEARBY_PX = 2.0


def unexplained(fused: Tensor, near: Tensor, far: Tensor, alpha: Tensor, psf: Psf) -> float:
    """Return how far a fused image is from explaining both planes around the foreground's edge.

    The fused image R is split into layers by alpha, ``f.M = R - Mb.b``, with b from where the
    foreground is not; Eqs. 3 and 4 then predict the planes,

        N' = f.M + Mb.(b * K2),   F' = (f.M) * K3 + (Mb * K3).b.

    Parameters
    ----------
    fused, near, far : Tensor
        Shape (C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (1, Y, X), 0..1.
    psf : Psf
        The blurs.

    Returns
    -------
    float
        ``mean|N - N'| + mean|F - F'|`` over the pixels whose blurred alpha lies strictly between 0
        and 1, linear light.
    """
    image, n, f, mask = (layer[None] for layer in (fused, near, far, alpha))
    behind = (mask <= PSF_TAIL).to(image.dtype)
    filled = normalized_blur(image, behind, NEARBY_PX, "gaussian")
    background = torch.where(behind > 0, image, filled)
    own = (image - (1 - mask) * background).clamp(min=0).minimum(mask)
    height, width = alpha.shape[-2:]
    spread = psf.scatter_blur(torch.cat([own, mask], 1), [origin(0, 0, (height, width))])
    visible = 1 - spread[:, -1:]
    again_near = own + (1 - mask) * normalized_blur(image, behind, psf.sigma_k2_px, psf.shape)
    again_far = spread[:, :-1] + visible * background
    around = blur(mask, psf.sigma_px, psf.shape)
    region = ((around > PSF_TAIL) & (around < 1 - PSF_TAIL)).expand_as(image)
    return float((n - again_near).abs()[region].mean() + (f - again_far).abs()[region].mean())
