"""Check a focal stack for planes that would spoil its fusion."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.diagnostics.blurred import blurred_planes
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
from napari_focusstack.imaging.number_types import taken_type
from napari_focusstack.planes.checks import MIN_SIDE_PX
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_focusstack.diagnostics.similarity import PlaneSummary


#: A plane belongs to the stack if its best correlation with another plane reaches this value (see
#: :func:`check_pair`), and this share of the median of all planes (convention).
MIN_CORRELATION, MIN_CORRELATION_SHARE = 0.2, 0.6
#: Neighbours are one exposure if they differ by less than this share of what neighbours usually do.
#: Measured: 0.01 of a copy that was registered. Two exposures of the same differ by their noise.
COPY_SHARE = 0.1
#: Relative change of brightness against the neighbours that counts as a jump (convention).
BRIGHTNESS_JUMP = 0.1


def diagnose(planes: Iterable[np.ndarray], labels: np.ndarray | None = None) -> Diagnosis:
    """Check a focal stack for planes that are duplicated, misplaced, missing or unrelated.

    Each plane is read once, by a regular sample of tiles, and a third of a megabyte of it is kept.
    Planes should be registered: a drift of more than a pixel hides small differences.

    Parameters
    ----------
    planes : iterable of ndarray
        Two or more (Y, X) or (Y, X, 3), in order of focus, of one size and type.
    labels : ndarray, (Y, X), optional
        Labels of the fused image: the plane of each pixel, counted from 1; 0 for none.

    Returns
    -------
    Diagnosis
        Without findings for a good stack.

    Raises
    ------
    InputError
        If there are fewer than two planes, they differ in shape, are smaller than 16 px, or hold
        NaN or infinity; if labels have another shape or name a plane that does not exist.

    Examples
    --------
    >>> specimen = np.random.default_rng(0).random((64, 64)).cumsum(0).cumsum(1) % 1
    >>> from scipy.ndimage import gaussian_filter
    >>> stack = [gaussian_filter(specimen, 1 + z).astype(np.float32) for z in range(5)]
    >>> diagnose(stack).messages()
    []
    >>> diagnose([*stack[:3], stack[2], *stack[3:]]).messages()
    ['Planes 3 and 4 show the same image: one is a copy, or focus did not move.']
    """
    summaries, size = _summarize_all(planes)
    if labels is not None and labels.shape != size:
        raise InputError(f"labels have the shape {labels.shape}; give {size}, as the planes.")
    shares = None if labels is None else shares_of(labels, len(summaries))
    not_blank = [index for index, summary in enumerate(summaries) if not summary.blank]
    alike = correlation(summaries)
    belongs = _belong([summaries[index] for index in not_blank], _of(alike, not_blank))
    related = [index for index, good in zip(not_blank, belongs, strict=True) if good]
    blurred = [
        related[at]
        for at in blurred_planes([summaries[index] for index in related], _of(alike, related))
    ]
    sharp = [index for index in related if index not in blurred]
    findings = _check_sequence(summaries, sharp, alike) if len(sharp) > 1 else {}
    if blurred and findings.get("order"):  # planes out of order look blurred where they stand
        blurred, findings = [], _check_sequence(summaries, related, alike)
    blank = tuple(index + 1 for index, summary in enumerate(summaries) if summary.blank)
    left_out = {*blank, *(index + 1 for index in blurred)}  # a step over them is longer
    findings["gaps"] = tuple(
        (one, other)
        for one, other in findings.get("gaps", ())
        if not left_out.intersection(range(one, other))
    )
    return Diagnosis(
        sharpness=np.array([summary.sharpness for summary in summaries]),
        brightness=np.array([summary.brightness for summary in summaries]),
        steps=findings.pop("steps", np.full(len(summaries) - 1, np.nan)),
        blank=blank,
        unrelated=tuple(index + 1 for index in not_blank if index not in related),
        blurred=tuple(index + 1 for index in blurred),
        flicker=_flicker(summaries, related),
        shares=shares,
        **findings,
    )


def check_pair(planes: Sequence[np.ndarray]) -> None:
    """Raise InputError if a near and a far plane show different scenes.

    Parameters
    ----------
    planes : sequence of ndarray
        Two (Y, X) or (Y, X, 3) of one size.

    Raises
    ------
    InputError
        If both their fine and their coarse correlation are less than `MIN_CORRELATION`. For
        comparison: two planes of one scene correlate by 0.28 even if all that is out of focus is
        blurred by an eighth of the image.

    Examples
    --------
    >>> near = np.random.default_rng(0).random((64, 64)).cumsum(0).cumsum(1) % 1
    >>> check_pair([near, 0.5 * near + 0.2])
    """
    summaries = [summarize(np.asarray(plane)) for plane in planes]
    if any(summary.blank for summary in summaries):
        return
    largest = max(correlation(summaries)[0, 1], coarse_correlation(summaries)[0, 1])
    if largest < MIN_CORRELATION:
        raise InputError(
            f"the two planes show different things (correlation {largest:.2f}); check that they "
            "are of one scene, or turn registration off."
        )


def shares_of(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the share of each plane in the pixels of the fused image.

    Parameters
    ----------
    labels : ndarray, (Y, X)
        Integers 1..P, and 0 for pixels of no plane.
    count : int
        Number of planes P.

    Returns
    -------
    ndarray, (P,)
        Shares in the pixels that come from a plane, 0..1.

    Raises
    ------
    InputError
        If labels are not integers, or name a plane that does not exist.

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
    """Summarize planes, read one after the other; return the summaries and (Y, X)."""
    summaries: list[PlaneSummary] = []
    sizes: list[tuple[int, ...]] = []
    for number, (summary, size) in enumerate(map_in_threads(_summary, _checked(planes)), 1):
        summaries.append(summary)
        sizes.append(size)
        if not np.isfinite(summary.contrast):
            raise InputError(f"plane {number} holds NaN or infinite values; replace them first.")
    if len(summaries) < 2:
        raise InputError(f"the stack has {len(summaries)} planes; give at least two.")
    return summaries, sizes[0]


def _summary(plane: np.ndarray) -> tuple[PlaneSummary, tuple[int, ...]]:
    """Return the summary of a plane, and (Y, X)."""
    return summarize(plane), plane.shape[:2]


def _checked(planes: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield planes of one size and type."""
    first: tuple[tuple[int, ...], np.dtype] | None = None
    for number, given in enumerate(planes, 1):
        plane = np.asarray(given)
        plane = plane.astype(taken_type(plane.dtype, f"plane {number}"), copy=False)
        first = first or (plane.shape, plane.dtype)
        if plane.ndim not in (2, 3) or (plane.ndim == 3 and plane.shape[2] != 3):
            raise InputError(
                f"plane {number} has the shape {plane.shape}; give (Y, X), or (Y, X, 3) for RGB."
            )
        if min(plane.shape[:2]) < MIN_SIDE_PX:
            raise InputError(
                f"plane {number} is {plane.shape[0]} x {plane.shape[1]} px; give at least "
                f"{MIN_SIDE_PX} px on each side."
            )
        if (plane.shape, plane.dtype) != first:
            raise InputError(
                f"plane 1 is {first[1]} {first[0]}, plane {number} {plane.dtype} {plane.shape}; "
                "give planes of one size and type."
            )
        yield plane


