"""Duplicated, misplaced and missing planes, from the similarity of all pairs of planes.

Along a focal stack the similarity of two planes falls with their distance. Indices count from 0.
"""

from __future__ import annotations

import numpy as np

# All of these are conventions.
#: Neighbours are duplicates if their distance is less than this share of that to other planes.
DUPLICATE_SHARE = 0.2
#: Squared distance, in standard errors of the correlation, that counts as significant.
MIN_STANDARD_ERRORS = 20.0
#: Least number of planes whose order can be judged.
MIN_PLANES = 4
#: Least gain of a better order, both in length and in excess variation of sharpness, in median
#: steps.
MIN_GAIN = 0.4
#: Share of the places, 0..1, of which one plane is the sharpest in a thin specimen.
MOST_SHARPEST = 0.75
#: Ratio of a step to its neighbours from which on it is a gap: of the geometric mean of both
#: distances, and of each distance.
GAP_RATIO, GAP_RATIO_EACH = 1.42, 1.2


def duplicates(angle: np.ndarray, error: np.ndarray) -> list[tuple[int, int]]:
    """Return neighbours that show the same image apart from noise.

    Parameters
    ----------
    angle : ndarray, (P, P)
        Arc cosine of the noise-free correlation.
    error : ndarray, (P,)
        Standard error of the correlation with each plane.

    Returns
    -------
    list of (int, int)
        Pairs of neighbours, the first before the second.
    """
    count = len(angle)
    if count < 3:
        return []
    # In a regular stack two planes are one step away, so the third nearest is two steps away.
    usual = np.sort(angle + np.diag(np.full(count, np.inf)), axis=1)[:, min(2, count - 2)]
    return [
        (first, first + 1)
        for first in range(count - 1)
        if angle[first, first + 1] < DUPLICATE_SHARE * (least := usual[first : first + 2].min())
        and least**2 > MIN_STANDARD_ERRORS * error[first : first + 2].max()
    ]


def better_order(angle: np.ndarray, sharpness: np.ndarray) -> list[int]:
    """Return the order in which each plane is most similar to the next, if it is not the given one.

    In the right order the sharpness of a place rises up to its focus and falls behind it. The
    similarity alone would mislead: a thin specimen looks alike on both sides of its focus, so the
    shortest path through its planes alternates between the sides. Such an order does not lower the
    excess variation of sharpness.

    Parameters
    ----------
    angle : ndarray, (P, P)
        Arc cosine of the noise-free correlation. It responds to every change, drift included.
    sharpness : ndarray, (P, T)
        Logarithm of the sharpness of many tiles. It does not respond to drift. Both must agree.

    Returns
    -------
    list of int
        The planes in the better order, in the direction in which fewer planes have to move; empty
        if the given order is right.
    """
    if len(angle) < MIN_PLANES:
        return []
    given = np.arange(len(angle))
    step = float(np.median(np.diag(angle, 1)))
    change = float(np.median(np.abs(np.diff(sharpness, axis=0)).mean(1)))
    if step <= 0 or change <= 0:
        return []
    focus = rms_distance(sharpness)
    orders = [_shortest(distance) for distance in (angle, focus)]
    # a specimen with depth has no two sides that look alike, so that its similarity can be trusted
    trusted = _has_depth(sharpness) and np.array_equal(orders[0], orders[1])
    best: list[int] = []
    best_gain = 0.0
    for order in orders:
        shorter = (_length(angle, given) - _length(angle, order)) / step
        smoother = (_excess_variation(sharpness) - _excess_variation(sharpness[order])) / change
        least = -MIN_GAIN if trusted else MIN_GAIN
        if shorter > MIN_GAIN and smoother > least and shorter + smoother > best_gain:
            best, best_gain = order.tolist(), shorter + smoother
    return best


def gaps(angle: np.ndarray, focus: np.ndarray, error: np.ndarray) -> list[int]:
    """Return steps that are much longer than the two before and the two after them.

    Parameters
    ----------
    angle : ndarray, (P, P)
        See `better_order`.
    focus : ndarray, (P, P)
        Distance of the sharpness of two planes. The geometric mean of both ratios counts.
    error : ndarray, (P,)
        See `duplicates`.

    Returns
    -------
    list of int
        The plane before each gap.
    """
    steps = np.diag(angle, 1)
    ratios = np.array([_step_ratios(np.diag(distance, 1)) for distance in (angle, focus)])
    longer = (np.sqrt(ratios.prod(0)) > GAP_RATIO) & (ratios.min(0) > GAP_RATIO_EACH)
    significant = steps**2 > MIN_STANDARD_ERRORS * np.maximum(error[1:], error[:-1])
    return np.flatnonzero(longer & significant).tolist()


def rms_distance(values: np.ndarray) -> np.ndarray:
    """Return root mean square differences of all pairs of rows: (P, T) to (P, P)."""
    return np.array([np.sqrt(((values - row) ** 2).mean(1)) for row in values])


def misplaced(order: list[int]) -> list[int]:
    """Return the fewest planes that have to move to bring the given order into a better one."""
    # All others are the longest ascending subsequence of the better order.
    runs: list[list[int]] = []
    for plane in order:
        before: list[int] = max((run for run in runs if run[-1] < plane), key=len, default=[])
        runs.append([*before, plane])
    stay: list[int] = max(runs, key=len, default=[])
    return sorted(set(order) - set(stay))


def _shortest(distance: np.ndarray) -> np.ndarray:
    """Return the order of planes in which neighbours are closest, in the direction given."""
    if _is_in_order(distance):  # as mostly; SciPy takes half a second to be imported
        return np.arange(len(distance))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    pairs = squareform(distance, checks=False)
    order = leaves_list(linkage(pairs, "single", optimal_ordering=True))
    return min(order, order[::-1], key=lambda one: len(misplaced(one.tolist())))


def _is_in_order(distance: np.ndarray) -> bool:
    """Return whether of all planes before one, and of all behind it, its neighbour is closest."""
    last = len(distance) - 1
    behind = all(distance[n, n + 1 :].argmin() == 0 for n in range(last))
    return behind and all(distance[n, :n].argmin() == n - 1 for n in range(1, last + 1))


def _length(distance: np.ndarray, order: np.ndarray) -> float:
    """Return the sum of the distances between neighbours in an order."""
    return float(distance[order[:-1], order[1:]].sum())


def _has_depth(sharpness: np.ndarray) -> bool:
    """Return whether different planes are the sharpest at different places, (P, T)."""
    sharpest = np.bincount(sharpness.argmax(0), minlength=len(sharpness)) / sharpness.shape[1]
    return bool(sharpest.max() < MOST_SHARPEST)


def _excess_variation(sharpness: np.ndarray) -> float:
    """Return the total variation of sharpness beyond one rise and one fall, mean over tiles."""
    variation = np.abs(np.diff(sharpness, axis=0)).sum(0)
    return float((variation - 2 * sharpness.max(0) + sharpness[0] + sharpness[-1]).mean())


def _step_ratios(steps: np.ndarray) -> np.ndarray:
    """Return each step over the longest of the two before and the two after it; 0 near the ends."""
    ratio = np.zeros(len(steps))
    for at in range(2, len(steps) - 2):
        others = max(*steps[at - 2 : at], *steps[at + 1 : at + 3])
        ratio[at] = steps[at] / others if others > 0 else 0
    return ratio
