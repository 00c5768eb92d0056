"""Black borders that an alignment elsewhere left: found, because other planes show light there.

A plane that was shifted, rotated or scaled to fit the others covers a part of the image with
straight sides, and is black beyond. What is dark in the scene has another outline, and blurred
light falls towards it: beside a straight edge no blur leaves more than half of the light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from napari_focusstack.imaging.number_types import as_floats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Light, as a share of the brightest, up to which a pixel is black: a border is 0 at the border of
#: the image, and nearly so where interpolation or compression have changed it.
NEARLY_BLACK = 0.03
#: Shares: of the border that is black in the plane, and that another plane shows lit.
MOSTLY_BLACK, MOSTLY_LIT = 0.9, 0.5
#: Light beyond the rim, in the brightest plane, as a share of that within: a blurred edge leaves a
#: half at most.
NO_EDGE = 0.7
#: Light of the plane within the rim, as a share of that of the brightest plane, and of that deeper
#: within: it does not fall towards the rim. Convention.
LIT_TO_THE_RIM, ABRUPT = 0.5, 0.8
#: Most corners of a moved plane within the image, and how far its sides may bend: px, and as a
#: share of the longer side, by the distortion of lenses.
MAX_CORNERS, STRAIGHT_PX, STRAIGHT = 8, 1.5, 0.003
#: Quantile that is the brightest, without specks. Convention.
HIGHLIGHTS = 0.995
#: Greatest share of black within the rim. Convention: more is a dark scene.
MOST_BITES = 0.1
#: Least length of a side that is followed to the border of the image, px. Convention.
LONG_PX = 24
#: Distance over which light beside the rim is compared, px.
BESIDE_PX = 6
#: Pixels along the rim that are not used where they are interpolated with black, and where
#: compression has spread it (blocks of JPEG).
INTERPOLATED_RIM_PX, COMPRESSED_RIM_PX = 3, 8
#: How far interpolation spreads light beyond the rim, px: linear and cubic.
INTERPOLATED_PX = 2
#: Change of light in the first pixels along the rim that shows interpolation: as a share, and in
#: standard errors of pixels that differ from their neighbours. Convention.
INTERPOLATED, CLEAR = 0.07, 6.0
#: Share of pixels beyond the rim that are not quite black, from which on they are compressed.
COMPRESSED = 0.02


def black_borders(planes: Sequence[Any]) -> Iterator[tuple[int, np.ndarray]]:
    """Find planes with a black border where others show light.

    Parameters
    ----------
    planes : sequence of ndarray or LazyPlane
        Planes of one size and type, none blank.

    Yields
    ------
    (int, ndarray)
        The number of the plane, from 1, and what it shows, bool (Y, X).

    Examples
    --------
    >>> planes = np.random.default_rng(0).integers(60, 200, (3, 64, 64), np.uint8)
    >>> planes[2, :5] = 0
    >>> [(number, shown[:8, 0].tolist()) for number, shown in black_borders(planes)]
    [(3, [False, False, False, False, False, True, True, True])]
    """
    candidates = [number for number, plane in enumerate(planes, 1) if _is_black_at_border(plane)]
    if not candidates or len(planes) < 2:
        return
    brightest = _brightness(planes[0])
    for plane in planes[1:]:
        brightest = np.maximum(brightest, _brightness(plane))
    black = NEARLY_BLACK * float(np.quantile(brightest[::4, ::4], HIGHLIGHTS))
    for number in candidates:
        shown = _shown(_brightness(planes[number - 1]), brightest, black)
        if shown is not None:
            yield number, shown


def _is_black_at_border(plane: Any) -> bool:
    """Return whether a pixel at the border of a plane is 0."""
    sides = np.s_[:1, :], np.s_[-1:, :], np.s_[:, :1], np.s_[:, -1:]
    return any(not _brightness(plane, side).all() for side in sides)


def _brightness(plane: Any, part: Any = np.s_[:, :]) -> np.ndarray:
    """Return the greatest channel of a part of a plane, (Y, X)."""
    pixels = np.asarray(plane[part])
    return pixels if pixels.ndim == 2 else np.maximum.reduce(np.moveaxis(pixels, -1, 0))


def _shown(own: np.ndarray, brightest: np.ndarray, at_most: float) -> np.ndarray | None:
    """Return what a plane shows inside of its black border; None if it has none.

    Parameters
    ----------
    own, brightest : ndarray
        Brightness of the plane, and the greatest of all planes, (Y, X).
    at_most : float
        Brightness up to which a pixel is black.
    """
    black = _at_border(own <= at_most)
    outline = _outline(~black)
    if outline is None:
        return None
    covered = np.zeros(own.shape, np.uint8)
    cv2.fillConvexPoly(covered, outline, 1)
    beyond = covered == 0
    if not beyond.any() or black[~beyond].mean() > MOST_BITES:
        return None
    if black[beyond].mean() < MOSTLY_BLACK or (brightest > at_most)[beyond].mean() < MOSTLY_LIT:
        return None
    within_px = cv2.distanceTransform(covered, cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond_px = cv2.distanceTransform(1 - covered, cv2.DIST_L2, cv2.DIST_MASK_5)
    inner, deeper = (
        _ring(within_px, COMPRESSED_RIM_PX + rings * BESIDE_PX, BESIDE_PX) for rings in (0, 1)
    )
    light = as_floats(brightest)
    if not deeper.any():
        return None
    if light[_ring(beyond_px, 0, BESIDE_PX)].mean() < NO_EDGE * light[inner].mean():
        return None
    ratio = own / np.maximum(light, 1e-6 * float(light.max()))
    if np.median(ratio[inner]) < max(LIT_TO_THE_RIM, ABRUPT * float(np.median(ratio[deeper]))):
        return None
    rim_px = _rim_px(own, ratio, within_px, beyond_px)
    covered[black] = 0  # thin ends, and steps along the rim
    shown = cv2.distanceTransform(covered, cv2.DIST_L2, cv2.DIST_MASK_5) > rim_px
    return shown & _within_sides(outline, own.shape, rim_px) if rim_px else shown


def _within_sides(outline: np.ndarray, size: tuple[int, ...], rim_px: int) -> np.ndarray:
    """Return the pixels at least so far within the sides of a moved plane, bool (Y, X).

    The sides go on beyond the last black pixel, where their rim is dim and thinner than a pixel.
    """
    within = np.ones(size, bool)
    corners = cv2.approxPolyDP(outline, _bend(size), closed=True)[:, 0].astype(np.float32)
    rows, columns = np.ogrid[: size[0], : size[1]]
    middle = corners.mean(0)
    last = np.array(size[::-1]) - 1
    for start, end in zip(corners, np.roll(corners, -1, 0), strict=True):
        both = np.stack([start, end])
        at_border = ((both < 1).all(0) | (both > last - 1).all(0)).any()
        along = end - start
        length = float(np.hypot(*along))
        if at_border or length < LONG_PX:
            continue
        across = np.array([-along[1], along[0]]) / length
        across *= np.sign((middle - start) @ across)
        distance_px = (columns - start[0]) * across[0] + (rows - start[1]) * across[1]
        within &= distance_px >= rim_px - 1
    return within


def _ring(distance_px: np.ndarray, start_px: float, width_px: float) -> np.ndarray:
    """Return the pixels between two distances."""
    return (distance_px > start_px) & (distance_px <= start_px + width_px)


def _rim_px(
    own: np.ndarray, ratio: np.ndarray, within_px: np.ndarray, beyond_px: np.ndarray
) -> int:
    """Return how many pixels along the rim of a plane are not used.

    Parameters
    ----------
    own, ratio : ndarray
        Brightness of the plane, and as a share of that of the brightest, (Y, X).
    within_px, beyond_px : ndarray
        Distance from the rim to both sides, px; 0 on the other.
    """
    away = own[_ring(beyond_px, INTERPOLATED_PX, BESIDE_PX)]
    if away.size and (away != 0).mean() > COMPRESSED:
        return COMPRESSED_RIM_PX
    first, others = (ratio[_ring(within_px, *ring)] for ring in ((0, 1), (2, INTERPOLATED_RIM_PX)))
    level = float(np.median(others))
    chance = float(others.std()) / len(first) ** 0.5
    change = abs(float(np.median(first)) - level)
    is_interpolated = change > max(INTERPOLATED * level, CLEAR * chance)
    return INTERPOLATED_RIM_PX if is_interpolated else 0


def _at_border(black: np.ndarray) -> np.ndarray:
    """Return the black pixels that are connected to the border of the image."""
    parts = cv2.connectedComponents(black.astype(np.uint8), connectivity=8)[1]
    ring = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    touching = np.zeros(parts.max() + 1, bool)
    touching[ring] = True
    touching[0] = False  # part 0 is what is not black
    return touching[parts]


def _outline(covered: np.ndarray) -> np.ndarray | None:
    """Return the corners (n, 1, 2) of a covered part with straight sides; None if it has others."""
    count, parts, sizes, _ = cv2.connectedComponentsWithStats(
        covered.astype(np.uint8), connectivity=4
    )
    if count < 2:
        return None
    largest = 1 + int(sizes[1:, cv2.CC_STAT_AREA].argmax())
    contours, _ = cv2.findContours(
        (parts == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    hull = cv2.convexHull(contours[0])
    if len(cv2.approxPolyDP(hull, _bend(covered.shape), closed=True)) > MAX_CORNERS:
        return None
    return np.asarray(hull)


def _bend(size: tuple[int, ...]) -> float:
    """Return how far the sides of a plane in an image of a size may bend, px."""
    return max(STRAIGHT_PX, STRAIGHT * max(size))
