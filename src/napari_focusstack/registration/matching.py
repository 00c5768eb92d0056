"""Match two planes of a focal stack that differ in focus: how one moved against the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_focusstack.registration.transforms import Model


#: Planes are reduced to about this many pixels to tell whether they moved.
WORKING_PIXELS = 1_200_000
#: The search for how they moved ends at this many; more pixels do not make it more accurate.
SEARCH_PIXELS = 300_000
#: Smallest side at which the search begins, px.
COARSEST_PX = 48
#: Sigmas of the band in which planes that differ in focus are compared, px.
BAND_PX = (1.5, 8.0)
#: Side of the tiles that vote on whether a match is one, px.
TILE_PX = 32
#: Share of tiles that must agree better after moving, and by how much, for a clear movement.
CLEAR_VOTE, CLEAR_GAIN = 0.6, 0.95
#: A larger movement, px, is believed only if it is clear.
DOUBTFUL_PX = 1.0
#: What a match that is not clear counts beside one that is.
DOUBT = 0.1
#: Correlation under which planes show different things; planes of one stack reach 0.8.
UNRELATED = 0.25
#: Where the coarse correlation of two planes is judged: longest side, px.
GLANCE_PX = 128


@dataclass(frozen=True)
class DownsampledPlane:
    """A plane as it is matched: grey, in about linear light, reduced by whole numbers."""

    size: tuple[int, int]
    #: The structure that tells whether planes moved, and by how much it is reduced.
    band: np.ndarray
    band_scale: int
    #: What is searched for how they moved, and by how much it is reduced.
    image: np.ndarray
    scale: int
    #: Light per unit of both.
    span: float


@dataclass(frozen=True)
class Match:
    """How one plane lies against another: a place z in the first is ``rotation_scale z + shift`` there.

    Places are columns + i rows from the image's centre, px of the planes.
    """

    pair: tuple[int, int]
    rotation_scale: complex
    shift: complex
    #: Whether the tiles say that the planes moved.
    clear: bool
    #: How far any pixel moves at most, px.
    moved_px: float
    #: Correlation seen coarsely, and the lesser of the contrasts there.
    correlation: float
    contrast: float

    @property
    def unrelated(self) -> bool:
        """Whether the planes show different things, if they show anything."""
        return self.correlation < UNRELATED

    @property
    def weight(self) -> float:
        """How much the match counts; one that is not clear holds neighbours together, if little."""
        hop = self.pair[1] - self.pair[0]
        trust = 1.0 if self.clear else DOUBT if hop == 1 else 0.0
        return trust * max(self.correlation, 0.05) / hop


def downsample(plane: np.ndarray) -> DownsampledPlane:
    """Return a plane (Y, X) or (Y, X, 3) as it is matched."""
    import cv2

    rows, columns = plane.shape[:2]
    factor = max(1, round(math.sqrt(rows * columns / WORKING_PIXELS)))
    whole = plane[: rows // factor * factor, : columns // factor * factor]
    side = (columns // factor, rows // factor)
    image = cv2.resize(whole, side, interpolation=cv2.INTER_AREA).astype(np.float32)
    if plane.ndim == 3:
        image = image.mean(2)
        if plane.dtype == np.uint8:
            image = (image / 255) ** 2  # about linear light, in which defocus is symmetric
    low, high = float(image.min()), float(image.max())
    span = max(high - low, 1e-12)
    image = (image - low) / span
    step = 2 ** max(0, round(math.log2(image.size / SEARCH_PIXELS) / 2))
    band = _band(image, *BAND_PX)
    return DownsampledPlane(
        (rows, columns), band, factor, _area_mean(image, step), factor * step, span
    )


def match(
    first: DownsampledPlane,
    second: DownsampledPlane,
    pair: tuple[int, int],
    guess: tuple[complex, complex],
    model: Model,
) -> Match:
    """Match two planes, coarse to fine, by the enhanced correlation coefficient (ECC).

    Parameters
    ----------
    first, second : Reduced
        Planes of one size.
    pair : tuple of int
        Which planes they are.
    guess : tuple of complex
        Turn and shift to begin with.
    model : {"shift", "rigid", "similarity"}
        What may move.

    Returns
    -------
    Match
        Of rest, where the planes do not say that they moved.
    """
    rotation_scale, shift = guess
    # Planes far apart start from what those between told, which leaves little to find.
    neighbours = pair[1] - pair[0] == 1
    halvings = int(math.log2(max(min(first.image.shape) / COARSEST_PX, 1))) if neighbours else 0
    for level in range(halvings, -1, -1):
        rotation_scale, shift = _refine(first, second, 2**level, rotation_scale, shift, model)
    correlation, contrast = _correlation(first, second, rotation_scale, shift)
    moved = _moved_px(rotation_scale, shift, first.size)
    vote, gain = _tile_vote(first, second, rotation_scale, shift)
    clear = vote >= CLEAR_VOTE and gain <= CLEAR_GAIN
    believed = clear or (vote >= 0.5 and moved <= DOUBTFUL_PX)
    if correlation < UNRELATED or not believed:
        return Match(pair, 1 + 0j, 0j, False, 0.0, correlation, contrast)
    return Match(pair, rotation_scale, shift, clear, moved, correlation, contrast)


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
        "similarity": cv2.MOTION_AFFINE,  # of which the nearest similarity is taken
    }[model]
    a, b = (_area_mean(each.image, step) for each in (first, second))
    scale = first.scale * step
    start = _affine(rotation_scale, shift, scale, first.size).astype(np.float32)
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    everywhere = np.full(b.shape, 255, np.uint8)
    try:
        _, warp = cv2.findTransformECC(a, b, start, motion, ends, everywhere, 5)
    except cv2.error:  # the images do not correlate
        return rotation_scale, shift
    found = np.asarray(warp)
    new_turn = complex(found[0, 0] + found[1, 1], found[1, 0] - found[0, 1]) / 2
    centre = _centre(scale, first.size)
    place = found[:, :2] @ (centre.real, centre.imag) + found[:, 2]
    if not (0.8 < abs(new_turn) < 1.25 and new_turn.real > 0.9 * abs(new_turn)):
        return rotation_scale, shift
    return new_turn, (complex(*place) - centre) * scale


def _area_mean(image: np.ndarray, step: int) -> np.ndarray:
    import cv2

    rows, columns = (side // step for side in image.shape)
    whole = image[: rows * step, : columns * step]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)


def _centre(scale: int, size: tuple[int, int]) -> complex:
    """Return where the centre of a plane lies in the plane reduced by `scale`."""
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
    rows, columns = ((side - 1) / 2 for side in size)
    corners = np.array([1, -1])[:, None] * columns + 1j * np.array([1, -1]) * rows
    return float(np.abs(rotation_scale * corners + shift - corners).max())


def _moved(image: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an image moved to where the first plane has it, and where it shows anything."""
    import cv2

    side = image.shape[::-1]
    seen = cv2.warpAffine(
        np.ones_like(image), affine, side, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, affine, side, flags=flags), seen > 0


