"""Look through a focal stack for what would spoil its fusion."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.diagnostics.diagnosis import Diagnosis
from napari_focusstack.diagnostics.plane_order import (
    better_order,
    duplicates,
    gaps,
    misplaced,
    rms_distance,
)
from napari_focusstack.diagnostics.similarity import (
    coarse_correlation,
    correlation,
    log_sharpness,
    summarize,
)
from napari_focusstack.errors import InputError
from napari_focusstack.planes.checks import DTYPES, MIN_SIDE_PX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_focusstack.diagnostics.similarity import PlaneSummary


#: A plane belongs if its best correlation reaches this share of the median plane's, and this value.
BELONGS_SHARE, BELONGS = 0.6, 0.2
#: Change of brightness against the neighbours that counts as a jump.
BRIGHTNESS_JUMP = 0.1


def diagnose(planes: Iterable[np.ndarray], labels: np.ndarray | None = None) -> Diagnosis:
    """Look through a focal stack for planes that are doubled, misplaced, missing or foreign.

    Each plane is looked at once, through a regular sample of tiles, and a third of a megabyte of it
    is kept. Planes should be registered: drift of more than a pixel hides what is small.

    Parameters
    ----------
    planes : iterable of ndarray
        Two or more (Y, X) or (Y, X, 3), in order of focus, of one size; uint8, uint16 or float32.
    labels : ndarray, (Y, X), optional
        Of the fused image: the plane, counted from 1, that each pixel comes from; 0 for none.

    Returns
    -------
    Diagnosis
        Without findings for a good stack.

    Raises
    ------
    InputError
        If there are fewer than two planes, they differ in shape, are smaller than 16 px, or hold
        NaN or infinity; if labels have another shape or name planes that are not there.

    Examples
    --------
    >>> specimen = np.random.default_rng(0).random((64, 64)).cumsum(0).cumsum(1) % 1
    >>> from scipy.ndimage import gaussian_filter
    >>> stack = [gaussian_filter(specimen, 1 + z).astype(np.float32) for z in range(5)]
    >>> diagnose(stack).messages()
    []
    >>> diagnose([*stack[:3], stack[2], *stack[3:]]).messages()
    ['Planes 3 and 4 show the same image; leave one out.']
    """
    looks, size = _summarize_all(planes)
    if labels is not None and labels.shape != size:
        raise InputError(f"labels have the shape {labels.shape}; give {size}, as the planes.")
    shares = None if labels is None else shares_of(labels, len(looks))
    shown = [index for index, look in enumerate(looks) if not look.blank]
    belongs = _belong([looks[index] for index in shown])
    fine = [index for index, good in zip(shown, belongs, strict=True) if good]
    found = _in_sequence(looks, fine) if len(fine) > 1 else {}
    return Diagnosis(
        sharpness=np.array([look.sharpness for look in looks]),
        brightness=np.array([look.brightness for look in looks]),
        steps=found.pop("steps", np.full(len(looks) - 1, np.nan)),
        blank=tuple(index + 1 for index, look in enumerate(looks) if look.blank),
        foreign=tuple(index + 1 for index in shown if index not in fine),
        flicker=_flicker(looks, fine),
        shares=shares,
        **found,
    )


def check_pair(planes: Sequence[np.ndarray]) -> None:
    """Say so if a near and a far plane show different things.

    Parameters
    ----------
    planes : sequence of ndarray
        Two (Y, X) or (Y, X, 3) of one size.

    Raises
    ------
    InputError
        If they correlate by less than `BELONGS`, fine and coarse. Of one scene, planes in which all
        that is out of focus was blurred by an eighth of the image still correlate by 0.28.

    Examples
    --------
    >>> near = np.random.default_rng(0).random((64, 64)).cumsum(0).cumsum(1) % 1
    >>> check_pair([near, 0.5 * near + 0.2])
    """
    looks = [summarize(np.asarray(plane)) for plane in planes]
    if any(look.blank for look in looks):
        return
    alike = max(correlation(looks)[0, 1], coarse_correlation(looks)[0, 1])
    if alike < BELONGS:
        raise InputError(
            f"the two planes show different things (correlation {alike:.2f}); check that they are "
            "of one scene, or turn registration off."
        )


def shares_of(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the share of the pixels that each plane gives to the fused image.

    Parameters
    ----------
    labels : ndarray, (Y, X)
        Integers 1..P, and 0 for pixels that come from no plane.
    count : int
        Number of planes P.

    Returns
    -------
    ndarray, (P,)
        0..1, of the pixels that come from a plane.

    Raises
    ------
    InputError
        If labels are not integers, or name a plane that is not there.

    Examples
    --------
    >>> shares_of(np.array([[1, 1, 1], [3, 0, 0]]), 3).tolist()
    [0.75, 0.0, 0.25]
    """
    if labels.dtype.kind not in "iu":
        raise InputError(f"labels are of type {labels.dtype}; give integers.")
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most > count:
        raise InputError(
            f"labels span {least}..{most}, but there are {count} planes; give 0..{count}."
        )
    pixels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return pixels / max(1, pixels.sum())


