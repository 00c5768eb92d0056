"""Diffusion elimination: remove the veil of the blurred foreground from the background around it.

In the far plane the defocused foreground spreads over the background (Eq. 4),

    F = (f.M) * K + (Mb * K).b,

so around every foreground edge, in the *transition region*, no choice of source pixels is right.
Outside it every output pixel is a source pixel. All functions work on linear light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from napari_focusstack.lens import collect, is_map
from napari_focusstack.optics import GRID_PX, HALVING_PX, blur, premultiply, psf_radius
from napari_focusstack.region import aligned, grow, inside, whole

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.lens import Origin, Psf, Steps
    from napari_focusstack.optics import PsfShape
    from napari_focusstack.region import Region

EliminationMethod = Literal["unmix", "subtract", "none"]
METHODS: tuple[EliminationMethod, ...] = ("unmix", "subtract", "none")

#: The transition region ends where the blurred foreground covers less than this share of a pixel:
#: half a grey level of 8 bits at full contrast.
TAIL = 0.002
#: Least visible share of the background that is still divided by (thin gaps between foregrounds).
FLOOR = 0.1
#: Error of a background that is noise, in linear light: no reason to doubt it.
NOISE = 0.015
#: Share of a background's squared error that holding it against the near plane leaves.
LEFT = 0.5
#: Error of a veil, in shares of it, and detail of a background, in shares of its own blurred light:
#: what is behind a veil that is far brighter is better known by what the near plane shows.
SLIP, DETAIL = 0.15, 0.7
#: Squared light that is none.
NOTHING = 1e-8
#: Where a single piece lies that is the whole image, or whose place is of no account.
CENTRED: list[Origin] = [(0.0, 0.0)]


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
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    steps: Steps = 1.0,
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
    steps : float or Tensor
        How far the foreground lies before the far plane, in plane steps.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
    """
    behind = collect(premultiply(far, 1 - alpha), psf.sigma_px, psf.shape, steps)
    # Deep inside the mask nothing of the background is seen: its share is below float32 noise.
    hidden = behind[:, :-1] / behind[:, -1:].clamp(min=1e-4)
    diffusion = (1 - alpha) * psf.defocus(premultiply(near - hidden, alpha), origins, steps)[:, :-1]
    return initial_fusion(near, far, alpha) - diffusion


def initial_fusion(near: Tensor, far: Tensor, alpha: Tensor) -> Tensor:
    """Return ``M.N + Mb.F`` (Eq. 9), shape (..., C, Y, X)."""
    return alpha * near + (1 - alpha) * far


