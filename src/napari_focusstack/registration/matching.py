"""Match two planes of a focal stack that differ in focus: their shift, rotation and scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.imaging.number_types import as_floats, as_opencv
from napari_focusstack.planes.shown import shown_by
from napari_focusstack.registration.equal_blur import BlurredPlane, equally_blurred

if TYPE_CHECKING:
    from napari_focusstack.registration.transforms import Model


#: Pixels of a plane at which tiles vote on a match (speed).
WORKING_PIXELS = 1_200_000
#: Pixels of a plane at which the search ends: more do not make it more accurate.
SEARCH_PIXELS = 150_000
#: Shortest side at which the search begins, px.
COARSEST_PX = 48
#: Sigmas of the band-pass in which planes that differ in focus are compared, px (convention).
BAND_PX = (1.5, 8.0)
#: Side of the tiles that vote on a match, px. Measured with the next two: the tile vote on the page
#: Registration.
TILE_PX = 32
#: A movement is significant if at least this share of the tiles correlates better after it, and
#: 1 - correlation falls at least to this share (median).
MIN_VOTE, MAX_ERROR_RATIO = 0.6, 0.95
#: It is certain that planes moved if the vote lies so many standard deviations of chance above one
#: half, and 1 - correlation falls to this share. Measured on 107 small layered scenes of 3 to 40
#: planes, moved by up to 1 px: at most 0.65, mostly less than 0.1. At rest two reach 3 deviations,
#: one at 0.91, and one of two crossing bars alone, whose blur looks like magnification.
MIN_DEVIATIONS, MAX_CERTAIN_RATIO = 3.0, 0.8
#: Largest movement, px, that is accepted if half of the tiles vote for it, significant or not
#: (convention).
MAX_DOUBTFUL_PX = 1.0
#: Least movement, px, that ``auto`` applies (convention): interpolation costs more than it gains.
MIN_MOVED_PX = 0.3
#: Weight of a match that is not significant, relative to one that is (convention).
INSIGNIFICANT_WEIGHT = 0.1
#: Correlation below which planes are unrelated. Measured: neighbours in 200 layered stacks of 3 to
#: 12 planes reach 0.42 at least, 99.5% of 800 pairs of different photographs at most 0.27.
MAX_UNRELATED_CORRELATION = 0.35
#: Share of a reduced pixel that must be shown for it to count: all of it, but for rounding.
ALL = 0.999
#: Longest side of the planes whose coarse correlation is computed, px (convention).
CORRELATION_SIDE_PX = 128
#: Sigmas of the band-passes in which it is, px (convention): confocal sections have the fine one in
#: common, planes far out of focus the coarse one.
CORRELATION_BANDS_PX = (1.0, 8.0), (2.0, 16.0)


@dataclass(frozen=True)
class DownsampledPlane:
    """A plane prepared for matching: grey, in approximately linear light, scaled to 0..1, reduced.

    Parameters
    ----------
    size : tuple of int
        Rows and columns of the plane.
    band : ndarray
        Band-pass of the plane, in which tiles vote.
    band_scale : int
        Factor by which `band` is reduced.
    image : ndarray
        The plane in which the movement is searched.
    scale : int
        Factor by which `image` is reduced.
    span : float
        Pixel values of the plane per unit of `band` and `image`.
    shown : ndarray of float32 or None
        Share of the pixels of `image` that the plane shows, 0..1; None if it shows all.
    band_shown : ndarray of float32 or None
        The same of `band`.
    """

    size: tuple[int, int]
    band: np.ndarray
    band_scale: int
    image: np.ndarray
    scale: int
    span: float
    shown: np.ndarray | None = None
    band_shown: np.ndarray | None = None

    @cached_property
    def blurred(self) -> BlurredPlane:
        """`image` blurred, as it is needed where planes seem to have moved."""
        return BlurredPlane.of(self.image)


@dataclass(frozen=True)
class Match:
    """Position of one plane against another.

    A point z of the first plane is ``rotation_scale z + shift`` in the second. Points are complex:
    columns + i rows from the image's centre, px of the planes.

    Parameters
    ----------
    pair : tuple of int
        Indices of both planes.
    rotation_scale, shift : complex
        See above; 1 and 0 where the planes did not move.
    significant : bool
        Whether the vote of the tiles shows that the planes moved.
    certain : bool
        Whether the vote cannot be chance, and the gain of correlation no effect of blur.
    moved_px : float
        Largest movement of any pixel, px.
    correlation : float
        Coarse correlation of both planes, 0..1, in the band where it is greatest.
    contrast : float
        The lower of their coarse contrasts, pixel values.
    """

    pair: tuple[int, int]
    rotation_scale: complex
    shift: complex
    significant: bool
    certain: bool
    moved_px: float
    correlation: float
    contrast: float

    @property
    def unrelated(self) -> bool:
        """Whether the planes show different scenes, provided that both show anything."""
        return self.correlation < MAX_UNRELATED_CORRELATION

    @property
    def weight(self) -> float:
        """Weight of the match; one that is not significant counts a little between neighbours."""
        offset = self.pair[1] - self.pair[0]
        trust = 1.0 if self.significant else INSIGNIFICANT_WEIGHT if offset == 1 else 0.0
        return trust * max(self.correlation, 0.05) / offset


def downsample(plane: np.ndarray, shown: np.ndarray | None = None) -> DownsampledPlane:
    """Return a plane prepared for matching.

    Parameters
    ----------
    plane : ndarray
        Shape (Y, X) or (Y, X, 3).
    shown : ndarray of bool, optional
        Shape (Y, X): the pixels that it shows, if the others are filled; those that are neither
        NaN nor masked, if not given.
    """
    import cv2

    rows, columns = plane.shape[:2]
    if shown is None:
        shown = shown_by(plane)
        if shown is not None:
            plane = np.array(plane)
            plane[~shown] = np.median(plane[shown], 0) if shown.any() else 0
    factor = max(1, round(math.sqrt(rows * columns / WORKING_PIXELS)))
    whole = plane[: rows // factor * factor, : columns // factor * factor]
    side = (columns // factor, rows // factor)
    image = cv2.resize(as_opencv(whole), side, interpolation=cv2.INTER_AREA)
    image = as_floats(image)
    if plane.ndim == 3:
        image = image.mean(2)
        if plane.dtype == np.uint8:
            image = (image / 255) ** 2  # approximately linear light, in which defocus is symmetric
    low, high = float(image.min()), float(image.max())
    span = high - low or 1.0
    image = ((image - low) / span).astype(np.float32, copy=False)
    step = 2 ** max(0, round(math.log2(image.size / SEARCH_PIXELS) / 2))
    band = _band(image, *BAND_PX)
    of_image = of_band = None
    if shown is not None:
        of_band = _area_mean(shown.astype(np.float32), factor)
        of_image = _area_mean(of_band, step)
    return DownsampledPlane(
        (rows, columns),
        band,
        factor,
        _area_mean(image, step),
        factor * step,
        span,
        of_image,
        of_band,
    )


def match(
    first: DownsampledPlane,
    second: DownsampledPlane,
    pair: tuple[int, int],
    guess: tuple[complex, complex],
    model: Model,
) -> Match:
    """Match two planes, coarse to fine, by the enhanced correlation coefficient (ECC).

    Planes that seem to have moved are matched at equal blur.

    Parameters
    ----------
    first, second : DownsampledPlane
        Planes of one size.
    pair : tuple of int
        Their indices.
    guess : tuple of complex
        Rotation-scale and shift at the start.
    model : {"shift", "rigid", "similarity"}
        What may change: the shift; and the rotation; and the scale.

    Returns
    -------
    Match
        Without movement if the tiles do not show one.
    """
    rotation_scale, shift = guess
    if _moved_px(*guess, first.size) <= MIN_MOVED_PX:
        rotation_scale, shift = _search(first, second, pair, guess, model)
    if _moved_px(rotation_scale, shift, first.size) > MIN_MOVED_PX:  # or is it blur?
        of_first, of_second = equally_blurred(first.blurred, second.blurred)
        equal = replace(first, image=of_first), replace(second, image=of_second)
        rotation_scale, shift = _search(*equal, pair, guess, model)
    correlation, contrast = _correlation(first, second, rotation_scale, shift)
    moved = _moved_px(rotation_scale, shift, first.size)
    vote, error_ratio, count = _tile_vote(first, second, rotation_scale, shift)
    significant = vote >= MIN_VOTE and error_ratio <= MAX_ERROR_RATIO
    deviations = (vote - 0.5) * 2 * math.sqrt(count)
    certain = significant and deviations >= MIN_DEVIATIONS and error_ratio <= MAX_CERTAIN_RATIO
    accepted = significant or (vote >= 0.5 and moved <= MAX_DOUBTFUL_PX)
    if correlation < MAX_UNRELATED_CORRELATION or not accepted:
        return Match(pair, 1 + 0j, 0j, False, False, 0.0, correlation, contrast)
    return Match(pair, rotation_scale, shift, significant, certain, moved, correlation, contrast)


def _search(
    first: DownsampledPlane,
    second: DownsampledPlane,
    pair: tuple[int, int],
    guess: tuple[complex, complex],
    model: Model,
) -> tuple[complex, complex]:
    """Return rotation-scale and shift after a search, coarse to fine."""
    rotation_scale, shift = guess
    # The guess for planes far apart is the product of the matches between them, and is close.
    neighbours = pair[1] - pair[0] == 1
    halvings = int(math.log2(max(min(first.image.shape) / COARSEST_PX, 1))) if neighbours else 0
    for level in range(halvings, -1, -1):
        rotation_scale, shift = _refine(first, second, 2**level, rotation_scale, shift, model)
    return rotation_scale, shift


def _refine(
    first: DownsampledPlane,
    second: DownsampledPlane,
    step: int,
    rotation_scale: complex,
    shift: complex,
    model: Model,
) -> tuple[complex, complex]:
    """Return rotation_scale and shift after a search in images reduced once more, by `step`."""
    import cv2

    motion = {
        "shift": cv2.MOTION_TRANSLATION,
        "rigid": cv2.MOTION_EUCLIDEAN,
        "similarity": cv2.MOTION_AFFINE,  # the nearest similarity is taken below
    }[model]
    a, b = (_area_mean(plane.image, step) for plane in (first, second))
    scale = first.scale * step
    start = _affine(rotation_scale, shift, scale, first.size).astype(np.float32)
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    counted = _counted(first, second, step, start)
    try:
        _, warp = cv2.findTransformECC(a, b, start, motion, ends, counted, 5)
    except cv2.error:  # the images do not correlate
        return rotation_scale, shift
    affine = np.asarray(warp)
    new = complex(affine[0, 0] + affine[1, 1], affine[1, 0] - affine[0, 1]) / 2
    centre = _centre(scale, first.size)
    moved_centre = affine[:, :2] @ (centre.real, centre.imag) + affine[:, 2]
    if not (0.8 < abs(new) < 1.25 and new.real > 0.9 * abs(new)):  # no drift is as large as this
        return rotation_scale, shift
    return new, (complex(*moved_centre) - centre) * scale


def _counted(
    first: DownsampledPlane, second: DownsampledPlane, step: int, start: np.ndarray
) -> np.ndarray:
    """Return the pixels of the second plane that the search counts, 0 or 255: both show them."""
    import cv2

    reduced = [
        None if plane.shown is None else _area_mean(plane.shown, step) for plane in (first, second)
    ]
    counted = np.full([side // step for side in second.image.shape], 255, np.uint8)
    if reduced[1] is not None:
        counted[reduced[1] < ALL] = 0
    if reduced[0] is not None:
        moved = cv2.warpAffine(reduced[0], start, counted.shape[::-1], borderValue=1.0)
        counted[moved < ALL] = 0
    return counted


def _area_mean(image: np.ndarray, step: int) -> np.ndarray:
    """Return an image reduced by a whole number, each pixel the mean of ``step`` squared."""
    import cv2

    rows, columns = (side // step for side in image.shape)
    whole = image[: rows * step, : columns * step]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def _centre(scale: int, size: tuple[int, int]) -> complex:
    """Return the centre of a plane in px of the plane reduced by `scale`, columns + i rows."""
    rows, columns = ((side - scale) / 2 / scale for side in size)
    return complex(columns, rows)


def _affine(
    rotation_scale: complex, shift: complex, scale: int, size: tuple[int, int]
) -> np.ndarray:
    """Return the 2 x 3 matrix, columns first, that moves a plane reduced by `scale`."""
    centre = _centre(scale, size)
    offset = shift / scale + centre - rotation_scale * centre
    return np.array(
        [
            [rotation_scale.real, -rotation_scale.imag, offset.real],
            [rotation_scale.imag, rotation_scale.real, offset.imag],
        ]
    )


def _moved_px(rotation_scale: complex, shift: complex, size: tuple[int, int]) -> float:
    """Return the largest movement of any pixel, px: that of a corner."""
    rows, columns = ((side - 1) / 2 for side in size)
    corners = np.array([1, -1])[:, None] * columns + 1j * np.array([1, -1]) * rows
    return float(np.abs(rotation_scale * corners + shift - corners).max())


def _moved(
    image: np.ndarray, affine: np.ndarray, shown: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image moved to fit the first plane, and the mask of the pixels that it shows."""
    import cv2

    side = image.shape[::-1]
    present = np.ones_like(image) if shown is None else (shown >= ALL).astype(image.dtype)
    covered = cv2.warpAffine(present, affine, side, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, affine, side, flags=flags), covered > 0


