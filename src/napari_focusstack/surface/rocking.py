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
#: Width of the median of depth, px, and how often it is taken: single wrong depths would tear the
#: surface. Measured by eye on three real stacks; 5 is the most that OpenCV does with floats.
MEDIAN_PX, MEDIANS = 5, 3
#: Least share of the width that frames show; beyond, a border that is far away is stretched.
NARROWEST = 0.9


class Relief:
    """An image on its depth, seen from straight ahead or from a side, without perspective.

    Frames show what is in view from both sides, so they are narrower than the image. Where a near
    thing moves away from what no plane shows, that is filled with what lies beside it, farther
    away.

    Parameters
    ----------
    image : ndarray of uint8, (Y, X, 3)
        Texture.
    depth_px : ndarray, (Y, X)
        Depth behind the nearest point in px of the image. Where it is NaN, it is that of the
        nearest pixel with a depth.
    degrees : float
        Greatest angle to either side.

    Examples
    --------
    >>> depth = np.full((4, 60), 10.0)
    >>> depth[:, 30:] = 20
    >>> relief = Relief(np.full((4, 60, 3), 200, np.uint8), depth)
    >>> relief.turned(0).shape  # without what is out of view at 10 degrees
    (4, 56, 3)
    """

    def __init__(
        self, image: np.ndarray, depth_px: np.ndarray, degrees: float = ANGLE_DEGREES
    ) -> None:
        depth = _smooth(np.asarray(depth_px, np.float32))
        # a pixel is one number, so that it is drawn at once
        pixels = np.pad(image, ((0, 0), (0, 0), (0, 1))).view(np.uint32)[..., 0]
        self._pixels = np.repeat(pixels, DRAWN, axis=1)
        width, turn = depth.shape[1], math.radians(degrees)
        steepest = (DRAWN / FINER - 1) / max(math.sin(turn), 1e-6)
        self._depth = _between_columns(depth, min(default_jump(depth), steepest))
        self._middle = (float(depth.min()) + float(depth.max())) / 2
        farthest = float(np.abs(depth[:, [0, -1]] - self._middle).max())
        reach = width * math.cos(turn) - 2 * farthest * math.sin(turn)
        shown = max(reach, NARROWEST * width)
        self.shape = depth.shape[0], width - 2 * math.ceil((width - shown) / 2 - 1e-6)
        self._columns = (np.arange(self._depth.shape[1]) + 0.5) / DRAWN - width / 2

    def turned(self, degrees: float) -> np.ndarray:
        """Return the view after a turn; positive angles show what lies behind at the left.

        Returns
        -------
        ndarray of uint8, (Y, X, 3)
        """
        turn = math.radians(degrees)
        rows, width = self.shape[0], self.shape[1] * FINER
        across = self._columns * math.cos(turn) + (self._depth - self._middle) * math.sin(turn)
        target = np.floor(across * FINER + width / 2).astype(np.int32)
        # what is nearer lies to the right of what it hides where the angle is positive: it is drawn
        # later then, and numpy keeps what comes last
        order = slice(None) if degrees >= 0 else slice(None, None, -1)
        inside = (target >= 0) & (target < width)
        target += (np.arange(rows, dtype=np.int32) * width)[:, None]
        columns = np.broadcast_to(np.arange(target.shape[1], dtype=np.int32), target.shape)
        drawn = np.full((rows, width), -1, np.int32)
        shown = inside[:, order]
        drawn.reshape(-1)[target[:, order][shown]] = columns[:, order][shown]
        seen = np.take_along_axis(self._pixels, self._filled(drawn), axis=1)
        finer = seen.view(np.uint8).reshape(rows, -1, FINER, 4)[..., :3]
        mean: np.ndarray = (finer.sum(2, dtype=np.uint16) // FINER).astype(np.uint8)
        return mean

    def _filled(self, drawn: np.ndarray) -> np.ndarray:
        """Return which column is drawn at each place (Y, X); -1 is filled from the farther side."""
        place = np.broadcast_to(np.arange(drawn.shape[1], dtype=np.int32), drawn.shape)
        known = drawn >= 0
        left = np.maximum.accumulate(np.where(known, place, -1), axis=1)
        right = np.where(known, place, drawn.shape[1])[:, ::-1]
        right = np.minimum.accumulate(right, axis=1)[:, ::-1]
        at_left, at_right = (
            np.take_along_axis(drawn, np.clip(side, 0, drawn.shape[1] - 1), axis=1)
            for side in (left, right)
        )
        depth_left, depth_right = (
            np.where(column >= 0, np.take_along_axis(self._depth, column, axis=1), -np.inf)
            for column in (at_left, at_right)
        )
        filled: np.ndarray = np.where(depth_left > depth_right, at_left, at_right)
        return np.maximum(filled, 0)


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


def _smooth(depth: np.ndarray) -> np.ndarray:
    """Return depth (Y, X) without holes and without single values that differ from those around."""
    import cv2
    import torch

    from napari_focusstack.filters.nearest import nearest_values

    known = np.isfinite(depth)
    if not known.all():
        values, _ = nearest_values(torch.from_numpy(depth)[None], torch.from_numpy(known)[None])
        depth = values[0].numpy()
    for _ in range(MEDIANS):
        depth = cv2.medianBlur(depth, MEDIAN_PX)
    return depth


def _between_columns(depth: np.ndarray, jump: float) -> np.ndarray:
    """Return depth at finer columns.

    Between two columns depth changes evenly, but where it jumps each keeps its own.
    """
    share = ((np.arange(DRAWN) + 0.5) / DRAWN - 0.5).astype(np.float32)
    steps = np.diff(depth, axis=1)
    steps = np.where(np.abs(steps) <= jump, steps, 0)
    before, after = (np.pad(steps, ((0, 0), side)) for side in ((1, 0), (0, 1)))
    slope = np.where(share < 0, before[..., None], after[..., None])
    return (depth[..., None] + share * slope).reshape(len(depth), -1)
