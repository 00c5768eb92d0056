"""Sharpness of each plane of a focal stack, and similarity of two planes, both free of noise.

Both are computed from r(k), the autocovariance of a plane at a distance of k px. Noise that is
independent from pixel to pixel adds to r(0) alone, so r(1) and r(2) measure the specimen only. A
regular sample of square tiles at full resolution represents a plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.imaging.luminance import CODED_WEIGHTS
from napari_focusstack.imaging.number_types import as_floats

if TYPE_CHECKING:
    from collections.abc import Sequence


#: Side of a tile, px, and the most tiles of a plane (speed).
TILE_PX, MAX_TILES = 16, 5000
#: Number of pixels, in a corner of each tile, that are kept of a plane for comparison, and the
#: least side of a corner, px (memory).
KEPT_PIXELS, MIN_CORNER_PX = 65536, 4
LUMINANCE = np.array(CODED_WEIGHTS, np.float32)
#: Standard error of the correlation above which a plane counts as blank (convention).
MAX_ERROR = 0.2
#: Share of the sharpness of the sharper tiles that is added before the logarithm, so that unsharp
#: tiles count as equally unsharp (convention).
SHARPNESS_FLOOR = 0.03


@dataclass(frozen=True)
class PlaneSummary:
    """The data that is kept of a plane, a third of a megabyte at most.

    Parameters
    ----------
    brightness : float
        Mean luminance, in pixel values.
    contrast : float
        Standard deviation of luminance, in pixel values.
    detail : ndarray, (T,)
        Vollath's F4 of each tile over r(1) of the plane, see `sharpness`.
    level : ndarray, (T,)
        Mean luminance of each tile.
    corner : ndarray, (T, N, N)
        Luminance minus brightness in the upper left corner of each tile, floats.
    error : float
        Standard error of the correlation with this plane due to noise; infinite if it is constant.
    """

    brightness: float
    contrast: float
    detail: np.ndarray
    level: np.ndarray
    corner: np.ndarray
    error: float

    @property
    def blank(self) -> bool:
        """Whether the plane shows nothing, or only noise."""
        return self.error > MAX_ERROR

    @property
    def sharpness(self) -> float:
        """Sharpness of the plane, (r(1) - r(2)) / r(1), 0 for a blank plane.

        This is the focus measure F4 of Vollath (1987), the mean of I(x) I(x+1) - I(x) I(x+2) along
        rows and columns within tiles, over the variance without noise. It grows with the share of
        fine detail. It does not depend on gain, offset, or independent noise.
        """
        return 0.0 if self.blank else float(self.detail.mean())


def summarize(plane: np.ndarray) -> PlaneSummary:
    """Return the summary of a plane.

    Parameters
    ----------
    plane : ndarray, (Y, X) or (Y, X, 3)
        At least 16 px in either direction, any numeric dtype.

    Returns
    -------
    PlaneSummary

    Examples
    --------
    >>> x = np.arange(64)
    >>> stripes = np.tile(np.uint8(100 + 50 * np.sin(x)), (64, 1))
    >>> broader = np.tile(np.uint8(100 + 50 * np.sin(x / 2)), (64, 1))
    >>> summarize(stripes).sharpness > summarize(broader).sharpness > 0
    True
    """
    tiles = _tiles(plane)
    brightness = float(tiles.mean(dtype=np.float64))
    tiles = tiles - tiles.dtype.type(brightness)
    level = tiles.mean((1, 2))
    side = min(TILE_PX, max(MIN_CORNER_PX, math.isqrt(KEPT_PIXELS // len(tiles))))
    variance = float(np.mean(tiles**2, dtype=np.float64))
    specimen = float(
        (tiles[:, 1:] * tiles[:, :-1]).mean(dtype=np.float64)
        + (tiles[:, :, 1:] * tiles[:, :, :-1]).mean(dtype=np.float64)
    )
    specimen /= 2
    within = tiles - level[:, None, None]
    vollath = (within[:, :-2] * (within[:, 1:-1] - within[:, 2:])).mean((1, 2))
    vollath += (within[:, :, :-2] * (within[:, :, 1:-1] - within[:, :, 2:])).mean((1, 2))
    noise = max(0.0, variance - specimen)
    kept = math.sqrt(len(tiles)) * side
    return PlaneSummary(
        brightness=brightness,
        contrast=math.sqrt(variance),
        detail=vollath / (2 * specimen) if specimen > 0 else np.zeros_like(level),
        level=level + brightness,
        corner=np.ascontiguousarray(tiles[:, :side, :side]),
        error=noise / (specimen * kept) if specimen > 0 else math.inf,
    )


def correlation(summaries: Sequence[PlaneSummary]) -> np.ndarray:
    """Return the correlation of all pairs of planes, free of noise.

    With a the pixels of one plane and b those of another, r_ab(1) is the mean of a(x) b(x+1) and
    b(x) a(x+1) along rows and columns. The correlation is r_ab(1) / sqrt(r_a(1) r_b(1)).

    Parameters
    ----------
    summaries : sequence of PlaneSummary
        One per plane, of planes of one size.

    Returns
    -------
    ndarray, (P, P)
        -1..1: 1 for planes that differ by gain, offset and noise alone, 0 with a blank plane.
    """
    count = len(summaries)
    covariance = np.zeros((count, count))
    for first in range(0, len(summaries[0].corner), 256):
        corners = np.stack([summary.corner[first : first + 256] for summary in summaries])
        corners = corners.astype(np.float64)
        for pixels, neighbours in (
            (corners[..., :-1], corners[..., 1:]),
            (corners[..., :-1, :], corners[..., 1:, :]),
        ):
            covariance += pixels.reshape(count, -1) @ neighbours.reshape(count, -1).T
    covariance += covariance.T
    not_blank = np.array([not summary.blank for summary in summaries])
    scale = np.sqrt(np.where(not_blank, np.maximum(np.diag(covariance), 0), 0))
    scale = np.outer(scale, scale)
    return np.clip(np.divide(covariance, scale, where=scale > 0, out=np.zeros_like(scale)), -1, 1)


def coarse_correlation(summaries: Sequence[PlaneSummary]) -> np.ndarray:
    """Return the correlation of tile means, which defocus hardly changes, (P, P), -1..1."""
    level = np.array([summary.level - summary.brightness for summary in summaries], np.float64)
    scale = np.sqrt((level**2).sum(1))
    scale = np.outer(scale, scale)
    return np.clip(
        np.divide(level @ level.T, scale, where=scale > 0, out=np.zeros_like(scale)), -1, 1
    )


def log_sharpness(summaries: Sequence[PlaneSummary]) -> np.ndarray:
    """Return the sharpness of tiles, which a shift of a few pixels hardly changes.

    Parameters
    ----------
    summaries : sequence of PlaneSummary
        One per plane, of planes of one size, none blank.

    Returns
    -------
    ndarray, (P, T)
        Logarithm of sharpness in each tile that is sharp somewhere along the stack.
    """
    detail = np.array([summary.detail for summary in summaries], np.float64)
    best = detail.max(0)
    floor = SHARPNESS_FLOOR * np.quantile(best, 0.9)
    if floor <= 0:
        return np.zeros((len(summaries), 1))
    return np.log(np.maximum(detail[:, best >= 3 * floor], 0) + floor)


def _tiles(plane: np.ndarray) -> np.ndarray:
    """Return the luminance of a regular sample of the tiles of a plane, (T, 16, 16) floats."""
    rows, columns = (length // TILE_PX for length in plane.shape[:2])
    step = math.ceil(math.sqrt(rows * columns / MAX_TILES))
    whole = plane[: rows * TILE_PX, : columns * TILE_PX]
    tiles = whole.reshape(rows, TILE_PX, columns, TILE_PX, -1)[::step, :, ::step]
    colours = as_floats(tiles)
    grey = colours @ LUMINANCE if colours.shape[-1] == 3 else colours[..., 0]
    return grey.transpose(0, 2, 1, 3).reshape(-1, TILE_PX, TILE_PX)
