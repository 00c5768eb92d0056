"""Register a focal stack: estimate drift, rotation and breathing of each plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack.diagnostics.diagnosis import format_ranges
from napari_focusstack.errors import ForeignPlanesError, InputError
from napari_focusstack.parameters import RegistrationParameters
from napari_focusstack.registration.matching import (
    MIN_MOVED_PX,
    DownsampledPlane,
    Match,
    downsample,
    match,
)
from napari_focusstack.registration.transforms import IDENTITY, Registration
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_focusstack.planes.shown import Shown
    from napari_focusstack.registration.transforms import Matrix, Model


#: Distances, in planes, at which planes are matched (convention): the larger ones bound the sum of
#: small errors.
PLANE_OFFSETS = (1, 2, 4)
#: Planes whose matches are sought at a time, each on a core; so many are in memory, reduced.
PLANES_AT_A_TIME = 8
#: Greatest change of magnification that ``auto`` applies. Blur of two crossing bars in 40 planes
#: looks like one of 11%; a macro lens that focuses over 28 planes changes by 3.4%. Convention.
MAX_BREATHING = 0.1
#: Share of the stack's greatest contrast above which a plane must correlate with another
#: (convention). Below it a plane may be out of focus altogether, and show noise.
UNRELATED_CONTRAST = 0.25
#: Error of a match, px, at which its weight is halved (convention).
TOLERANCE_PX = 0.5


def register(
    planes: Sequence[np.ndarray] | np.ndarray,
    *,
    register: Literal["auto", "on", "off"] = "auto",
    model: Model = "similarity",
    progress: Callable[[Progress], None] | None = None,
) -> Registration:
    """Estimate how the planes of a focal stack moved: shift, rotation, and scale (breathing).

    Parameters
    ----------
    planes : sequence of ndarray
        Each (Y, X) or (Y, X, 3), all of one size and type. Pixels that are NaN or masked do not
        count. Each is read once, in order, so a lazy sequence needs the memory of few planes.
    register : {"auto", "on", "off"}
        ``auto`` moves planes only where that is clearly needed. Otherwise they stay, bit for bit.
    model : {"shift", "rigid", "similarity"}
        What may change: the shift; and the rotation; and the scale.
    progress : callable, optional
        Called with a :class:`~napari_focusstack.runtime.progress.Progress` after each step.

    Returns
    -------
    Registration
        Relative to the middle plane. Its ``reason`` says why planes are moved or not.

    Raises
    ------
    InputError
        If there are fewer than two planes, they differ in size, or one does not belong to the
        others.

    Examples
    --------
    >>> field = np.random.default_rng(0).random((20, 20)).repeat(8, 0).repeat(8, 1)
    >>> planes = [field[4:132, 4:132].astype(np.float32), field[6:134, 9:137].astype(np.float32)]
    >>> matrix = np.array(register(planes).matrices[0])
    >>> [round(float(shift)) for shift in matrix[:2, 2]]
    [2, 5]
    """
    from napari_focusstack.runtime.progress import run

    parameters = RegistrationParameters(register=register, register_model=model)
    return run(register_steps(planes, parameters), progress)


def register_steps(
    planes: Sequence[np.ndarray] | np.ndarray,
    parameters: RegistrationParameters,
    shown: Shown | None = None,
) -> Generator[Progress, None, Registration]:
    """Register as :func:`register`, but yield progress; close the generator to stop.

    Planes that were filled show less: see :class:`~napari_focusstack.planes.shown.Shown`.
    """
    count, model = len(planes), parameters.register_model
    if count < 2:
        raise InputError(f"{count} plane given; registration needs at least two.")
    size = planes[0].shape[:2]
    if parameters.register == "off":
        return Registration.identity(count, size, model, "registration is off")
    matches = yield from _matched(planes, shown, model)
    _check_belonging(matches, count)
    moving = [one for one in matches if one.certain and one.moved_px > MIN_MOVED_PX]
    if parameters.register == "auto" and not moving:
        return Registration.identity(count, size, model, "the planes lie still")
    matrices = _solve_global(matches, count, size)
    registration = Registration(matrices, size, model, _describe_drift(matrices, size))
    if max(registration.moved_px) <= (MIN_MOVED_PX if parameters.register == "auto" else 0):
        return Registration.identity(count, size, model, "the planes lie still")
    breathing = np.ptp(_scales(matrices))
    if parameters.register == "auto" and breathing > MAX_BREATHING:
        reason = f"planes seem to breathe by {100 * breathing:.0f}%, more than lenses do"
        return Registration.identity(count, size, model, reason)
    return registration


def _matched(
    planes: Sequence[np.ndarray] | np.ndarray, shown: Shown | None, model: Model
) -> Generator[Progress, None, list[Match]]:
    """Return the matches of each plane with those before it, some planes at a time."""
    count = len(planes)

    def prepare(number: int) -> DownsampledPlane:
        if planes[number].shape != planes[0].shape:
            raise InputError(
                f"plane 1 is {planes[0].shape}, plane {number + 1} {planes[number].shape}; give "
                "planes of one size."
            )
        mask = None if shown is None else shown.masks[number]
        return downsample(np.asanyarray(planes[number]), None if mask is None else mask.whole)

    def match_pair(pair: tuple[int, int]) -> Match:
        guess = _chain(known, *pair)
        return match(prepared[pair[0]], prepared[pair[1]], pair, guess, model)

    prepared: dict[int, DownsampledPlane] = {}
    known: dict[tuple[int, int], Match] = {}
    for start in range(0, count, PLANES_AT_A_TIME):
        numbers = range(start, min(count, start + PLANES_AT_A_TIME))
        for number, plane in zip(numbers, map_in_threads(prepare, numbers), strict=True):
            prepared[number] = plane
            yield Progress("matching planes", number, count)
        # The guess for planes far apart is the product of the matches between them.
        for offsets in (PLANE_OFFSETS[:1], PLANE_OFFSETS[1:]):
            pairs = [(n - offset, n) for n in numbers for offset in offsets if offset <= n]
            for pair, new in zip(pairs, map_in_threads(match_pair, pairs), strict=True):
                known[pair] = new
                yield Progress("matching planes", numbers[-1], count)
        for number in list(prepared):
            if number <= numbers[-1] - max(PLANE_OFFSETS):
                del prepared[number]
    return [known[pair] for pair in sorted(known, key=lambda pair: (pair[1], -pair[0]))]


def _chain(known: dict[tuple[int, int], Match], first: int, last: int) -> tuple[complex, complex]:
    """Return rotation-scale and shift from one plane to another: product of the known matches."""
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
    """Raise ForeignPlanesError if planes that are not blank correlate with none of the others."""
    min_contrast = UNRELATED_CONTRAST * max(one.contrast for one in matches)
    related = [one for one in matches if not one.unrelated or one.contrast <= min_contrast]
    groups = [{plane} for plane in range(count)]
    for first, second in (one.pair for one in related):
        joined = [group for group in groups if first in group or second in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    if len(groups) == 1:
        return
    largest = max(groups, key=lambda group: (len(group), -min(group)))
    others = set(range(count)) - largest
    best = max(one.correlation for one in matches if len(others & set(one.pair)) == 1)
    raise foreign_planes([plane + 1 for plane in others], best)


def foreign_planes(planes: Sequence[int], correlation: float) -> ForeignPlanesError:
    """Return the error that names planes, from 1, that do not match the others."""
    named = format_ranges(sorted(planes))
    return ForeignPlanesError(
        f"{f'plane {named} does' if len(planes) == 1 else f'planes {named} do'} not match the "
        f"others around (correlation {correlation:.2f}); check that all belong to one stack, or "
        "turn registration off.",
        tuple(sorted(planes)),
        correlation,
    )


def _solve_global(matches: list[Match], count: int, size: tuple[int, int]) -> tuple[Matrix, ...]:
    """Return the matrices that agree best with all matches, with the middle plane fixed.

    A point z, complex from the image's centre, lies in a plane at ``rotation_scale z + shift``.
    Logarithms of rotation-scales add up along the stack, and shifts depend on each other linearly.
    So both are solved by least squares, reweighted so that matches which contradict the others
    count less.
    """
    middle, radius = count // 2, float(np.hypot(*size)) / 2
    first, second = np.array([one.pair for one in matches]).T
    row = np.arange(len(matches))
    rotation_scale = np.array([one.rotation_scale for one in matches])
    weight = prior_weight = np.array([one.weight for one in matches])
    shift = np.array([one.shift for one in matches])
    free = np.arange(count) != middle
    logs, shifts = np.zeros(count, complex), np.zeros(count, complex)
    for _ in range(10):
        system = np.zeros((len(matches), count), complex)
        system[row, second], system[row, first] = 1, -1
        logs[free] = _solve(system[:, free], np.log(rotation_scale), weight)
        system[row, first] = -rotation_scale
        shifts[free] = _solve(system[:, free], shift, weight)
        error = radius * np.abs(logs[second] - logs[first] - np.log(rotation_scale))
        error += np.abs(shifts[second] - rotation_scale * shifts[first] - shift)
        weight = prior_weight / (1 + (error / TOLERANCE_PX) ** 2)
    return tuple(
        IDENTITY
        if plane == middle
        else _matrix(complex(np.exp(logs[plane])), complex(shifts[plane]), size)
        for plane in range(count)
    )


def _solve(system: np.ndarray, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted least squares solution."""
    root = np.sqrt(weight)
    return np.linalg.lstsq(system * root[:, None], values * root, rcond=None)[0]


