"""Alpha and premultiplied foreground of edge pixels, from the plane that shows the edge in focus.

Labels hold no coverage, and alpha of a network errs by a fraction of a pixel. In the near plane the
colour of an edge pixel is a mixture of foreground and background, with alpha as the share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.filters.select import blend
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.kernels import psf_radius

if TYPE_CHECKING:
    from torch import Tensor


#: Sigma, px, of the surroundings whose mean is a pixel's pure foreground and background, and of
#: the wider ones for the background where the first hold none. Measured as a set with the next two.
BESIDE_PX, FARTHER_PX = 1.5, 3.0
#: Reach of these surroundings, px.
REACH_PX = psf_radius(FARTHER_PX)
#: Standard deviation of the light within one surface, and the error of a given alpha, both 0..1.
#: Measured as a set: PSNR with refined alpha on pairs and stacks.
TEXTURE_STD, ALPHA_PRIOR_STD = 0.055, 0.25
#: Least share of pure foreground (or background) in the surroundings for a mean of it (convention).
MIN_WEIGHT = 0.01


def refine_alpha(near: Tensor, alpha: Tensor) -> Tensor:
    """Correct alpha at the foreground's edge by the colours of the near plane.

    Let f and b' be the mean light of pure foreground and of pure background around a pixel. Then
    ``N = a f + (1 - a) b'``. N has an error of standard deviation t, the texture of the surfaces,
    and the given alpha one of standard deviation d. The most probable a is

        a = ((N - b').(f - b') / t^2 + alpha / d^2) / (|f - b'|^2 / t^2 + 1 / d^2).

    So the colours decide where both sides differ, and the given alpha where they are alike. This is
    matting with known foreground and background, solved in closed form for each pixel.

    Parameters
    ----------
    near : Tensor
        Shape (n, C, Y, X), linear light, 0..1: each pixel of the plane in which the nearest
        foreground is in focus.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.

    Returns
    -------
    Tensor
        Same shape, 0..1. It differs from alpha only where alpha lies strictly between 0 and 1.

    Examples
    --------
    >>> import torch
    >>> near = torch.tensor([0.9, 0.9, 0.9, 0.2, 0.1, 0.1, 0.1]).expand(1, 1, 7, 7)
    >>> alpha = torch.tensor([1, 1, 1, 0.5, 0, 0, 0]).expand(1, 1, 7, 7)
    >>> [round(float(a), 2) for a in refine_alpha(near, alpha)[0, 0, 3]]
    [1.0, 1.0, 1.0, 0.15, 0.0, 0.0, 0.0]
    """
    edge = (alpha > 0) & (alpha < 1)
    foreground, has_foreground = _mean(near, alpha >= 1)
    background, has_background = _mean(near, alpha <= 0)
    difference = foreground - background
    contrast = difference.square().sum(1, keepdim=True)
    projection = ((near - background) * difference).sum(1, keepdim=True)
    projection = projection.clamp(min=0).minimum(contrast)
    precision = (edge & has_foreground & has_background) / TEXTURE_STD**2
    refined = (projection * precision + alpha / ALPHA_PRIOR_STD**2) / (
        contrast * precision + 1 / ALPHA_PRIOR_STD**2
    )
    return blend(edge, refined, alpha)


def estimate_premultiplied(near: Tensor, alpha: Tensor) -> Tensor:
    """Return the premultiplied foreground by Eq. 3, with the background taken from beside it.

    ``f.M = N - Mb.b'``, where b' stands for ``b * K2``. It is the mean of the pure background
    around a pixel, since a blurred background hardly changes within a pixel or two. This costs one
    or two blurs, however many distances there are between foreground and background.

    Parameters
    ----------
    near : Tensor
        See :func:`refine_alpha`.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.

    Returns
    -------
    Tensor
        f.M, (n, C, Y, X), 0..alpha. It is ``M.N`` where no pure background is near.

    Examples
    --------
    >>> import torch
    >>> near = torch.tensor([0.9, 0.9, 0.5, 0.1, 0.1]).expand(1, 1, 5, 5)
    >>> alpha = torch.tensor([1, 1, 0.5, 0, 0]).expand(1, 1, 5, 5)
    >>> [round(float(a), 2) for a in estimate_premultiplied(near, alpha)[0, 0, 2]]
    [0.9, 0.9, 0.45, 0.0, 0.0]
    """
    edge = (alpha > 0) & (alpha < 1)
    pure = alpha <= 0
    background, has_background = _mean(near, pure)
    if (edge & ~has_background).any():
        wider, has_wider = _mean(near, pure, FARTHER_PX)
        background = blend(has_background, background, wider)
        has_background = has_background | has_wider
    foreground = (near - (1 - alpha) * background).clamp(min=0).minimum(alpha)
    return blend(edge & has_background, foreground, near * alpha)


def _mean(light: Tensor, mask: Tensor, sigma_px: float = BESIDE_PX) -> tuple[Tensor, Tensor]:
    """Return the mean light of a mask around each pixel, and where the mask is large enough."""
    around = blur(premultiply(light, mask.to(light)), sigma_px)
    share = around[:, -1:]
    return around[:, :-1] / share.clamp(min=1e-4), share > MIN_WEIGHT