def _summarize_all(planes: Iterable[np.ndarray]) -> tuple[list[PlaneSummary], tuple[int, ...]]:
    """Look at planes one after the other; return the looks and (Y, X)."""
    looks: list[PlaneSummary] = []
    first: tuple[tuple[int, ...], np.dtype] | None = None
    for number, given in enumerate(planes, 1):
        plane = np.asarray(given)
        first = first or (plane.shape, plane.dtype)
        if plane.ndim not in (2, 3) or (plane.ndim == 3 and plane.shape[2] != 3):
            raise InputError(
                f"plane {number} has the shape {plane.shape}; give (Y, X), or (Y, X, 3) for RGB."
            )
        if min(plane.shape[:2]) < MIN_SIDE_PX or plane.dtype.name not in DTYPES:
            raise InputError(
                f"plane {number} is {plane.dtype} {plane.shape}; give at least {MIN_SIDE_PX} px on "
                f"each side, as {', '.join(DTYPES)}."
            )
        if (plane.shape, plane.dtype) != first:
            raise InputError(
                f"plane 1 is {first[1]} {first[0]}, plane {number} {plane.dtype} {plane.shape}; "
                "give planes of one size and type."
            )
        looks.append(summarize(plane))
        if not np.isfinite(looks[-1].contrast):
            raise InputError(f"plane {number} holds NaN or infinite values; replace them first.")
    if first is None or len(looks) < 2:
        raise InputError(f"the stack has {len(looks)} planes; give at least two.")
    return looks, first[0][:2]


def _belong(looks: Sequence[PlaneSummary]) -> np.ndarray:
    """Tell of each plane whether it resembles another, as far as the others do: (P,) bool."""
    if len(looks) < 2:
        return np.ones(len(looks), bool)
    alike = np.maximum(correlation(looks), coarse_correlation(looks))
    np.fill_diagonal(alike, -1)
    best = alike.max(1)
    return best >= max(BELONGS, BELONGS_SHARE * float(np.median(best)))


def _in_sequence(looks: Sequence[PlaneSummary], fine: Sequence[int]) -> dict[str, Any]:
    """Judge the planes that belong as a sequence; return fields of `Diagnosis`."""
    chosen = [looks[index] for index in fine]
    number = [index + 1 for index in fine]
    angle, sharpness = np.arccos(correlation(chosen)), log_sharpness(chosen)
    focus = rms_distance(sharpness)
    error = np.array([look.error for look in chosen])

    copies = _copies(chosen)
    single = [at for at in range(len(fine)) if at not in copies]
    same = [(original, copy) for copy, original in copies.items()]
    same += [(single[a], single[b]) for a, b in duplicates(_of(angle, single), error[single])]
    repeats = {second for _, second in same}
    once = [at for at in single if at not in repeats]
    order = better_order(_of(angle, once), sharpness[once])
    # A copy far from its original is a step to and fro; without it, its neighbours would be apart.
    row = [at for at in range(len(fine)) if (at - 1, at) not in same]
    wide = [] if order else gaps(_of(angle, row), _of(focus, row), error[row])
    return {
        "steps": _steps(np.sqrt(angle * focus), fine, len(looks)),
        "twins": tuple(sorted((number[a], number[b]) for a, b in same)),
        "order": tuple(number[once[at]] for at in order),
        "misplaced": tuple(number[once[at]] for at in misplaced(order)),
        "gaps": tuple((number[row[at]], number[row[at + 1]]) for at in wide),
    }


def _steps(distance: np.ndarray, fine: Sequence[int], count: int) -> np.ndarray:
    """Return the distance between neighbours in medians, NaN beside a plane left out."""
    steps = np.full(count - 1, np.nan)
    for at, (plane, following) in enumerate(pairwise(fine)):
        if following == plane + 1:
            steps[plane] = distance[at, at + 1]
    return steps / (float(np.median(np.diag(distance, 1))) or 1.0)


def _of(pairs: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    return pairs[np.ix_(chosen, chosen)]


def _copies(looks: Sequence[PlaneSummary]) -> dict[int, int]:
    """Return the planes that equal an earlier one in every pixel kept, and that plane."""
    seen: dict[bytes, int] = {}
    first = [
        seen.setdefault(blake2b(look.corner.tobytes()).digest(), at)
        for at, look in enumerate(looks)
    ]
    return {at: original for at, original in enumerate(first) if original != at}


def _flicker(looks: Sequence[PlaneSummary], fine: Sequence[int]) -> dict[int, float]:
    """Return brightness over that of the three nearest planes, where it jumps."""
    brightness = np.array([looks[index].brightness for index in fine])
    contrast = np.array([looks[index].contrast for index in fine])
    jumps = {}
    for at, index in enumerate(fine):
        around = sorted(range(len(fine)), key=lambda other: abs(other - at))[1:4]
        usual = float(np.median(brightness[around or [at]]))
        # Contrast is the scale where values lie around 0, as with a background taken away.
        change = (float(brightness[at]) - usual) / max(abs(usual), float(np.median(contrast)))
        if abs(change) > BRIGHTNESS_JUMP:
            jumps[index + 1] = 1 + change
    return jumps
