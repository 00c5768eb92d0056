"""A surface that rocks: an image on its depth, turned about its upright middle line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.surface.triangulation import default_jump

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Greatest angle of the rocking, degrees, and how many frames lead from one side to the other.
#: Convention: depth is plain to see, and little of what lies behind is missing.
ANGLE_DEGREES, FRAMES = 10.0, 51
#: Columns that are drawn for each column of the picture. A steeper slope than these can cover is
#: taken for a jump.
DRAWN = 6
#: Columns of the drawing for each of the picture; their mean is shown, so edges are smooth.
FINER = 2


class Relief:
    """An image on its depth, seen from straight ahead or from a side, without perspective.

    Parameters
    ----------
    image : ndarray of uint8, (Y, X, 3)
        Texture.
    depth_px : ndarray, (Y, X)
        Depth behind the nearest point in px of the image; NaN is a hole.
    degrees : float
        Greatest angle to either side; the frames are as wide as it asks.

    Examples
    --------
    >>> depth = np.zeros((4, 6))
    >>> depth[:, 3:] = 2
    >>> relief = Relief(np.full((4, 6, 3), 200, np.uint8), depth)
    >>> relief.turned(0).shape  # room for what comes from the sides at 10 degrees
    (4, 8, 3)
    """

    def __init__(
        self, image: np.ndarray, depth_px: np.ndarray, degrees: float = ANGLE_DEGREES
    ) -> None:
        depth = np.asarray(depth_px, np.float32)
        # a pixel is one number, so that it is drawn at once
        pixels = np.pad(image, ((0, 0), (0, 0), (0, 1))).view(np.uint32)[..., 0]
        self._pixels = np.repeat(pixels, DRAWN, axis=1)
        width, turn = depth.shape[1], math.radians(degrees)
        steepest = (DRAWN / FINER - 1) / max(math.sin(turn), 1e-6)
        self._depth, self._known = _between_columns(depth, min(default_jump(depth), steepest))
        low, high = float(np.nanmin(depth)), float(np.nanmax(depth))
        self._middle = (low + high) / 2
        reach = width * math.cos(turn) + (high - low) * math.sin(turn)
        self.shape = depth.shape[0], max(width, 2 * math.ceil(reach / 2))
        self._columns = (np.arange(self._depth.shape[1]) + 0.5) / DRAWN - width / 2

    def turned(self, degrees: float) -> np.ndarray:
        """Return the view after a turn; positive angles show what lies behind at the left.

        Returns
        -------
        ndarray of uint8, (Y, X, 3)
            Black where the surface has a hole.
        """
        turn = math.radians(degrees)
        rows, width = self.shape
        across = self._columns * math.cos(turn) + (self._depth - self._middle) * math.sin(turn)
        target = np.floor((across + width / 2) * FINER).astype(np.int32)
        # what is nearer lies to the right of what it hides where the angle is positive: it is drawn
        # later then, and numpy keeps what comes last
        order = slice(None) if degrees >= 0 else slice(None, None, -1)
        drawn = np.zeros((rows, width * FINER), np.uint32)
        inside = self._known & (target >= 0) & (target < width * FINER)
        target += (np.arange(rows, dtype=np.int32) * (width * FINER))[:, None]
        shown = inside[:, order]
        drawn.reshape(-1)[target[:, order][shown]] = self._pixels[:, order][shown]
        finer = drawn.view(np.uint8).reshape(rows, width, FINER, 4)[..., :3]
        mean: np.ndarray = (finer.sum(2, dtype=np.uint16) // FINER).astype(np.uint8)
        return mean


def rock(relief: Relief, degrees: float = ANGLE_DEGREES, frames: int = FRAMES) -> Iterator:
    """Yield frames (Y, X, 3) from one side to the other and back; they can be repeated.

    A pendulum's angles: the turn slows down at both ends.
    """
    angles = degrees * np.sin(np.linspace(-1, 1, frames) * math.pi / 2)
    half = []
    for angle in angles:
        half.append(relief.turned(angle))
        yield half[-1]
    yield from half[-2:0:-1]


def _between_columns(depth: np.ndarray, jump: float) -> tuple[np.ndarray, np.ndarray]:
    """Return depth at finer columns, and where it is known.

    Between two columns depth changes evenly, but where it jumps each keeps its own.
    """
    share = ((np.arange(DRAWN) + 0.5) / DRAWN - 0.5).astype(np.float32)
    steps = np.diff(depth, axis=1)
    steps = np.where(np.abs(steps) <= jump, steps, 0)  # comparisons with NaN are false
    before, after = (np.pad(steps, ((0, 0), side)) for side in ((1, 0), (0, 1)))
    slope = np.where(share < 0, before[..., None], after[..., None])
    finer = (depth[..., None] + share * slope).reshape(len(depth), -1)
    return np.nan_to_num(finer), np.isfinite(finer)
