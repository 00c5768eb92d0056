"""Bring the planes of a stack to lie on each other before anything else is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.io.plane_store import StoredPlane
from napari_focusstack.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration import Registration


#: Shortest side of planes that are registered unasked, px.
LEAST_PX = 64


def align(
    planes: list[Any], parameters: FuseParameters, known: Registration | None = None
) -> Generator[Progress, None, tuple[list[Any], Registration | None]]:
    """Move planes to where the one in the middle shows the same.

    Parameters
    ----------
    planes : list of ndarray or StoredPlane
        Checked planes, nearest first.
    parameters : FuseParameters
        Whether and how to register. ``auto`` leaves a pair alone: how its foreground breathes is
        found along with the blur.
    known : Registration, optional
        Found before, of another channel or time point; taken as it is.

    Yields
    ------
    Progress

    Returns
    -------
    planes : list
        The same planes where nothing moves; otherwise new ones, in a scratch file if they came
        from files.
    registration : Registration or None
        None where none was looked for.

    Raises
    ------
    InputError
        If the known registration is of other planes, or, where registration is on, a plane does not
        belong to the others.
    """
    from napari_focusstack.drift import register_steps
    from napari_focusstack.registration import Registration

    if known is not None:
        known.check(planes)
    elif parameters.register == "off" or (parameters.register == "auto" and _too_little(planes)):
        return planes, None
    else:
        try:
            known = yield from register_steps(planes, parameters)
        except InputError as error:
            if parameters.register == "on":
                raise
            size, model = planes[0].shape[:2], parameters.register_model
            known = Registration.identity(len(planes), size, model, f"left alone: {error}")
    if known.is_identity:
        return planes, known
    first = planes[0]
    scratch = None
    if isinstance(first, StoredPlane):
        from napari_focusstack.io.scratch import ScratchPlanes

        scratch = ScratchPlanes((len(planes), *first.shape), first.dtype)
    moved: list[Any] = []
    for number, plane in enumerate(planes, 1):
        pixels = known.warp(plane[:, :], number)
        if scratch is None:
            moved.append(pixels)
        else:
            scratch.write(number - 1, pixels)
            moved.append(StoredPlane(scratch, number - 1, first.shape))
        yield Progress("move planes", number, len(planes))
    return moved, known


def _too_little(planes: list[Any]) -> bool:
    """Tell whether there are too few planes, or too small ones, to see what moved."""
    return len(planes) == 2 or min(planes[0].shape[:2]) < LEAST_PX
