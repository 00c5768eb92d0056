"""Checks of the planes of a focal stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.number_types import as_floats, check_values, taken_type
from napari_focusstack.planes.layer_planes import is_layer, single_plane, stack_planes
from napari_focusstack.planes.lazy_plane import LazyPlane
from napari_focusstack.planes.shown import shown_by, without_alpha
from napari_focusstack.runtime.plane_choice import chosen_planes

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Steps that differ from their mean by less than this share of it are equal: stages are no better.
EVEN_STEPS = 0.05
#: Smallest side of a plane, px. Convention.
MIN_SIDE_PX = 16


def check_planes(
    planes: np.ndarray | Sequence[np.ndarray] | Sequence[LazyPlane], choice: str | None = None
) -> list[Any]:
    """Return the planes of a stack as a list; raise InputError if they cannot be used.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        Array (P, Y, X) or (P, Y, X, 3), or a list of (Y, X) or (Y, X, 3) arrays, P >= 2; of one
        of `napari_focusstack.imaging.number_types.TAKEN`. The pixels that a plane does not show are
        NaN, infinite, masked (a NumPy masked array), or not opaque in a fourth channel, alpha.
    choice : str, optional
        Planes that are chosen, see `napari_focusstack.runtime.plane_choice`. The others are neither
        read nor checked. A blank plane stands for each.

    Returns
    -------
    list of ndarray, MaskedArray or LazyPlane
        In the given order, in the machine's byte order, bool as float32, without alpha: pixels
        that are not opaque are masked. Blank planes are among them. Each
        :class:`~napari_focusstack.planes.lazy_plane.LazyPlane` is read once for the checks and is
        not kept in memory.

    Raises
    ------
    InputError
        If there are fewer than two planes, or fewer than two that are not constant, or if planes
        differ in shape or type, have another shape or type, are smaller than 16 px, or hold whole
        numbers beyond 2**53.

    Examples
    --------
    >>> stack = np.arange(2 * 32 * 32, dtype=np.uint16).reshape(2, 32, 32)
    >>> [plane.shape for plane in check_planes(stack)]
    [(32, 32), (32, 32)]
    """
    # It brings torch along, and a GUI imports this module before torch.
    from napari_focusstack.runtime.threads import map_in_threads

    if is_layer(planes):
        planes = stack_planes(planes)
    given = list(planes)
    if len(given) < 2:
        noun = "plane was" if len(given) == 1 else "planes were"
        raise InputError(f"{len(given)} {noun} given; give two or more, a near and a far one.")
    chosen = chosen_planes(choice, len(given))
    checked = {number: _plane(given[number - 1], number) for number in chosen}
    first = checked[chosen[0]]
    for number, plane in checked.items():
        _check_form(plane, number, first, chosen[0], len(given))
    reasons = map_in_threads(lambda number: _blank_reason(checked[number], number), chosen)
    blank = {number: reason for number, reason in zip(chosen, reasons, strict=True) if reason}
    if len(checked) - len(blank) < 2:
        number, reason = next(iter(blank.items()))
        raise InputError(
            f"plane {number} is {reason}, so nothing in it can be in focus; check that it is the "
            "right image."
        )
    if len(checked) == len(given):
        return list(checked.values())
    left_out = np.broadcast_to(_middle_value(first), first.shape)
    return [checked.get(number, left_out) for number in range(1, len(given) + 1)]


def _check_form(plane: Any, number: int, first: Any, first_number: int, count: int) -> None:
    """Raise InputError if a plane has a shape or type that cannot be used, unread."""
    if plane.ndim not in (2, 3) or (plane.ndim == 3 and plane.shape[-1] != 3):
        raise InputError(
            f"plane {number} has the shape {plane.shape}; give (Y, X), or (Y, X, 3) for RGB."
        )
    if min(plane.shape[:2]) < MIN_SIDE_PX:
        last = plane.ndim == 2 and min(plane.shape[0], count) >= MIN_SIDE_PX
        raise InputError(
            f"plane {number} is {plane.shape[0]} x {plane.shape[1]} px; give at least "
            f"{MIN_SIDE_PX} px on each side"
            + (", or numpy.moveaxis(planes, -1, 0) if the planes come last." if last else ".")
        )
    if plane.shape != first.shape or plane.dtype != first.dtype:
        raise InputError(
            f"plane {first_number} is {first.dtype} {first.shape}, plane {number} {plane.dtype} "
            f"{plane.shape}; give planes of one size and type."
        )


def _blank_reason(plane: Any, number: int) -> str:
    """Return why a plane is blank, empty if it is not; raise InputError for values too large."""
    values = plane[:, :]
    check_values(np.asarray(values), f"plane {number}")
    if not is_blank(values):
        return ""
    shown = shown_by(values)
    is_hidden = shown is not None and not shown.any()
    return "all NaN or transparent" if is_hidden else f"constant ({values.flat[0]})"


def _middle_value(plane: Any) -> np.ndarray:
    """Return a value, or colour, that a plane has: the median of those in its middle row."""
    middle = plane.shape[0] // 2
    row = np.asarray(plane[middle : middle + 1, :])[0]
    finite = row[np.isfinite(row).reshape(len(row), -1).all(1)]
    value = np.median(as_floats(finite), 0) if len(finite) else np.zeros(plane.shape[2:])
    return value.astype(plane.dtype)


def is_blank(plane: Any) -> bool:
    """Return whether all pixels that a plane shows are equal."""
    for part in (np.s_[:1, :], np.s_[:, :]):
        pixels = plane[part]
        shown = shown_by(pixels)
        values = np.asarray(pixels)
        values = values if shown is None else values[shown][None]
        if values.size and (values != values[0, 0]).any():
            return False
    return True


def _plane(plane: Any, number: int) -> Any:
    """Return one plane as an array without alpha; a LazyPlane is returned unread."""
    if is_layer(plane):
        plane = single_plane(plane)
    if isinstance(plane, LazyPlane):
        return plane
    values = without_alpha(np.asanyarray(plane))
    if isinstance(values, np.ma.MaskedArray) and not np.ma.is_masked(values):
        values = values.data
    return values.astype(taken_type(values.dtype, f"plane {number}"), copy=False)


def check_positions(
    positions: Sequence[float] | None, count: int, chosen: Sequence[int] | None = None
) -> np.ndarray | None:
    """Return how far each plane lies behind the first, (P,); None where all steps are equal.

    Parameters
    ----------
    positions : sequence of float or None
        Where each plane lies along the axis; rising or falling.
    count : int
        Number of planes.
    chosen : sequence of int, optional
        Rising numbers of the planes that are used, from 1; all if not given. Only these must rise
        or fall. A copy may be left out that lies where its original does.

    Raises
    ------
    InputError
        If there are more or fewer positions than planes, or they do not rise or fall throughout.

    Examples
    --------
    >>> check_positions([4, 3, 1], 3).tolist()
    [0.0, 1.0, 3.0]
    >>> check_positions([0, 1, 1, 2], 4, [1, 2, 4]).tolist()
    [0.0, 1.0, 1.0, 2.0]
    """
    if positions is None:
        return None
    places = np.asarray(positions, float)
    if places.shape != (count,):
        raise InputError(
            f"{len(positions)} positions are given for {count} planes; give one for each plane."
        )
    used = np.arange(count) if chosen is None else np.asarray(chosen) - 1
    steps = np.diff(places[used])
    if not (np.isfinite(places).all() and ((steps > 0).all() or (steps < 0).all())):
        raise InputError(
            f"the positions of the planes are {', '.join(f'{place:g}' for place in positions)}; "
            "sort the planes along the axis, and leave out those at one position."
        )
    behind = places if steps[0] > 0 else -places
    if len(used) < count:  # those left out lie between those that are used
        lowest, highest = np.full(count, -np.inf), np.full(count, np.inf)
        lowest[used] = highest[used] = behind[used]
        lowest = np.maximum.accumulate(lowest)
        highest = np.minimum.accumulate(highest[::-1])[::-1]
        behind = np.maximum.accumulate(behind.clip(lowest, highest))
    return None if are_even(behind) else behind - behind[0]


def are_even(places: Sequence[float] | np.ndarray) -> bool:
    """Return whether planes lie at equal steps, as far as stages are exact."""
    steps = np.diff(places)
    return bool(np.allclose(steps, steps.mean(), rtol=EVEN_STEPS))
