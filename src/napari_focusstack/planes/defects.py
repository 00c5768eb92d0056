"""Pixels that the sensor got wrong: hot, dead, or struck by a particle. Found, and filled.

Optics spread a point of light over its neighbours. A pixel that stands out from all of them is a
fault of the sensor: in one plane by much of the contrast, or in all planes by a little.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from napari_focusstack.imaging.number_types import as_floats, as_opencv, to_type
from napari_focusstack.planes.distinct import spread_evenly
from napari_focusstack.planes.scratch import KeptPlanes
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.planes.shown import Shown

#: How far a pixel must stand out from all its neighbours, as a share of the contrast of the stack:
#: in one plane, and in every plane.
STANDS_OUT, STANDS_OUT_ALWAYS = 0.75, 0.05
#: A pixel that stands out in every plane is a fault if it does so by more than this share of its
#: most, although sharpness around falls to less than the second share, or is nearly none: the
#: third, of what it stands out by.
STEADY, DEFOCUSED, BLANK = 0.7, 0.6, 0.1
#: Share of its light that a point in focus shows beside it at least, and in the planes beside.
SPREAD = 0.3
#: Fewest planes in which "every plane" says something.
MIN_PLANES = 3
#: Square in which sharpness around is read, px to each side.
AROUND_PX = 7
#: Contrast of a stack: between these quantiles of its pixels.
CONTRAST = (0.005, 0.995)
#: Most planes in which the contrast is measured.
CONTRAST_PLANES = 9
#: Greatest share of pixels of a plane that are faults; more are what it shows. Convention.
MOST_FAULTS = 0.005
#: Pixels around that a fault is filled from, px to each side.
FILL_PX = 2
#: A pixel and its 8 neighbours without it.
AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


@dataclass(frozen=True, eq=False)
class Defects:
    """Faulty pixels of a stack, and what they are filled with.

    Parameters
    ----------
    places : list of ndarray
        For each plane, rows and columns of its faulty pixels, (2, n).
    values : list of ndarray
        Their new values, (n,) or (n, 3), in the type of the planes.
    """

    places: list[np.ndarray]
    values: list[np.ndarray]

    @classmethod
    def of(cls, planes: Sequence[Any], shown: Shown | None = None) -> Defects | None:
        """Find the faults of planes as the sensor saw them; None where there are none.

        Parameters
        ----------
        planes : sequence of ndarray or LazyPlane
            Planes of one size and type, not registered.
        shown : Shown, optional
            Which pixels they show, if some are filled. Others are no faults.
        """
        some = spread_evenly(len(planes), CONTRAST_PLANES)
        low, high = np.mean([_contrast(planes[number - 1]) for number in some], 0)
        span = float(high - low)
        if span <= 0:
            return None
        masks, steady = [], _Steady()
        of_planes = [None] * len(planes) if shown is None else shown.masks

        def stand_out(plane: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            pixels = as_opencv(np.asarray(plane[:, :]))
            return *_standing_out(pixels), _struck_in_twos(pixels, float(high), span)

        found = map_in_threads(stand_out, planes)
        for (above, below, struck), shown_mask in zip(found, of_planes, strict=True):
            if shown_mask is not None:
                above, below, struck = (each * shown_mask.whole for each in (above, below, struck))
            steady.add(above, below)
            faults = np.maximum(above, below) > STANDS_OUT * span
            masks.append(np.packbits(faults | struck))
        always = steady.faults(planes, span)

        def fill(number: int) -> tuple[np.ndarray, np.ndarray]:
            bits = np.unpackbits(masks[number], count=always.size)
            mask = bits.reshape(always.shape).astype(bool)
            mask = (mask & (mask.mean() <= MOST_FAULTS)) | always
            mask &= always | _is_alone(planes, number, mask)
            return np.stack(np.nonzero(mask)), _filling(planes[number], mask)

        places, values = zip(*map_in_threads(fill, range(len(planes))), strict=True)
        defects = cls(list(places), list(values))
        return defects if defects.count else None

    @property
    def count(self) -> int:
        """Faulty pixels in all planes together."""
        return sum(place.shape[1] for place in self.places)

    @property
    def reason(self) -> str:
        """What was filled, in words."""
        return f"{self.count} hot or dead pixels filled"

    def mend(self, planes: Sequence[Any]) -> list[Any]:
        """Return the planes with their faults filled."""
        kept = KeptPlanes(planes)
        for plane, places, values in zip(planes, self.places, self.values, strict=True):
            pixels = plane[:, :].copy()
            pixels[tuple(places)] = values
            kept.add(pixels)
        return kept.planes


class _Steady:
    """How far pixels stand out in every plane, to the same side, gathered plane by plane."""

    def __init__(self) -> None:
        self._count = 0
        self._above = self._below = self._most = np.empty(0)

    def add(self, above: np.ndarray, below: np.ndarray) -> None:
        """Take up a plane, see :func:`_standing_out`."""
        most = np.maximum(above, below)
        if self._count:
            above, below = np.minimum(self._above, above), np.minimum(self._below, below)
            most = np.maximum(self._most, most)
        self._above, self._below, self._most = above, below, most
        self._count += 1

    def faults(self, planes: Sequence[Any], span: float) -> np.ndarray:
        """Return the faults of all planes, bool (Y, X)."""
        least = np.maximum(self._above, self._below)
        always: np.ndarray = (least > STANDS_OUT_ALWAYS * span) & (least > STEADY * self._most)
        if self._count < MIN_PLANES or always.mean() > MOST_FAULTS:
            always[:] = False
        if always.any():
            always[always] = _is_fault(planes, np.nonzero(always), least[always])
        return always


def _contrast(plane: Any) -> np.ndarray:
    """Return the quantiles of a sample of a plane that bound its contrast."""
    return np.quantile(as_opencv(np.asarray(plane[:, :])[::5, ::5]), CONTRAST)


def _standing_out(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far pixels lie above all their neighbours, and below, (Y, X), 0 where not."""
    above = cv2.subtract(pixels, cv2.dilate(pixels, AROUND)).clip(0)
    below = cv2.subtract(cv2.erode(pixels, AROUND), pixels).clip(0)
    return _greatest(above), _greatest(below)