def _band(image: np.ndarray, low: float, high: float) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(image, (0, 0), low) - cv2.GaussianBlur(image, (0, 0), high)


def _tile_vote(
    first: DownsampledPlane, second: DownsampledPlane, rotation_scale: complex, shift: complex
) -> tuple[float, float]:
    """Return how many of the tiles agree better after moving, and by how much.

    Blur moves nothing on the whole, yet a search that follows the strongest edges finds movement
    where a veil widens. Tiles of fine structure, each with one vote, tell the two apart: measured
    on still scenes about half of them agree better, on moved ones nearly all.

    Returns
    -------
    vote : float
        Share of the tiles with most structure that agree better.
    gain : float
        Median over them of (1 - correlation after) / (1 - correlation before).
    """
    a, b = first.band, second.band
    moved, seen = _moved(b, _affine(rotation_scale, shift, first.band_scale, first.size))
    side = min(TILE_PX, max(8, min(a.shape) // 8))
    before, _ = _tile_correlation(a, b, side)
    after, structure = _tile_correlation(a, moved, side)
    whole = _tiles(seen, side).all((1, 3))
    if not whole.any():
        return 0.0, 1.0
    chosen = whole & (structure >= np.median(structure[whole]))
    before, after = before[chosen], after[chosen]
    return float((after > before).mean()), float(np.median((1 - after) / (1 - before + 1e-9)))


def _tiles(image: np.ndarray, side: int) -> np.ndarray:
    rows, columns = (length // side for length in image.shape)
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side)


def _tile_correlation(a: np.ndarray, b: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the correlation of two images tile by tile, and the structure that both show."""
    a, b = (
        tiles - tiles.mean((1, 3), keepdims=True) for tiles in (_tiles(a, side), _tiles(b, side))
    )
    energy_a, energy_b = (a * a).sum((1, 3)), (b * b).sum((1, 3))
    correlation = (a * b).sum((1, 3)) / np.sqrt(energy_a * energy_b + 1e-20)
    return correlation, np.minimum(energy_a, energy_b)


def _correlation(
    first: DownsampledPlane, second: DownsampledPlane, rotation_scale: complex, shift: complex
) -> tuple[float, float]:
    """Return the correlation of two planes seen coarsely, and the lesser of their contrasts."""
    step = max(1, round(max(first.image.shape) / GLANCE_PX))
    a, b = (_band(_area_mean(each.image, step), 1.0, 8.0) for each in (first, second))
    best = 0.0
    for way in ((rotation_scale, shift), (1 + 0j, 0j)):
        moved, seen = _moved(b, _affine(*way, first.scale * step, first.size))
        if seen.any() and np.ptp(a[seen]) > 0 and np.ptp(moved[seen]) > 0:
            # Phase contrast turns round through focus: dark becomes bright.
            best = max(best, abs(float(np.corrcoef(a[seen], moved[seen])[0, 1])))
    return best, min(float(a.std()) * first.span, float(b.std()) * second.span)
