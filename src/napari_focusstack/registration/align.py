"""Bring the planes of a stack to lie on each other before anything else is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_focusstack.planes.lazy_plane import LazyPlane
from napari_focusstack.runtime.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration


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
        Whether and how to register. ``auto`` does not move a pair: how its foreground breathes is
        found along with the blur. ``off`` does not look at all.
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
        If the known registration is of other planes, or planes do not belong to the others.
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
        known = yield from register_steps(planes, parameters)
    if known.is_identity:
        return planes, known
    first = planes[0]
    scratch = None
    if isinstance(first, LazyPlane):
        from napari_focusstack.planes.scratch import ScratchPlanes

        scratch = ScratchPlanes((len(planes), *first.shape), first.dtype)
    moved: list[Any] = []
    for number, plane in enumerate(planes, 1):
        pixels = known.warp(plane[:, :], number)
        if scratch is None:
            moved.append(pixels)
        else:
            scratch.write(number - 1, pixels)
            moved.append(LazyPlane(scratch, number - 1, first.shape))
        yield Progress("move planes", number, len(planes))
    return moved, known


def _too_small(planes: list[Any]) -> bool:
    """Tell whether planes are too small to see what moved, or what belongs."""
    return min(planes[0].shape[:2]) < LEAST_PX