def _greatest(pixels: np.ndarray) -> np.ndarray:
    """Return the greatest channel of pixels, (Y, X)."""
    return pixels if pixels.ndim == 2 else _combined(np.maximum, pixels)


def _combined(combine: np.ufunc, pixels: np.ndarray) -> np.ndarray:
    """Combine the channels of pixels; fifteen times as fast as a reduction of the last axis."""
    combined: np.ndarray = reduce(combine, np.moveaxis(pixels, -1, 0))
    return combined


def _is_fault(planes: Sequence[Any], at: tuple[np.ndarray, ...], least: np.ndarray) -> np.ndarray:
    """Return which pixels stand out while the sharpness around them changes or is none, (n,)."""
    offsets = np.abs(np.arange(-AROUND_PX, AROUND_PX + 1))
    beside = offsets[:, None] + offsets > 2

    def sharpness_of(plane: Any) -> np.ndarray:
        detail = np.abs(cv2.Laplacian(_grey(np.asarray(plane[:, :]), plane.ndim == 3), -1))
        mean: np.ndarray = _windows(detail, at, AROUND_PX)[:, beside].mean(1)
        return mean

    sharpness = list(map_in_threads(sharpness_of, planes))
    lowest, highest = np.min(sharpness, 0), np.max(sharpness, 0)
    return (lowest < DEFOCUSED * highest) | (highest < BLANK * least)


def _is_alone(planes: Sequence[Any], number: int, mask: np.ndarray) -> np.ndarray:
    """Return the pixels of a mask that stand alone: no neighbour, no other plane shows the light.

    A point in focus spreads over its neighbours, and in the planes beside over more of them.
    """
    alone = mask.copy()
    if not mask.any():
        return alone
    at = np.nonzero(mask)
    own, ring = _around(planes[number], at)
    height = own[:, 4] - ring
    side = np.sign(height)
    others = np.sort(side[:, None] * (np.delete(own, 4, 1) - ring[:, None]), 1)
    spread = others[:, -2] > SPREAD * np.abs(height)  # a neighbour may be struck too
    light = side * (own.mean(1) - ring)
    for other in (number - 1, number + 1):
        if 0 <= other < len(planes):
            beside, ring = _around(planes[other], at)
            beside = np.sort(side[:, None] * (beside - ring[:, None]), 1)
            spread |= beside[:, :-1].mean(1) > SPREAD * light  # one may be struck there
    alone[mask] = ~spread
    return alone


def _grey(pixels: np.ndarray, channels: bool) -> np.ndarray:
    """Return floats; the mean of the channels, where the last axis is that of channels."""
    floats = as_floats(pixels)
    return _combined(np.add, floats) / floats.dtype.type(floats.shape[-1]) if channels else floats


def _windows(image: np.ndarray, at: tuple[np.ndarray, ...], reach_px: int) -> np.ndarray:
    """Return the squares around places of an image (Y, X) or (Y, X, C), (n, side, side, ...).

    Beyond its border an image is mirrored. Only the squares are copied: faults are few.
    """
    offsets = np.arange(-reach_px, reach_px + 1)
    rows, columns = (
        _mirrored(places[:, None] + offsets, side)
        for places, side in zip(at, image.shape, strict=False)
    )
    windows: np.ndarray = image[rows[:, :, None], columns[:, None]]
    return windows


def _mirrored(places: np.ndarray, side: int) -> np.ndarray:
    """Return places as those within a side; the pixel at the border is not repeated."""
    inside: np.ndarray = side - 1 - np.abs(side - 1 - np.abs(places))
    return inside


def _around(plane: Any, at: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the 3 x 3 pixels around places, (n, 9), and the median of those around them, (n,)."""
    window = _grey(_windows(np.asarray(plane[:, :]), at, 2), plane.ndim == 3)
    inner = np.zeros((5, 5), bool)
    inner[1:4, 1:4] = True
    return window[:, inner], np.median(window[:, ~inner], 1)


def _struck_in_twos(pixels: np.ndarray, high: float, span: float) -> np.ndarray:
    """Return pixels far beyond the contrast that one neighbour equals and no other comes near."""
    brightest = _greatest(pixels)
    mask = brightest > high + span
    if not mask.any():
        return mask
    around = _windows(brightest, np.nonzero(mask), 1).reshape(-1, 9).astype(np.float64)
    third = np.sort(around, 1)[:, -3]
    mask[mask] = around[:, 4] - third > STANDS_OUT * (around[:, 4] - high + span)
    return mask


def _filling(plane: Any, mask: np.ndarray) -> np.ndarray:
    """Return the medians of the sound pixels around those of a mask, (n,) or (n, 3)."""
    if not mask.any():
        return np.empty((0, *plane.shape[2:]), plane.dtype)
    pixels = np.asarray(plane[:, :])
    at = np.nonzero(mask)
    sound = _windows(pixels, at, FILL_PX).astype(np.float64)
    sound[_windows(mask, at, FILL_PX)] = np.nan
    medians = np.nanmedian(sound, (1, 2))
    return to_type(medians, pixels.dtype)
