"""The point spread function: from KEB, from reblur consistency, from both, or given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.kernels import check_sigma
from napari_focusstack.networks.device import autocast
from napari_focusstack.psf_estimation.search import fit
from napari_focusstack.runtime.tiles import pad_to_multiple

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.networks.keb import KEB
    from napari_focusstack.parameters import PsfShapeChoice
    from napari_focusstack.psf_estimation.boundary_windows import BoundaryPatches
    from napari_focusstack.psf_estimation.defocus_slope import DefocusSlope


PsfMethod = Literal["keb", "reblur", "keb+reblur"]
METHODS: tuple[PsfMethod, ...] = ("keb", "reblur", "keb+reblur")
#: Those that compare what is blurred with what is sharp.
BY_REBLUR: tuple[PsfMethod, ...] = ("reblur", "keb+reblur")
#: Those that ask KEB.
BY_KEB: tuple[PsfMethod, ...] = ("keb", "keb+reblur")


def check_method(psf: str | float) -> PsfMethod | float:
    """Return a PSF choice, a word or a sigma in px, or raise InputError."""
    if isinstance(psf, str):
        for method in METHODS:
            if psf == method:
                return method
        try:
            psf = float(psf)
        except ValueError:
            raise InputError(
                f"psf is {psf!r}; choose {', '.join(METHODS)} or give sigma in pixels."
            ) from None
    return check_sigma(psf)


def keb_sigma(keb: KEB, patches: BoundaryPatches, to_display: Callable[[Tensor], Tensor]) -> float:
    """Ask KEB for sigma in each window along the boundary and return the median, px per plane step.

    Parameters
    ----------
    keb : KEB
        The network.
    patches : BoundaryPatches
        Pieces of the planes along the boundary.
    to_display : callable
        Turns light (C, Y, X) into what networks see, (3, Y, X), coded for display.
    """
    near, far = (
        torch.stack([to_display(one) for one in part]) for part in (patches.near, patches.far)
    )
    seen = torch.cat([near, far, patches.alpha], 1)
    seen = pad_to_multiple(seen, keb.stride)
    with torch.no_grad(), autocast(seen.device):
        answer = keb(seen.contiguous(memory_format=torch.channels_last)).float()
    return float((answer / patches.distance_steps).median())


def estimate(
    patches: BoundaryPatches,
    *,
    psf: str | float = "keb+reblur",
    shape: PsfShapeChoice = "auto",
    keb: KEB | None = None,
    to_display: Callable[[Tensor], Tensor] | None = None,
    slope: DefocusSlope | None = None,
) -> Psf:
    """Estimate the PSF of a pair, or of one plane step of a stack.

    Parameters
    ----------
    patches : BoundaryPatches
        Pieces of the planes along the boundary.
    psf : {"keb", "reblur", "keb+reblur"} or float
        KEB's answer; the least reblur residual; the same, drawn towards KEB's answer; or sigma
        itself, px. The sigma of K2 and, where ``shape`` is ``auto``, the shape follow from
        reblur consistency each time.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSF.
    keb : KEB, optional
        Needed where psf names it.
    to_display : callable, optional
        See :func:`keb_sigma`; needed with keb.
    slope : DefocusSlope, optional
        What the surfaces of a stack tell of the blur: surer than what edges and KEB tell, and
        taken in place of it where psf names reblur. The residual along the edges says how well a
        veil of that blur explains them.

    Returns
    -------
    Psf

    Raises
    ------
    InputError
        If psf is neither a method nor a positive number.
    """
    method = check_method(psf)
    if slope is not None and method in BY_REBLUR:
        found = fit(patches, slope.shape, expected_px=slope.sigma_px, fixed=True)
        return replace(found, curve=slope.curve, max_residual_ratio=slope.max_residual_ratio)
    if method == "reblur":
        return fit(patches, shape)
    if isinstance(method, str):
        if keb is None or to_display is None:
            raise InputError(
                f"psf is {method!r} but KEB was not given; use psf='reblur' or load KEB."
            )
        sigma = keb_sigma(keb, patches, to_display)
    else:
        sigma = method
    return fit(patches, shape, expected_px=sigma, fixed=method != "keb+reblur")