def _band(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the difference of two Gaussian blurs of these sigmas, px."""
    import cv2

    return cv2.GaussianBlur(image, (0, 0), low) - cv2.GaussianBlur(image, (0, 0), high)


def _tile_vote(
    first: DownsampledPlane, second: DownsampledPlane, rotation_scale: complex, shift: complex
) -> tuple[float, float, int]:
    """Return the share of the tiles that correlate better after a movement, and the error ratio.

    Defocus moves nothing on average, but a search that follows the strongest edges reports a
    movement where the blur of a foreground widens. Tiles of fine structure, with one vote each,
    distinguish the two: in still scenes about half of them correlate better, in moved ones nearly
    all.

    Returns
    -------
    vote : float
        Share of the half of the tiles with more structure that correlate better.
    error_ratio : float
        Median over them of (1 - correlation after) / (1 - correlation before).
    count : int
        How many they are.
    """
    a, b = first.band, second.band
    affine = _affine(rotation_scale, shift, first.band_scale, first.size)
    moved, covered = _moved(b, affine, second.band_shown)
    if first.band_shown is not None:
        covered &= first.band_shown >= ALL
    side = min(TILE_PX, max(8, min(a.shape) // 8))
    before, _ = _tile_correlation(a, b, side)
    after, structure = _tile_correlation(a, moved, side)
    whole = _tiles(covered, side).all((1, 3))
    if not whole.any():
        return 0.0, 1.0, 0
    chosen = whole & (structure >= np.median(structure[whole]))
    before, after = before[chosen], after[chosen]
    error_ratio = float(np.median((1 - after) / (1 - before + 1e-9)))
    return float((after > before).mean()), error_ratio, len(after)


def _tiles(image: np.ndarray, side: int) -> np.ndarray:
    """Return an image (Y, X) as tiles, (rows, side, columns, side)."""
    rows, columns = (length // side for length in image.shape)
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side)


def _tile_correlation(a: np.ndarray, b: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the correlation of two images tile by tile, and the lower energy of both."""
    a, b = (
        tiles - tiles.mean((1, 3), keepdims=True) for tiles in (_tiles(a, side), _tiles(b, side))
    )
    energy_a, energy_b = (a * a).sum((1, 3)), (b * b).sum((1, 3))
    correlation = (a * b).sum((1, 3)) / np.sqrt(energy_a * energy_b + 1e-20)
    return correlation, np.minimum(energy_a, energy_b)


def _correlation(
    first: DownsampledPlane, second: DownsampledPlane, rotation_scale: complex, shift: complex
) -> tuple[float, float]:
    """Return the coarse correlation of two planes, moved or not, and the lower contrast of both."""
    step = max(1, round(max(first.image.shape) / CORRELATION_SIDE_PX))
    images = [_area_mean(plane.image, step) for plane in (first, second)]
    of_a, of_b = (
        None if plane.shown is None else _area_mean(plane.shown, step) for plane in (first, second)
    )
    bands = [[_band(image, *sigmas) for image in images] for sigmas in CORRELATION_BANDS_PX]
    movements = [
        _affine(*movement, first.scale * step, first.size)
        for movement in ((rotation_scale, shift), (1 + 0j, 0j))
    ]
    best = 0.0
    for (a, b), movement in product(bands, movements):
        moved, covered = _moved(b, movement, of_b)
        if of_a is not None:
            covered &= of_a >= ALL
        if covered.any() and np.ptp(a[covered]) > 0 and np.ptp(moved[covered]) > 0:
            # The sign does not matter: phase contrast reverses through focus.
            best = max(best, abs(float(np.corrcoef(a[covered], moved[covered])[0, 1])))
    a, b = bands[0]
    return best, min(float(a.std()) * first.span, float(b.std()) * second.span)
