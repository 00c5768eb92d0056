"""Diffusion elimination: remove the veil of the blurred foreground from the background around it.

In the far plane the defocused foreground spreads over the background (Eq. 4),

    F = (f.M) * K + (Mb * K).b,

so around every foreground edge, in the *transition region*, no choice of source pixels is right.
Outside it every output pixel is a source pixel. All functions work on linear light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from napari_focusstack.errors import InputError
from napari_focusstack.lens import origin
from napari_focusstack.optics import blur, check_sigma, premultiply, psf_radius

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.lens import Origin, Psf
    from napari_focusstack.optics import PsfShape

EliminationMethod = Literal["unmix", "subtract", "none"]
#: Rows and columns of an image, with start and stop.
Region = tuple[slice, slice]
METHODS: tuple[EliminationMethod, ...] = ("unmix", "subtract", "none")

#: The transition region ends where the blurred foreground covers less than this share of a pixel:
#: half a grey level of 8 bits at full contrast.
TAIL = 0.002
#: Least visible share of the background that is still divided by (thin gaps between foregrounds).
FLOOR = 0.1
#: Error of a background that is noise, in linear light: no reason to doubt it.
NOISE = 0.005
#: Where a single piece lies that is the whole image, or whose place is of no account.
CENTRED: list[Origin] = [(0.0, 0.0)]
#: Side of the blocks that the work is cut into, px.
BLOCK_PX = 384


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
        still covers by more than :data:`TAIL`.
    """
    return (alpha < 1) & ((alpha > 0) | (spread > TAIL))


