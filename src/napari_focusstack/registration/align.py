"""Align the planes of a stack, before any other step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.planes.scratch import KeptPlanes
from napari_focusstack.planes.shown import Shown, ShownMask
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration


#: Shortest side, px, of planes that ``register="auto"`` registers. Smaller ones do not show what
#: moved.
MIN_SIDE_PX = 64


def align(
    planes: list[Any],
    parameters: FuseParameters,
    known: Registration | None = None,
    shown: Shown | None = None,
) -> Generator[Progress, None, tuple[list[Any], Registration | None]]:
    """Move the planes so that each fits the middle one.

    Parameters
    ----------
    planes : list of ndarray or StoredPlane
        Checked planes, nearest first.
    parameters : FuseParameters
        Whether and how to register. ``auto`` does not move a pair: the breathing of its foreground
        is estimated together with the PSF. ``off`` does nothing.
    known : Registration, optional
        A registration of another channel or time point, to be applied as it is.
    shown : Shown, optional
        Which pixels the planes show; all of them if not given.

    Yields
    ------
    Progress

    Returns
    -------
    planes : list
        The same planes if nothing moves. Otherwise new ones, in a scratch file if the planes came
        from files.
    registration : Registration or None
        None if no registration was estimated.

    Raises
    ------
    InputError
        If the known registration is of other planes, or a plane does not belong to the others.
    """
    from napari_focusstack.diagnostics.diagnose import check_pair
    from napari_focusstack.registration.register import register_steps

    if known is not None:
        known.check(planes)
    elif parameters.register == "off" or (parameters.register == "auto" and _too_small(planes)):
        return planes, None
    elif parameters.register == "auto" and len(planes) == 2:
        check_pair(planes)
        return planes, None
    else:
        known = yield from register_steps(planes, parameters, shown)
    if known.is_identity:
        return planes, known
    moved, warp = KeptPlanes(planes), known.warp
    warped = map_in_threads(
        lambda number: warp(planes[number - 1][:, :], number),
        range(1, len(planes) + 1),
    )
    for number, plane in enumerate(warped, 1):
        moved.add(plane)
        yield Progress("move planes", number, len(planes))
    return moved.planes, known


def shown_after(registration: Registration, shown: Shown) -> Shown:
    """Return what planes show after they were moved; what was moved in is not shown.

    Parameters
    ----------
    registration : Registration
        How the planes were moved.
    shown : Shown
        What they showed before.
    """
    masks: list[ShownMask | None] = []
    for number, before in enumerate(shown.masks, 1):
        mask = registration.valid(number)
        if before is not None:
            # values between are interpolated with what is not shown
            moved = registration.warp(before.whole.astype(np.uint8) * 255, number)
            mask &= moved == 255
        masks.append(None if mask.all() else ShownMask(mask))
    return Shown(shown.size, tuple(masks))


def _too_small(planes: list[Any]) -> bool:
    """Return whether planes are too small to be registered or checked."""
    return min(planes[0].shape[:2]) < MIN_SIDE_PX