def _belong(summaries: Sequence[PlaneSummary], alike: np.ndarray) -> np.ndarray:
    """Return whether each plane resembles another as much as the others do, (P,) bool.

    `alike` is their correlation, (P, P).
    """
    if len(summaries) < 2:
        return np.ones(len(summaries), bool)
    similarity = np.maximum(alike, coarse_correlation(summaries))
    np.fill_diagonal(similarity, -1)
    best = similarity.max(1)
    return best >= max(MIN_CORRELATION, MIN_CORRELATION_SHARE * float(np.median(best)))


def _check_sequence(
    summaries: Sequence[PlaneSummary], related: Sequence[int], alike: np.ndarray
) -> dict[str, Any]:
    """Check the order of the planes that belong to the stack; return fields of `Diagnosis`.

    `alike` is the correlation of all planes, (P, P).
    """
    chosen = [summaries[index] for index in related]
    number = [index + 1 for index in related]
    angle, sharpness = np.arccos(_of(alike, related)), log_sharpness(chosen)
    focus = rms_distance(sharpness)
    error = np.array([summary.error for summary in chosen])

    same = same_images(chosen, angle)
    repeats = {second for _, second in same}
    once = [at for at in range(len(related)) if at not in repeats]
    order = better_order(_of(angle, once), sharpness[once])
    # A copy that is no neighbour of its original stays: without it its neighbours would show a gap.
    row = [at for at in range(len(related)) if (at - 1, at) not in same]
    wide = [] if order else gaps(_of(angle, row), _of(focus, row), error[row])
    return {
        "steps": _steps(np.sqrt(angle * focus), related, len(summaries)),
        "duplicates": tuple(sorted((number[a], number[b]) for a, b in same)),
        "order": tuple(number[once[at]] for at in order),
        "misplaced": tuple(number[once[at]] for at in misplaced(order)),
        "gaps": tuple((number[row[at]], number[row[at + 1]]) for at in wide),
    }


