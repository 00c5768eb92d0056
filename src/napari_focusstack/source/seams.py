"""Seams: edges of a picture that no plane has, and how planes are blended over them.

Where nothing is to be seen, many planes are as good as each other, and planes of different
brightness may meet in a visible line. There planes are blended, each detail over its own size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.networks.source_cues import smooth

if TYPE_CHECKING:
    from torch import Tensor

#: Levels of the pyramid by which planes are blended (convention: the widest spans 32 px).
LEVELS = 5
#: Blocks of pixels that the coarsest level averages, px: tiles begin at multiples of it.
GRID_PX = 2**LEVELS
#: How far from a seam planes are blended, px. Convention.
REACH_PX = 8
#: Least weight of the blend that changes a pixel: half a grey level at full contrast.
LEAST_SHARE = 1 / 512


def seam_share(picture: Tensor, planes: Tensor, visible: float) -> Tensor:
    """Find steps of a picture that no plane has nearby.

    Parameters
    ----------
    picture : Tensor
        Shape (C, Y, X), coded for display, 0..1.
    planes : Tensor
        Shape (P, C, Y, X), coded for display, 0..1.
    visible : float
        Steps of display values, beyond those of any plane within 3 x 3 px, from which on they are
        seams.

    Returns
    -------
    Tensor
        Shape (Y, X), 0..1: weight of the blend. It is 1 about a step of twice ``visible``, and
        falls to 0 within ``2 * REACH_PX``.

    Examples
    --------
    >>> bright, dark = torch.full((1, 64, 64), 0.6), torch.full((1, 64, 64), 0.5)
    >>> picture = torch.cat([bright[..., :32], dark[..., 32:]], -1)
    >>> share = seam_share(picture, torch.stack([bright, dark]), 0.02)
    >>> float(share[32, 0]), round(float(share[32, 31]), 2)
    (0.0, 0.98)
    """
    most = functional.max_pool2d(_steps(planes), 3, 1, 1).amax(0)
    excess = _steps(picture[None])[0] - most
    found = (excess / visible - 1).clamp(0, 1)[None, None]
    if not found.any():
        return found[0, 0]
    wide = functional.max_pool2d(found, 2 * REACH_PX + 1, 1, REACH_PX)[0, 0]
    share = smooth(wide, REACH_PX / 2)
    return torch.where(share > LEAST_SHARE, share, 0.0)


def _steps(images: Tensor) -> Tensor:
    """Return the greatest difference (N, Y, X) of any channel to one of the four neighbours."""
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().amax(1)
    right = (images[..., 1:] - images[..., :-1]).abs().amax(1)
    steps = functional.pad(down, (0, 0, 0, 1))
    steps[:, 1:] = torch.maximum(steps[:, 1:], down)
    steps[..., :-1] = torch.maximum(steps[..., :-1], right)
    steps[..., 1:] = torch.maximum(steps[..., 1:], right)
    return steps


def multiband(planes: Tensor, weights: Tensor) -> Tensor:
    """Blend planes, each detail over its own size (Burt and Adelson 1983).

    Parameters
    ----------
    planes : Tensor
        Shape (P, C, Y, X), any values.
    weights : Tensor
        Shape (P, Y, X); they sum to 1 in each pixel.

    Returns
    -------
    Tensor
        Shape (C, Y, X).

    Examples
    --------
    >>> planes = torch.rand(2, 1, 32, 32)
    >>> one = torch.stack([torch.ones(32, 32), torch.zeros(32, 32)])
    >>> torch.allclose(multiband(planes, one), planes[0], atol=1e-6)
    True
    """
    height, width = planes.shape[-2:]
    margins = (0, -width % GRID_PX, 0, -height % GRID_PX)
    fine = functional.pad(planes, margins, mode="replicate")
    share = functional.pad(weights[:, None], margins, mode="replicate")
    bands = []
    for _ in range(LEVELS):
        coarse = _halved(fine)
        bands.append(((fine - _enlarged(coarse, fine)) * share).sum(0))
        fine, share = coarse, _halved(share)
    total = (fine * share).sum(0)
    for band in reversed(bands):
        total = _enlarged(total[None], band[None])[0] + band
    return total[..., :height, :width]


def _halved(image: Tensor) -> Tensor:
    """Return images (N, C, Y, X) at half the size, after a binomial blur."""
    kernel = image.new_tensor([1.0, 3.0, 3.0, 1.0]) / 8
    flat = functional.pad(image.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    rows = functional.conv2d(flat, kernel[None, None, None, :], stride=(1, 2))
    both = functional.conv2d(rows, kernel[None, None, :, None], stride=(2, 1))
    return both.reshape(*image.shape[:2], *both.shape[-2:])


def _enlarged(image: Tensor, like: Tensor) -> Tensor:
    """Return images (N, C, Y, X) at the size of others."""
    return functional.interpolate(image, like.shape[-2:], mode="bilinear", align_corners=False)
