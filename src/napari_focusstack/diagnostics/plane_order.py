"""Planes twice, in a wrong order, or missing: told from how alike the planes are.

Along a focal stack the likeness of two planes falls with their distance. Indices count from 0.
"""

from __future__ import annotations

import numpy as np

#: Neighbours closer than this share of their distance to the other planes show the same.
TWIN_SHARE = 0.2
#: Standard errors by which planes must differ from the others before two can be the same.
SURE = 20.0
#: Least planes whose order can be judged.
LEAST_PLANES = 4
#: What another order must save, in median steps, of the way and of the unrest of sharpness.
LEAST_GAIN = 0.4
#: A step longer than its neighbours by this factor stands out, in the mean of both distances and
#: in each: a plane is missing or misplaced.
GAP_FACTOR, GAP_FACTOR_EACH = 1.42, 1.2


def duplicates(angle: np.ndarray, error: np.ndarray) -> list[tuple[int, int]]:
    """Find neighbours that show the same image but for noise.

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
    # A regular stack has two planes one step away, so the third is two steps away.
    usual = np.sort(angle + np.diag(np.full(count, np.inf)), axis=1)[:, min(2, count - 2)]
    return [
        (first, first + 1)
        for first in range(count - 1)
        if angle[first, first + 1] < TWIN_SHARE * (least := usual[first : first + 2].min())
        and least**2 > SURE * error[first : first + 2].max()
    ]


def better_order(angle: np.ndarray, sharpness: np.ndarray) -> list[int]:
    """Find the order in which each plane is most like the next, if it is not the given one.

    In the right order a place grows sharper up to its focus and less sharp behind it. A thin
    specimen looks alike on both sides of its focus, so that a shorter way through its planes leads
    to and fro; but there is nothing in it that the given order has to explain.

    Parameters
    ----------
    angle : ndarray, (P, P)
        Arc cosine of the noise-free correlation: sees every change, drift included.
    sharpness : ndarray, (P, T)
        Logarithm of the sharpness of many places: blind to drift. Both must agree.

    Returns
    -------
    list of int
        The planes in the better order, in the direction in which fewer planes have to move; empty
        if the given order is right.
    """
    if len(angle) < LEAST_PLANES:
        return []
    given = np.arange(len(angle))
    step = float(np.median(np.diag(angle, 1)))
    change = float(np.median(np.abs(np.diff(sharpness, axis=0)).mean(1)))
    if step <= 0 or change <= 0:
        return []
    best: list[int] = []
    most = 0.0
    for distance in (angle, rms_distance(sharpness)):
        order = _shortest(distance)
        shorter = (_length(angle, given) - _length(angle, order)) / step
        calmer = (_excess_variation(sharpness) - _excess_variation(sharpness[order])) / change
        if min(shorter, calmer) > LEAST_GAIN and shorter + calmer > most:
            best, most = order.tolist(), shorter + calmer
    return best


def gaps(angle: np.ndarray, focus: np.ndarray, error: np.ndarray) -> list[int]:
    """Find steps that are much longer than the two before and the two after them.

    Parameters
    ----------
    angle : ndarray, (P, P)
        As `better_order` takes it.
    focus : ndarray, (P, P)
        Distance between where planes are sharp; the geometric mean of both ratios counts.
    error : ndarray, (P,)
        As `twins` takes it.

    Returns
    -------
    list of int
        The plane before each gap.
    """
    steps = np.diag(angle, 1)
    both = np.array([_stands_out(np.diag(distance, 1)) for distance in (angle, focus)])
    clear = (np.sqrt(both.prod(0)) > GAP_FACTOR) & (both.min(0) > GAP_FACTOR_EACH)
    sure = steps**2 > SURE * np.maximum(error[1:], error[:-1])
    return np.flatnonzero(clear & sure).tolist()


def rms_distance(values: np.ndarray) -> np.ndarray:
    """Return root mean square differences of all pairs of rows: (P, T) to (P, P)."""
    return np.array([np.sqrt(((values - row) ** 2).mean(1)) for row in values])


def misplaced(order: list[int]) -> list[int]:
    """Return the fewest planes that have to move to bring the given order into a better one."""
    # The others are the longest run of planes that ascend in the better order.
    runs: list[list[int]] = []
    for plane in order:
        before: list[int] = max((run for run in runs if run[-1] < plane), key=len, default=[])
        runs.append([*before, plane])
    stay: list[int] = max(runs, key=len, default=[])
    return sorted(set(order) - set(stay))


def _shortest(distance: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    pairs = squareform(distance, checks=False)
    order = leaves_list(linkage(pairs, "single", optimal_ordering=True))
    return min(order, order[::-1], key=lambda way: len(misplaced(way.tolist())))


def _length(distance: np.ndarray, order: np.ndarray) -> float:
    return float(distance[order[:-1], order[1:]].sum())


def _excess_variation(sharpness: np.ndarray) -> float:
    """Return how far sharpness goes up and down beyond one rise and one fall, mean of places."""
    travelled = np.abs(np.diff(sharpness, axis=0)).sum(0)
    return float((travelled - 2 * sharpness.max(0) + sharpness[0] + sharpness[-1]).mean())


def _stands_out(steps: np.ndarray) -> np.ndarray:
    """Return each step over the longest of the two before and the two after it; 0 without four."""
    ratio = np.zeros(len(steps))
    for at in range(2, len(steps) - 2):
        others = max(*steps[at - 2 : at], *steps[at + 1 : at + 3])
        ratio[at] = steps[at] / others if others > 0 else 0
    return ratio
