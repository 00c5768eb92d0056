"""What takes the place of pixels that a plane does not show, so that no step sees their rim.

They are filled from the nearest plane that shows most of them. Along the rim both planes are
brought to the same light, so that there is no edge. Nothing is chosen from a filling: it only
keeps focus measures, networks and blurs near the rim undisturbed.
"""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from napari_focusstack.filters.nearest import nearest_values
from napari_focusstack.imaging.number_types import as_floats, to_type
from napari_focusstack.planes.scratch import KeptPlanes
from napari_focusstack.runtime.region import bounding_box, pad, to_global, to_local
from napari_focusstack.runtime.threads import map_in_threads
from napari_focusstack.runtime.tiles import tiles_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.planes.shown import Shown
    from napari_focusstack.runtime.region import Region

#: Side of the tiles that are filled at once, px. Speed: most of what is filled is a narrow frame,
#: of which a tile holds a piece.
TILE_PX = 128
#: Sigmas of the Gaussians over which the difference of two planes is averaged along the rim, px: it
#: holds at the rim, and has vanished at three times the second.
RIM_PX = (2.0, 16.0)
#: Wide Gaussians are computed at this fraction of the size (speed).
COARSE = 4
#: A plane fills a hole only if it shows more than this share of what is left of it; then those that
#: show any. Speed: where the picture breathes, each plane shows a rim of half a pixel more.
SHARES = (0.5, 0.0)


def fill(planes: Sequence[Any], shown: Shown, blank: Sequence[bool]) -> list[Any]:
    """Return planes whose pixels that are not shown are filled; the others stay bit for bit.

    Parameters
    ----------
    planes : sequence of ndarray or LazyPlane
        Planes of one size and type. What is not shown may hold anything.
    shown : Shown
        What they show.
    blank : sequence of bool
        Which planes show nothing; they fill no other.

    Returns
    -------
    list
        The same planes where they show everything, else new ones.

    Examples
    --------
    >>> from napari_focusstack.planes.shown import Shown
    >>> first, second = np.full((2, 32, 32), 7, np.float32)
    >>> second[:, 4:], second[:, :4] = 5, np.nan
    >>> blank = [False, False]
    >>> filled = fill([first, second], Shown.of([first, second], blank), blank)[1]
    >>> filled[0, :5].round(3).tolist()
    [5.0, 5.0, 5.0, 5.0, 5.0]
    """
    numbers = shown.incomplete
    filled = list(planes)
    if not numbers:
        return filled
    kept = KeptPlanes([planes[number - 1] for number in numbers])
    for plane in map_in_threads(partial(_filled, planes, shown, blank), numbers):
        kept.add(plane)
    for number, plane in zip(numbers, kept.planes, strict=True):
        filled[number - 1] = plane
    return filled


def _filled(planes: Sequence[Any], shown: Shown, blank: Sequence[bool], number: int) -> np.ndarray:
    """Return one plane, filled from the others."""
    mask = shown.masks[number - 1]
    assert mask is not None  # only these are filled
    pixels = np.array(planes[number - 1][:, :])
    others = sorted(range(1, len(planes) + 1), key=lambda other: abs(other - number))[1:]
    others = [other for other in others if not blank[other - 1]]
    margin = int(3 * RIM_PX[1])
    whole = mask.whole
    out = pixels.copy()
    for tile in tiles_of(shown.size, TILE_PX):
        hole = None if mask[tile] is None else bounding_box(~whole[tile])
        if hole is None:
            continue
        inner = to_global(hole, tile)
        outer = pad(inner, margin, shown.size)
        known = whole[outer].copy()
        image = as_floats(np.where(_like(known, pixels), pixels[outer], pixels.dtype.type(0)))
        for share, other in product(SHARES, others):
            if known.all():
                break
            _take_from(planes[other - 1], shown.masks[other - 1], outer, image, known, share)
        if not known.all():
            _continue(image, known, pixels, whole)
        hidden = ~whole[inner]
        out[inner][hidden] = to_type(image[to_local(inner, outer)][hidden], out.dtype)
    return out


def _take_from(
    other: Any, mask: Any, outer: Region, image: np.ndarray, known: np.ndarray, share: float
) -> None:
    """Fill what another plane shows of a region, in place, in the light that is known beside it.

    Nothing is filled where it does not show more than a share of what is not known.
    """
    shows = None if mask is None else mask[outer]
    hidden = ~known
    taken = hidden if shows is None else hidden & shows
    if taken.sum() <= share * hidden.sum():
        return
    given = np.asarray(other[outer])
    both = known if shows is None else known & shows
    given = as_floats(np.where(_like(both | taken, given), given, given.dtype.type(0)))
    difference = np.where(_like(both, image), image - given, 0)
    offset = np.zeros_like(image)
    for sigma_px in reversed(RIM_PX):
        weight = _like(_blurred(both.astype(np.float32), sigma_px), image)
        mean = _blurred(difference, sigma_px) / np.maximum(weight, 1e-6)
        offset += np.minimum(2 * weight, 1) * (mean - offset)
    image[taken] = (given + offset)[taken]
    known |= taken


def _continue(image: np.ndarray, known: np.ndarray, plane: np.ndarray, shows: np.ndarray) -> None:
    """Fill what no plane shows by the nearest pixels, else by the plane's median, in place."""
    if not known.any():
        image[...] = np.median(as_floats(plane[shows]), 0) if shows.any() else 0
        return
    deep = torch.from_numpy(np.atleast_3d(image).transpose(2, 0, 1).copy())
    values, _ = nearest_values(deep, torch.from_numpy(known)[None])
    image[~known] = values.permute(1, 2, 0).numpy().reshape(image.shape)[~known]


def _blurred(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Return an image (Y, X) or (Y, X, 3) after a Gaussian blur."""
    if sigma_px < 2 * COARSE:
        return cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)
    height, width = image.shape[:2]
    size = -(-width // COARSE), -(-height // COARSE)
    coarse = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(_blurred(coarse, sigma_px / COARSE), (width, height))


def _like(mask: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return a mask (Y, X) that broadcasts against an image."""
    return mask if image.ndim == 2 else mask[..., None]