def subtract(
    near: Tensor, far: Tensor, alpha: Tensor, psf: Psf, origins: list[Origin] = CENTRED
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

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
    """
    behind = blur(premultiply(far, 1 - alpha), psf.sigma_px, psf.shape)
    # Deep inside the mask nothing of the background is seen: its share is below float32 noise.
    hidden = behind[:, :-1] / behind[:, -1:].clamp(min=1e-4)
    diffusion = (1 - alpha) * psf.defocus((near - hidden) * alpha, origins)
    return initial_fusion(near, far, alpha) - diffusion


def initial_fusion(near: Tensor, far: Tensor, alpha: Tensor) -> Tensor:
    """Return ``M.N + Mb.F`` (Eq. 9), shape (..., C, Y, X)."""
    return alpha * near + (1 - alpha) * far


def unveil(
    far: Tensor, foreground: Tensor, alpha: Tensor, psf: Psf, origins: list[Origin] = CENTRED
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
    origins : list of (float, float)
        See :func:`subtract`.

    Returns
    -------
    background : Tensor
        Shape (n, C, Y, X), 0..1; just outside a straight edge Mb * K >= 1/2, so it is well
        conditioned there.
    visible : Tensor
        ``Mb * K``, (n, 1, Y, X): the share of the background that the far plane shows.
    """
    spread = psf.defocus(torch.cat([foreground, alpha], 1), origins)
    visible = 1 - spread[:, -1:]
    return ((far - spread[:, :-1]) / visible.clamp(min=FLOOR)).clamp(0, 1), visible


def unmix(
    near: Tensor, far: Tensor, alpha: Tensor, psf: Psf, origins: list[Origin] = CENTRED
) -> Tensor:
    """Return the sharp foreground over the unveiled background, ``R = f.M + Mb.b``.

    Where alpha lies between 0 and 1 the near plane mixes foreground with blurred background
    (Eq. 3), ``N = f.M + Mb.(b * K2)``: a first b takes that background out of the foreground, a
    second b is then unveiled with the foreground alone. Where K2 is known, what b * K2 leaves
    unexplained of the near plane is added to b where it was veiled (one back-projection): that
    tames the rims which a wrong mask or sigma leaves.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3, and K2 where it is known; that of K3 in its place is good enough for the first step, not
        for the last.
    origins : list of (float, float)
        See :func:`subtract`.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
    """
    background, visible = unveil(far, near * alpha, alpha, psf, origins)
    foreground = own_light(near, background, visible, alpha, psf)
    background, visible = unveil(far, foreground, alpha, psf, origins)
    if psf.sigma_background_px is not None:
        background = checked(near - foreground, far, background, visible, alpha, psf)
    return foreground + (1 - alpha) * background


def checked(
    behind: Tensor, far: Tensor, background: Tensor, visible: Tensor, alpha: Tensor, psf: Psf
) -> Tensor:
    """Hold an unveiled background against what the near plane shows of it (Eq. 3).

    What b * K2 leaves unexplained is added to b where it was veiled: one back-projection, since the
    near plane knows the low frequencies of b. Where b then still explains the near plane worse than
    the far plane as it is, the model fails (a wrong mask, something else in front), and b gives way
    to the far plane.

    Parameters
    ----------
    behind : Tensor
        The near plane without the foreground's own light, ``N - f.M``, (n, C, Y, X).
    far, background : Tensor
        F and b, same shape.
    visible, alpha : Tensor
        ``Mb * K3`` and M, (n, 1, Y, X).
    psf : Psf
        With K2.

    Returns
    -------
    Tensor
        The background, (n, C, Y, X), 0..1.
    """
    veiled = (2 * (1 - visible)).clamp(max=1)
    background = background + veiled * _unexplained(behind, background, visible, alpha, psf)
    background = background.clamp(0, 1)
    squared = [
        blur(
            _unexplained(behind, image, visible, alpha, psf).abs().mean(1, True) * (alpha < 0.5),
            _nearby_px(psf),
        ).square()
        for image in (background, far)
    ]
    trust = (squared[1] + NOISE**2) / (squared[0] + squared[1] + NOISE**2)
    return trust * background + (1 - trust) * far


def _unexplained(
    behind: Tensor, background: Tensor, visible: Tensor, alpha: Tensor, psf: Psf
) -> Tensor:
    return behind - (1 - alpha) * reblur(background, visible, psf.sigma_2_px, psf.shape)


def _nearby_px(psf: Psf) -> float:
    """Return the sigma over which errors of a background are averaged, px."""
    return max(1.5, psf.sigma_2_px / 2)


def own_light(near: Tensor, background: Tensor, visible: Tensor, alpha: Tensor, psf: Psf) -> Tensor:
    """Return the foreground's own light ``f.M = N - Mb.(b * K2)`` (Eq. 3), 0..alpha."""
    return _unexplained(near, background, visible, alpha, psf).clamp(min=0).minimum(alpha)


def reblur(background: Tensor, visible: Tensor, sigma_px: float, shape: PsfShape) -> Tensor:
    """Return ``b * K2`` from a background known where it is visible (a normalised convolution)."""
    known = torch.where(visible > FLOOR, visible, 1e-3)
    blurred = blur(premultiply(background, known), sigma_px, shape)
    return blurred[:, :-1] / blurred[:, -1:]


def eliminate(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    psf: Psf,
    method: EliminationMethod = "unmix",
    within: Region | None = None,
) -> Iterator[tuple[Region, Tensor, Tensor]]:
    """Compute the transition region block by block; the rest is for the caller to copy.

    Only blocks that the boundary comes near are computed, so the cost follows the length of the
    boundary, not the area of the image. Each block is computed with the margin that the PSFs reach,
    so the answer is that of the whole image at once.

    Parameters
    ----------
    near, far : Tensor
        Shape (C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (1, Y, X), 0..1.
    psf : Psf
        Both blurs and the foreground's breathing.
    method : {"unmix", "subtract", "none"}
        ``none`` yields nothing: every pixel is a source pixel.
    within : tuple of slice, optional
        Rows and columns to compute; the whole image if not given.

    Yields
    ------
    where : tuple of slice
        Rows and columns of the block.
    region : Tensor
        Bool, (Y, X) of the block: its part of the transition region.
    light : Tensor
        Shape (C, n): the all-in-focus light of the n pixels of the region.

    Raises
    ------
    InputError
        If the sigma of K3 is not positive or the method is unknown.
    """
    check_sigma(psf.sigma_px)
    if method not in METHODS:
        raise InputError(f"elimination is {method!r}; choose one of {', '.join(METHODS)}.")
    if method == "none":
        return
    height, width = alpha.shape[-2:]
    reach = psf.reach_px((height, width))
    margin = 2 * reach + 3 * psf_radius(psf.sigma_2_px, psf.shape) + psf_radius(_nearby_px(psf))
    for where, outer, inner in blocks_near_boundary(alpha, reach, margin, within):
        n, f, a = (image[None, :, *outer] for image in (near, far, alpha))
        origins = [origin(outer[0].start, outer[1].start, (height, width))]
        region = transition_region(a, psf.defocus(a, origins))[0, 0][inner]
        if not region.any():
            continue
        light = (subtract if method == "subtract" else unmix)(n, f, a, psf, origins)
        yield where, region, light[0][:, *inner][:, region]


def blocks_near_boundary(
    alpha: Tensor, radius: int, margin: int, within: Region | None = None
) -> Iterator[tuple[Region, Region, Region]]:
    """Yield the blocks that may hold transition region.

    Parameters
    ----------
    alpha : Tensor
        Shape (1, Y, X), 0..1.
    radius : int
        How far from the mask the region reaches, px.
    margin : int
        How much of the surroundings the computation needs, px.
    within : tuple of slice, optional
        Rows and columns that are asked for; the whole image if not given.

    Yields
    ------
    where, outer, inner : tuple of slice
        The block in the image, the block with its margin in the image, and the block in the latter.
    """
    height, width = alpha.shape[-2:]
    rows, columns = within or (slice(0, height), slice(0, width))
    for top in range(rows.start, rows.stop, BLOCK_PX):
        for left in range(columns.start, columns.stop, BLOCK_PX):
            where = (
                slice(top, min(top + BLOCK_PX, rows.stop)),
                slice(left, min(left + BLOCK_PX, columns.stop)),
            )
            around = grow(where, radius, (height, width))
            part = alpha[:, *around]
            if part.max() == 0 or alpha[:, *where].min() == 1:
                continue
            outer = grow(where, margin, (height, width))
            yield where, outer, inside(where, outer)


def grow(where: Region, margin: int, limits: tuple[int, int]) -> Region:
    """Return rows and columns with a margin around them, inside an image of a size."""
    rows, columns = (
        slice(max(0, part.start - margin), min(limit, part.stop + margin))
        for part, limit in zip(where, limits, strict=True)
    )
    return rows, columns


def inside(where: Region, outer: Region) -> Region:
    """Return rows and columns of an image as those of a part of it."""
    rows, columns = (
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(where, outer, strict=True)
    )
    return rows, columns
