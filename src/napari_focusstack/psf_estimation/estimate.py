"""The PSF of a pair or a stack: by KEB, by the least reblur residual, by both, or as given."""

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
    from napari_focusstack.imaging.psf_shapes import PsfShapeChoice
    from napari_focusstack.networks.keb import KEB
    from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
    from napari_focusstack.psf_estimation.defocus_slope import DefocusSlope


PsfMethod = Literal["keb", "reblur", "keb+reblur"]
METHODS: tuple[PsfMethod, ...] = ("keb", "reblur", "keb+reblur")
#: Methods that minimise the reblur residual.
BY_REBLUR: tuple[PsfMethod, ...] = ("reblur", "keb+reblur")
#: Methods that use KEB.
BY_KEB: tuple[PsfMethod, ...] = ("keb", "keb+reblur")


def check_method(psf: str | float) -> PsfMethod | float:
    """Return the method of a PSF choice, or its sigma, px; raise InputError if it is neither."""
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
    """Return the median of KEB's sigma over the patches along the boundary, px per plane step.

    Parameters
    ----------
    keb : KEB
        The network.
    patches : BoundaryPatches
        Patches of the planes along the boundary.
    to_display : callable
        Turns linear light (C, Y, X) into display coding (3, Y, X), 0..1.
    """
    near, far = (
        torch.stack([to_display(patch) for patch in plane]) for plane in (patches.near, patches.far)
    )
    inputs = torch.cat([near, far, patches.alpha], 1)
    inputs = pad_to_multiple(inputs, keb.stride)
    with torch.no_grad(), autocast(inputs.device):
        sigma_px = keb(inputs.contiguous(memory_format=torch.channels_last)).float()
    return float((sigma_px / patches.distance_steps).median())


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
        Patches of the planes along the boundary.
    psf : {"keb", "reblur", "keb+reblur"} or float
        How the sigma of K3 is estimated: by KEB; by the least reblur residual; by the same, drawn
        towards the estimate of KEB; or given, px. The sigma of K2 and, where ``shape`` is
        ``auto``, the shape always minimise the reblur residual.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSF.
    keb : KEB, optional
        Needed where psf names it.
    to_display : callable, optional
        See :func:`keb_sigma`. Needed with keb.
    slope : DefocusSlope, optional
        The blur measured on the surfaces of a stack. It is more accurate than estimates along edges
        and replaces them where psf names reblur. The residual along the edges is still measured.

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
        along_edges = fit(patches, slope.shape, expected_px=slope.sigma_px, fixed=True)
        return replace(along_edges, curve=slope.curve, max_residual_ratio=slope.max_residual_ratio)
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
