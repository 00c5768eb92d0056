"""Pixels at a foreground's edge, as the plane tells them apart that shows the edge sharp.

Labels say nothing of coverage, and a network errs by a fraction of a pixel. The near plane knows: a
pixel at the edge shows the foreground's light and the light behind it, mixed in these shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.filters.select import blend
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import premultiply
from napari_focusstack.imaging.kernels import psf_radius

if TYPE_CHECKING:
    from torch import Tensor


#: Sigma of the surroundings that tell a pixel's foreground and background, px; of those that tell
#: the background where the first show none; and how far they go.
BESIDE_PX, FARTHER_PX = 1.5, 3.0
REACH_PX = psf_radius(FARTHER_PX)
#: Standard deviation of the light of one surface within them, and of a given alpha.
TEXTURE_STD, ALPHA_PRIOR_STD = 0.055, 0.25
#: Least share of the surroundings that must be foreground, and background, to tell them.
MIN_WEIGHT = 0.01


def refine_alpha(near: Tensor, alpha: Tensor) -> Tensor:
    """Correct alpha at the foreground's edge by what the near plane shows.

    With f and b' the mean light of sure foreground and of sure background around a pixel,
    ``N = a f + (1 - a) b'``. The most probable a, where N errs by the texture t of the surfaces and
    the given alpha by the doubt d, is

        a = ((N - b').(f - b') / t^2 + alpha / d^2) / (|f - b'|^2 / t^2 + 1 / d^2):

    the colours decide where both sides differ, the given alpha where they are alike. This is a
    matte of known foreground and background, solved in closed form pixel by pixel.

    Parameters
    ----------
    near : Tensor
        Shape (n, C, Y, X), linear light: each pixel as the plane shows it in which the nearest
        foreground is in focus.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.

    Returns
    -------
    Tensor
        Same shape; other than alpha only where that lies strictly between 0 and 1.

    Examples
    --------
    >>> import torch
    >>> near = torch.tensor([0.9, 0.9, 0.9, 0.2, 0.1, 0.1, 0.1]).expand(1, 1, 7, 7)
    >>> alpha = torch.tensor([1, 1, 1, 0.5, 0, 0, 0]).expand(1, 1, 7, 7)
    >>> [round(float(a), 2) for a in refine_alpha(near, alpha)[0, 0, 3]]
    [1.0, 1.0, 1.0, 0.15, 0.0, 0.0, 0.0]
    """
    edge = (alpha > 0) & (alpha < 1)
    front, enough_front = _mean(near, alpha >= 1)
    behind, enough_behind = _mean(near, alpha <= 0)
    apart = front - behind
    contrast = apart.square().sum(1, keepdim=True)
    share = ((near - behind) * apart).sum(1, keepdim=True).clamp(min=0).minimum(contrast)
    told = (edge & enough_front & enough_behind) / TEXTURE_STD**2
    corrected = (share * told + alpha / ALPHA_PRIOR_STD**2) / (
        contrast * told + 1 / ALPHA_PRIOR_STD**2
    )
    return blend(edge, corrected, alpha)


def estimate_premultiplied(near: Tensor, alpha: Tensor) -> Tensor:
    """Return the foreground's own light, told from the background that is seen beside it.

    ``f.M = N - Mb.b'`` (Eq. 3), where b', the blurred light behind an edge, is the mean of the sure
    background around: it hardly changes within a pixel or two. That costs a blur or two however
    many distances there are between foreground and background.

    Parameters
    ----------
    near : Tensor
        See :func:`refine_alpha`.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X), 0..alpha; where no background is near, ``M.N``.

    Examples
    --------
    >>> import torch
    >>> near = torch.tensor([0.9, 0.9, 0.5, 0.1, 0.1]).expand(1, 1, 5, 5)
    >>> alpha = torch.tensor([1, 1, 0.5, 0, 0]).expand(1, 1, 5, 5)
    >>> [round(float(a), 2) for a in estimate_premultiplied(near, alpha)[0, 0, 2]]
    [0.9, 0.9, 0.45, 0.0, 0.0]
    """
    edge = (alpha > 0) & (alpha < 1)
    sure = alpha <= 0
    behind, enough = _mean(near, sure)
    if (edge & ~enough).any():
        farther, known = _mean(near, sure, FARTHER_PX)
        behind, enough = blend(enough, behind, farther), enough | known
    unmixed = (near - (1 - alpha) * behind).clamp(min=0).minimum(alpha)
    return blend(edge & enough, unmixed, near * alpha)


def _mean(light: Tensor, where: Tensor, sigma_px: float = BESIDE_PX) -> tuple[Tensor, Tensor]:
    """Return the mean light around each pixel where a mask is true, and whether there is enough."""
    around = blur(premultiply(light, where.to(light)), sigma_px)
    share = around[:, -1:]
    return around[:, :-1] / share.clamp(min=1e-4), share > MIN_WEIGHT
