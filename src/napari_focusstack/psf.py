"""The point spread function: from KEB, from reblur consistency, from both, or given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch

from napari_focusstack.errors import InputError
from napari_focusstack.networks.inference import autocast, filled_up
from napari_focusstack.optics import check_sigma
from napari_focusstack.reblur import fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_focusstack.lens import Psf
    from napari_focusstack.networks.keb import KEB
    from napari_focusstack.reblur import PsfShapeChoice
    from napari_focusstack.step_blur import StepBlur
    from napari_focusstack.windows import Windows

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


def keb_sigma(keb: KEB, windows: Windows, shown: Callable[[Tensor], Tensor]) -> float:
    """Ask KEB for sigma in each window along the boundary and return the median, px per plane step.

    Parameters
    ----------
    keb : KEB
        The network.
    windows : Windows
        Pieces along the boundary.
    shown : callable
        Turns light (C, Y, X) into what networks see, (3, Y, X), coded for display.
    """
    near, far = (torch.stack([shown(one) for one in part]) for part in (windows.near, windows.far))
    seen = torch.cat([near, far, windows.alpha], 1)
    seen = filled_up(seen, keb.stride)
    with torch.no_grad(), autocast(seen.device):
        answer = keb(seen.contiguous(memory_format=torch.channels_last)).float()
    return float((answer / windows.steps).median())


def estimate(
    windows: Windows,
    *,
    psf: str | float = "keb+reblur",
    shape: PsfShapeChoice = "auto",
    keb: KEB | None = None,
    shown: Callable[[Tensor], Tensor] | None = None,
    step: StepBlur | None = None,
) -> Psf:
    """Estimate the PSF of a pair, or of one plane step of a stack.

    Parameters
    ----------
    windows : Windows
        Pieces along the boundary.
    psf : {"keb", "reblur", "keb+reblur"} or float
        KEB's answer; the least reblur residual; the same, drawn towards KEB's answer; or sigma
        itself, px. The sigma of K2 and, where ``shape`` is ``auto``, the shape follow from
        reblur consistency each time.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSF.
    keb : KEB, optional
        Needed where psf names it.
    shown : callable, optional
        See :func:`keb_sigma`; needed with keb.
    step : StepBlur, optional
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
    if step is not None and method in BY_REBLUR:
        found = fit(windows, step.shape, expected_px=step.sigma_px, fixed=True)
        return replace(found, curve=step.curve, bar=step.bar)
    if method == "reblur":
        return fit(windows, shape)
    if isinstance(method, str):
        if keb is None or shown is None:
            raise InputError(
                f"psf is {method!r} but KEB was not given; use psf='reblur' or load KEB."
            )
        sigma = keb_sigma(keb, windows, shown)
    else:
        sigma = method
    return fit(windows, shape, expected_px=sigma, fixed=method != "keb+reblur")