def same_images(summaries: Sequence[PlaneSummary], angle: np.ndarray) -> list[tuple[int, int]]:
    """Return the planes that show the same image, as an original and its copy; they count from 0.

    Parameters
    ----------
    summaries : sequence of PlaneSummary
        One per plane, none blank.
    angle : ndarray, (P, P)
        Arc cosine of their correlation.
    """
    copies = _copies(summaries)
    single = [at for at in range(len(summaries)) if at not in copies]
    error = np.array([summaries[at].error for at in single])
    same = [(original, copy) for copy, original in copies.items()]
    return same + [(single[a], single[b]) for a, b in duplicates(_of(angle, single), error)]


def _steps(distance: np.ndarray, related: Sequence[int], count: int) -> np.ndarray:
    """Return the distances of neighbours over their median, NaN beside a plane left out."""
    steps = np.full(count - 1, np.nan)
    for at, (plane, following) in enumerate(pairwise(related)):
        if following == plane + 1:
            steps[plane] = distance[at, at + 1]
    return steps / (float(np.median(np.diag(distance, 1))) or 1.0)


def _of(pairs: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """Return the rows and columns of chosen planes."""
    return pairs[np.ix_(chosen, chosen)]


def _copies(summaries: Sequence[PlaneSummary]) -> dict[int, int]:
    """Return the planes that are the same exposure as an earlier one, and that plane.

    They equal it in every pixel kept. A copy that registration has moved a little less than its
    original differs by rounding, far less than neighbours do by their noise alone.
    """
    first_of: dict[bytes, int] = {}
    first = [
        first_of.setdefault(blake2b(summary.corner.tobytes()).digest(), at)
        for at, summary in enumerate(summaries)
    ]
    steps = [float(np.std(one.corner - other.corner)) for one, other in pairwise(summaries)]
    usual = float(np.median([step for step in steps if step > 0] or [0.0]))
    for at, step in enumerate(steps, 1):
        if len(steps) > 1 and first[at] == at and step < COPY_SHARE * usual:
            first[at] = first[at - 1]
    return {at: original for at, original in enumerate(first) if original != at}


def _flicker(summaries: Sequence[PlaneSummary], related: Sequence[int]) -> dict[int, float]:
    """Return brightness over that of the three nearest planes, where it jumps."""
    brightness = np.array([summaries[index].brightness for index in related])
    contrast = np.array([summaries[index].contrast for index in related])
    jumps = {}
    for at, index in enumerate(related):
        nearest = sorted(range(len(related)), key=lambda other: abs(other - at))[1:4]
        usual = float(np.median(brightness[nearest or [at]]))
        # Where values lie around 0, as after background subtraction, contrast is the scale.
        change = (float(brightness[at]) - usual) / max(abs(usual), float(np.median(contrast)))
        if abs(change) > BRIGHTNESS_JUMP:
            jumps[index + 1] = 1 + change
    return jumps
