"""Planes that are blurred as a whole: shaken, or out of focus where their neighbours are not.

Along a stack the sharpness of a place rises up to its focus and falls behind it. So a plane is at
least as sharp everywhere as the less sharp side of its neighbours. Where it is much less sharp
nearly everywhere, its exposure failed. Where two surfaces lie at one place, as a hair before a
ground, planes between them are rightly less sharp; but such a plane is more like the planes before
and behind it than these are like each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.diagnostics.similarity import (
    SHARPNESS_FLOOR,
    PlaneSummary,
    correlation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Neighbours on each side whose sharpest counts, so that two failed planes in a row are recognised.
NEIGHBOURS = 2
#: Of the tiles that neighbours show sharp: their sharpness over that of the less sharp side must be
#: less than the first in the median, and less than the second in four of five; and at most the
#: third share of them may be sharpest in this plane of all, so that nothing is lost. Measured: of
#: the planes of 46 good stacks none is below 0.94 in four of five tiles; Gaussian blur of 4 px
#: brings a plane below 0.85 in nine of ten stacks.
MOST_MEDIAN, MOST_TILES, MOST_SHARPEST = 0.7, 0.85, 0.02
#: Least tiles that say so. Convention.
MIN_TILES = 8
#: Share of the floor of sharpness that is added to both sides of the ratio (convention).
ADDED = 0.2


def blurred_planes(summaries: Sequence[PlaneSummary], alike: np.ndarray | None = None) -> list[int]:
    """Return the planes that are blurred as a whole, counted from 0.

    Parameters
    ----------
    summaries : sequence of PlaneSummary
        One per plane, in order of focus, of planes of one size.
    alike : ndarray, (P, P), optional
        Their correlation, if it is known.

    Examples
    --------
    >>> from scipy.ndimage import gaussian_filter
    >>> from napari_focusstack.diagnostics.similarity import summarize
    >>> ground = np.random.default_rng(0).random((96, 96))
    >>> stack = [gaussian_filter(ground, 1 + abs(3 - z) / 4) for z in range(7)]
    >>> stack[4] = gaussian_filter(stack[4], 4)
    >>> blurred_planes([summarize(plane) for plane in stack])
    [4]
    """
    if not summaries:
        return []
    detail = np.stack([summary.detail for summary in summaries])
    floor = SHARPNESS_FLOOR * float(np.quantile(detail.max(0), 0.9))
    if floor <= 0:
        return []
    unsharp = [at for at in range(1, len(detail) - 1) if _is_blurred(detail, at, floor)]
    if not unsharp:
        return []
    alike = correlation(summaries) if alike is None else alike
    return [at for at in unsharp if _stands_apart(alike, at)]


def _stands_apart(alike: np.ndarray, at: int) -> bool:
    """Return whether the planes beside one are more like each other than it is like both."""
    before = slice(max(0, at - NEIGHBOURS), at)
    after = slice(at + 1, at + 1 + NEIGHBOURS)
    own = min(alike[at, before].max(), alike[at, after].max())
    return bool(alike[before, after].max() > own)


def _is_blurred(detail: np.ndarray, at: int, floor: float) -> bool:
    """Return whether a plane is less sharp than both sides nearly everywhere."""
    before = detail[max(0, at - NEIGHBOURS) : at].max(0)
    after = detail[at + 1 : at + 1 + NEIGHBOURS].max(0)
    less_sharp = np.minimum(before, after)
    shown = less_sharp > floor
    if shown.sum() < MIN_TILES:
        return False
    plane = np.maximum(detail[at], 0)[shown]
    ratio = (plane + ADDED * floor) / (less_sharp[shown] + ADDED * floor)
    sharpest = plane >= detail.max(0)[shown]
    return bool(
        np.median(ratio) < MOST_MEDIAN
        and np.quantile(ratio, 0.8) < MOST_TILES
        and sharpest.mean() <= MOST_SHARPEST
    )
