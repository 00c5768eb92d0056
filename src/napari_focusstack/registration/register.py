"""Find where each plane of a focal stack lies: drift and breathing along the stack."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack.diagnostics.diagnosis import format_ranges
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import RegistrationParameters
from napari_focusstack.registration.matching import DownsampledPlane, Match, downsample, match
from napari_focusstack.registration.transforms import IDENTITY, Registration
from napari_focusstack.runtime.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_focusstack.registration.transforms import Matrix, Model


#: How far apart planes are matched. The far ones keep small errors from adding up.
PLANE_OFFSETS = (1, 2, 4)
#: Less is not worth interpolating for, px.
LEAST_PX = 0.3
#: Share of the stack's contrast from which on a plane is expected to be like its neighbours; one
#: out of focus shows noise.
UNRELATED_CONTRAST = 0.25
#: Errors of a match from which on it counts less, px.
TOLERANCE_PX = 0.5


def register(
    planes: Sequence[np.ndarray] | np.ndarray,
    *,
    register: Literal["auto", "on", "off"] = "auto",
    model: Model = "similarity",
    progress: Callable[[Progress], None] | None = None,
) -> Registration:
    """Find how the planes of a focal stack moved: shift, rotation, and scale (breathing).

    Parameters
    ----------
    planes : sequence of ndarray
        Each (Y, X) or (Y, X, 3), all of one size; uint8, uint16 or float32. Each is read once, in
        order, so a lazy sequence needs the memory of few planes.
    register : {"auto", "on", "off"}
        ``auto`` moves planes only where that is clearly needed; otherwise they stay, bit for bit.
    model : {"shift", "rigid", "similarity"}
        What may move: shift; and rotation; and scale.
    progress : callable, optional
        Is told of each step.

    Returns
    -------
    Registration
        Relative to the plane in the middle; its ``reason`` says why planes are moved or not.

    Raises
    ------
    InputError
        If there are fewer than two planes, they differ in size, or one does not belong to the
        others.

    Examples
    --------
    >>> field = np.random.default_rng(0).random((20, 20)).repeat(8, 0).repeat(8, 1)
    >>> planes = [field[4:132, 4:132].astype(np.float32), field[6:134, 9:137].astype(np.float32)]
    >>> found = np.array(register(planes).matrices[0])
    >>> [round(float(shift)) for shift in found[:2, 2]]
    [2, 5]
    """
    from napari_focusstack.runtime.progress import run

    parameters = RegistrationParameters(register=register, register_model=model)
    return run(register_steps(planes, parameters), progress)


def register_steps(
    planes: Sequence[np.ndarray] | np.ndarray, parameters: RegistrationParameters
) -> Generator[Progress, None, Registration]:
    """Register step by step: as :func:`register`, but yielding progress; close it to stop."""
    count, model = len(planes), parameters.register_model
    if count < 2:
        raise InputError(f"{count} plane given; registration needs at least two.")
    size = planes[0].shape[:2]
    if parameters.register == "off":
        return Registration.identity(count, size, model, "registration is off")
    recent: deque[DownsampledPlane] = deque(maxlen=max(PLANE_OFFSETS))
    matches: list[Match] = []
    for plane in range(count):
        yield Progress("matching planes", plane, count)
        if planes[plane].shape != planes[0].shape:
            raise InputError(
                f"plane 1 is {planes[0].shape}, plane {plane + 1} {planes[plane].shape}; give "
                "planes of one size."
            )
        small = downsample(np.asarray(planes[plane]))
        known = {each.pair: each for each in matches[-len(PLANE_OFFSETS) * max(PLANE_OFFSETS) :]}
        for hop in (hop for hop in PLANE_OFFSETS if hop <= plane):
            guess = _chain(known, plane - hop, plane)
            found = match(recent[-hop], small, (plane - hop, plane), guess, model)
            matches.append(found)
            known[found.pair] = found
        recent.append(small)
    _check_belonging(matches, count)
    moving = [each for each in matches if each.clear and each.moved_px > LEAST_PX]
    if parameters.register == "auto" and not moving:
        return Registration.identity(count, size, model, "the planes lie still")
    placed = _solve_global(matches, count, size)
    registration = Registration(placed, size, model, _drift_in_words(placed, size))
    if max(registration.moved_px) <= (LEAST_PX if parameters.register == "auto" else 0):
        return Registration.identity(count, size, model, "the planes lie still")
    return registration


def _chain(known: dict[tuple[int, int], Match], first: int, last: int) -> tuple[complex, complex]:
    """Return the way from one plane to another by way of those between, as far as known."""
    rotation_scale, shift = 1 + 0j, 0j
    for plane in range(first, last):
        step = known.get((plane, plane + 1))
        if step is not None:
            rotation_scale, shift = (
                step.rotation_scale * rotation_scale,
                step.rotation_scale * shift + step.shift,
            )
    return rotation_scale, shift


def _check_belonging(matches: list[Match], count: int) -> None:
    """Raise InputError if planes that show something are like none of the others."""
    least = UNRELATED_CONTRAST * max(each.contrast for each in matches)
    alike = [each for each in matches if not each.unrelated or each.contrast <= least]
    groups = [{plane} for plane in range(count)]
    for first, second in (each.pair for each in alike):
        joined = [group for group in groups if first in group or second in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    if len(groups) == 1:
        return
    largest = max(groups, key=lambda group: (len(group), -min(group)))
    others = set(range(count)) - largest
    best = max(each.correlation for each in matches if len(others & set(each.pair)) == 1)
    named = format_ranges([plane + 1 for plane in sorted(others)])
    raise InputError(
        f"{f'plane {named} does' if len(others) == 1 else f'planes {named} do'} not match the "
        f"others around (correlation {best:.2f}); check that all belong to one stack, or rotation_scale "
        "registration off."
    )


def _solve_global(matches: list[Match], count: int, size: tuple[int, int]) -> tuple[Matrix, ...]:
    """Return the matrices that agree best with all matches, the middle plane staying put.

    With places as complex numbers from the image's centre, a plane lies at ``rotation_scale z + shift``.
    Logarithms of turns add up along the stack and shifts depend on each other linearly, so both
    are least squares; matches that contradict the others count less.
    """
    middle, half = count // 2, float(np.hypot(*size)) / 2
    first, second = np.array([each.pair for each in matches]).T
    edge = np.arange(len(matches))
    step = np.array([each.rotation_scale for each in matches])
    weight = trust = np.array([each.weight for each in matches])
    shift = np.array([each.shift for each in matches])
    free = np.arange(count) != middle
    turns, shifts = np.zeros(count, complex), np.zeros(count, complex)
    for _ in range(10):
        along = np.zeros((len(matches), count), complex)
        along[edge, second], along[edge, first] = 1, -1
        turns[free] = _solve(along[:, free], np.log(step), weight)
        along[edge, first] = -step
        shifts[free] = _solve(along[:, free], shift, weight)
        error = half * np.abs(turns[second] - turns[first] - np.log(step))
        error += np.abs(shifts[second] - step * shifts[first] - shift)
        weight = trust / (1 + (error / TOLERANCE_PX) ** 2)
    return tuple(
        IDENTITY
        if plane == middle
        else _matrix(complex(np.exp(rotation_scale)), complex(shift), size)
        for plane, (rotation_scale, shift) in enumerate(zip(turns, shifts, strict=True))
    )


def _solve(along: np.ndarray, steps: np.ndarray, weight: np.ndarray) -> np.ndarray:
    root = np.sqrt(weight)
    return np.linalg.lstsq(along * root[:, None], steps * root, rcond=None)[0]


def _matrix(rotation_scale: complex, shift: complex, size: tuple[int, int]) -> Matrix:
    """Return row-and-column coordinates of what columns + i rows from the centre are told of."""
    centre = complex((size[1] - 1) / 2, (size[0] - 1) / 2)
    offset = shift + centre - rotation_scale * centre
    return (
        (rotation_scale.real, rotation_scale.imag, offset.imag),
        (-rotation_scale.imag, rotation_scale.real, offset.real),
        (0.0, 0.0, 1.0),
    )


def _drift_in_words(matrices: tuple[Matrix, ...], size: tuple[int, int]) -> str:
    centre = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2, 1])
    placed = np.array(matrices)
    drift = np.hypot(*(placed @ centre - centre)[:, :2].T).max()
    scale = np.sqrt(np.linalg.det(placed[:, :2, :2]))
    rotation_scale = np.degrees(np.abs(np.arctan2(placed[:, 1, 0], placed[:, 0, 0]))).max()
    words = f"planes drift by up to {drift:.1f} px"
    if rotation_scale >= 0.05:
        words += f", rotation_scale by {rotation_scale:.2f}°"
    if np.ptp(scale) >= 0.0005:
        words += f" and breathe by {100 * np.ptp(scale):.2f}%"
    return words
