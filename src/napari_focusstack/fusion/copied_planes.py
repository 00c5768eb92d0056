"""Where planes lie along the axis once copies among them are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.diagnostics.diagnose import same_images
from napari_focusstack.diagnostics.similarity import correlation, summarize
from napari_focusstack.errors import InputError
from napari_focusstack.planes.checks import check_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.planes.focal_stack import Planes


def places_without_copies(planes: Planes, chosen: Sequence[int]) -> list[int] | None:
    """Return where each plane lies, in plane steps, if a copy between chosen ones is left out.

    Focus did not move to a copy, so it lies where its original does. If instead it took the place
    of a plane, its step counts: the planes around it then differ as others do over two steps.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        See :func:`napari_focusstack.planes.checks.check_planes`; those left out are read as well.
    chosen : sequence of int
        Rising numbers of the planes that are used, from 1.

    Returns
    -------
    list of int or None
        None where no plane is left out unevenly, no copy is, or those left out cannot be used.

    Examples
    --------
    >>> from scipy.ndimage import gaussian_filter
    >>> specimen = np.random.default_rng(0).random((64, 64)).cumsum(0).cumsum(1) % 1
    >>> stack = [gaussian_filter(specimen, 1 + z).astype(np.float32) for z in range(5)]
    >>> places_without_copies([*stack[:3], stack[2], *stack[3:]], [1, 2, 3, 5, 6])
    [0, 1, 2, 2, 3, 4]
    """
    if len(set(np.diff(chosen))) < 2:
        return None
    try:
        checked = check_planes(planes)
    except InputError:  # those left out may be unlike the others, or damaged
        return None
    summaries = [summarize(np.asarray(plane[:, :])) for plane in checked]
    if any(summary.blank or not np.isfinite(summary.contrast) for summary in summaries):
        return None
    angle = np.arccos(correlation(summaries))
    original = {copy: first for first, copy in same_images(summaries, angle)}
    count, used = len(summaries), {number - 1 for number in chosen}
    same = [original.get(at, at) for at in range(count)]
    is_copy = [
        same[at] == same[at + 1] and not {at, at + 1} <= used and not _is_replaced(angle, same, at)
        for at in range(count - 1)
    ]
    places = [0, *np.cumsum([0 if copy else 1 for copy in is_copy]).tolist()]
    is_known = any(is_copy) and len({places[at] for at in used}) == len(used)
    return places if is_known else None


def _is_replaced(angle: np.ndarray, same: Sequence[int], at: int) -> bool:
    """Return whether a plane was replaced by a copy of the plane beside it.

    Parameters
    ----------
    angle : ndarray, (P, P)
        How planes differ; grows with their distance.
    same : sequence of int
        The first plane that shows what each plane shows.
    at : int
        Any of the planes that show the same.
    """
    once = [n for n in range(len(same)) if same[n] == n]
    first = once.index(same[at])
    around = angle[np.ix_(once, once)][max(0, first - 2) : first + 4, max(0, first - 2) : first + 4]
    first -= max(0, first - 2)
    steps, double = np.diag(around, 1), np.diag(around, 2)
    single = [step for n, step in enumerate(steps) if n != first]
    apart = [step for n, step in enumerate(double) if n not in (first - 1, first)]
    if first == len(steps) or not single or not apart or not min(*single, *apart) > 0:
        return False
    ends = np.log(np.mean(single)), np.log(np.mean(apart))
    return bool(np.log(steps[first]) > np.mean(ends))