def _matrix(rotation_scale: complex, shift: complex, size: tuple[int, int]) -> Matrix:
    """Return the matrix, in rows and columns, of a map of columns + i rows from the centre."""
    centre = complex((size[1] - 1) / 2, (size[0] - 1) / 2)
    offset = shift + centre - rotation_scale * centre
    return (
        (rotation_scale.real, rotation_scale.imag, offset.imag),
        (-rotation_scale.imag, rotation_scale.real, offset.real),
        (0.0, 0.0, 1.0),
    )


def _scales(matrices: tuple[Matrix, ...]) -> np.ndarray:
    """Return the magnification of each plane."""
    return np.sqrt(np.linalg.det(np.array(matrices)[:, :2, :2]))


def _describe_drift(matrices: tuple[Matrix, ...], size: tuple[int, int]) -> str:
    """Return the size of drift, rotation and breathing as words."""
    centre = np.array([(size[0] - 1) / 2, (size[1] - 1) / 2, 1])
    of_planes = np.array(matrices)
    drift = np.hypot(*(of_planes @ centre - centre)[:, :2].T).max()
    scale = _scales(matrices)
    rotation = np.degrees(np.abs(np.arctan2(of_planes[:, 1, 0], of_planes[:, 0, 0]))).max()
    words = f"planes drift by up to {drift:.1f} px"
    if rotation >= 0.05:
        words += f", rotate by {rotation:.2f}°"
    if np.ptp(scale) >= 0.0005:
        words += f" and breathe by {100 * np.ptp(scale):.2f}%"
    return words