def unveil(
    far: Tensor,
    foreground: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    steps: Steps = 1.0,
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
    origins, steps
        See :func:`subtract`.

    Returns
    -------
    background : Tensor
        Shape (n, C, Y, X), 0..1; just outside a straight edge Mb * K >= 1/2, so it is well
        conditioned there.
    visible : Tensor
        ``Mb * K``, (n, 1, Y, X): the share of the background that the far plane shows.
    """
    spread = psf.defocus(torch.cat([foreground, alpha], 1), origins, steps)
    visible = 1 - spread[:, -1:]
    return ((far - spread[:, :-1]) / visible.clamp(min=FLOOR)).clamp(0, 1), visible


def unmix(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    psf: Psf,
    origins: list[Origin] = CENTRED,
    steps: Steps = 1.0,
    foreground: Tensor | None = None,
    wanted: Region | None = None,
) -> Tensor:
    """Return the sharp foreground over the unveiled background, ``R = f.M + Mb.b``.

    Where alpha lies between 0 and 1 the near plane mixes foreground with blurred background
    (Eq. 3), ``N = f.M + Mb.(b * K2)``: a first b takes that background out of the foreground, a
    second b is then unveiled with the foreground alone. In a stack, whose foreground lies at many
    distances, the planes beside the edge tell it, see
    :func:`~napari_focusstack.matting.foreground_light`. Where K2 is known, what
    b * K2 leaves unexplained of the near plane is added to b where it was veiled (one
    back-projection): that tames the rims which a wrong mask or sigma leaves.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light, 0..1.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    psf : Psf
        K3, and K2 where it is known; that of K3 in its place is good enough for the first step, not
        for the last.
    origins, steps
        See :func:`subtract`.
    foreground : Tensor, optional
        ``f.M``, the foreground's own light, (n, C, Y, X), where it is known.
    wanted : tuple of slice, optional
        Rows and columns to return; the others only shed light on them.

    Returns
    -------
    Tensor
        Shape (n, C, Y, X).
    """
    size = (near.shape[-2], near.shape[-1])
    wanted = wanted or whole(size)
    if foreground is None:
        first, visible = unveil(far, near * alpha, alpha, psf, origins, steps)
        foreground = own_light(near, first, visible, alpha, psf, steps)
    background, visible = unveil(far, foreground, alpha, psf, origins, steps)
    around = aligned(grow(wanted, seen_px(psf, steps), size), GRID_PX)
    near, far, foreground, alpha, background, visible = (
        one[..., *around] for one in (near, far, foreground, alpha, background, visible)
    )
    if psf.sigma_background_px is not None:
        steps = steps[..., *around] if is_map(steps) else steps
        background = checked(near - foreground, far, background, visible, alpha, psf, steps)
    return (foreground + (1 - alpha) * background)[..., *inside(wanted, around)]


def seen_px(psf: Psf, steps: Steps) -> int:
    """Return how far :func:`checked` looks, px."""
    most = float(torch.as_tensor(steps).max())
    return psf_radius(most * psf.sigma_2_px, psf.shape) + psf_radius(nearby_px(psf)) + HALVING_PX


def checked(
    behind: Tensor,
    far: Tensor,
    background: Tensor,
    visible: Tensor,
    alpha: Tensor,
    psf: Psf,
    steps: Steps = 1.0,
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
    visible, alpha : Tensor
        ``Mb * K3`` and M, (n, 1, Y, X).
    psf : Psf
        With K2.
    steps : float or Tensor
        See :func:`subtract`.

    Returns
    -------
    Tensor
        The background, (n, C, Y, X), 0..1.
    """
    both = torch.cat([background, far], 1)
    errors = _unexplained(torch.cat([behind, behind], 1), both, visible, alpha, psf, steps)
    error, error_far = errors.chunk(2, 1)
    sizes = [one.abs().mean(1, keepdim=True) for one in (error, error_far)]
    mean, mean_far = blur(torch.cat(sizes, 1) * (alpha < 0.5), nearby_px(psf)).square().split(1, 1)
    trust = (mean_far + NOISE**2) / (LEFT * mean + mean_far + NOISE**2)
    veiled = (2 * (1 - visible)).clamp(max=1)
    found = (background + veiled * error).clamp(0, 1)
    shown = (behind / (1 - alpha).clamp(min=0.5)).clamp(0, 1)
    slip = SLIP * (far - visible * background).clamp(min=0) * (alpha < 0.5)
    share = slip.square() / (slip.square() + (DETAIL * shown).square() + NOTHING)
    found = found + share * (shown - found)
    return trust * found + (1 - trust) * far


def _unexplained(
    behind: Tensor,
    background: Tensor,
    visible: Tensor,
    alpha: Tensor,
    psf: Psf,
    steps: Steps,
) -> Tensor:
    return behind - (1 - alpha) * reblur(background, visible, psf.sigma_2_px, psf.shape, steps)


def nearby_px(psf: Psf) -> float:
    """Return the sigma over which errors of a background are averaged, px."""
    return max(1.5, psf.sigma_2_px / 2)


def own_light(
    near: Tensor,
    background: Tensor,
    visible: Tensor,
    alpha: Tensor,
    psf: Psf,
    steps: Steps = 1.0,
) -> Tensor:
    """Return the foreground's own light ``f.M = N - Mb.(b * K2)`` (Eq. 3), 0..alpha."""
    return _unexplained(near, background, visible, alpha, psf, steps).clamp(min=0).minimum(alpha)


def reblur(
    background: Tensor, visible: Tensor, sigma_px: float, shape: PsfShape, steps: Steps = 1.0
) -> Tensor:
    """Return ``b * K2`` from a background known where it is visible (a normalised convolution)."""
    known = torch.where(visible > FLOOR, visible, 1e-3)
    blurred = collect(premultiply(background, known), sigma_px, shape, steps)
    return blurred[:, :-1] / blurred[:, -1:]
