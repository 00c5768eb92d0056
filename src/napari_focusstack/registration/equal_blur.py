"""Bring two planes that differ in focus to the same blur, so that blur looks like no movement.

Where a foreground goes out of focus its light spreads, and a search that compares pixels takes
that for magnification. Planes that are equally blurred everywhere show movement alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

#: Sigmas of the blurs between which a plane is interpolated, px (convention).
LEVELS_PX = (0.0, 1.0, 2.0, 4.0)
#: Side of the cells in which sharpness is measured, px, and sigma of the Gaussian over which it is
#: averaged, in cells (convention: halved or doubled, nothing changes).
CELL_PX, AVERAGE_CELLS = 4, 2.0
#: Least sharpness, squared units per px squared, to keep its logarithm finite (convention).
LEAST_SHARPNESS = 1e-9


class BlurredPlane(NamedTuple):
    """A plane blurred by each of :data:`LEVELS_PX`, and how sharp it is then.

    Parameters
    ----------
    images : list of ndarray
        Shape (Y, X), float32.
    sharpness : ndarray
        Shape (L, Y / 4, X / 4): log of the mean squared gradient of each.
    """

    images: list[np.ndarray]
    sharpness: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> BlurredPlane:
        """Blur a plane (Y, X)."""
        import cv2

        images = [cv2.GaussianBlur(image, (0, 0), px) if px else image for px in LEVELS_PX]
        return cls(images, np.stack([_log_sharpness(one) for one in images]))

    def as_sharp_as(self, target: np.ndarray) -> np.ndarray:
        """Return the plane blurred everywhere until it is no sharper than a target.

        Parameters
        ----------
        target : ndarray
            Log of the mean squared gradient, cell by cell, (Y / 4, X / 4).
        """
        import cv2

        above = self.sharpness[:-1] - target
        steps = np.maximum(self.sharpness[:-1] - self.sharpness[1:], 1e-6)
        blurred = self.images[0].copy()
        shares = np.clip(above / steps, 0, 1)
        for share, (sharper, image) in zip(shares, pairwise(self.images), strict=True):
            if share.any():
                weight = cv2.resize(share, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
                blurred += weight * (image - sharper)
        return blurred


def equally_blurred(first: BlurredPlane, second: BlurredPlane) -> list[np.ndarray]:
    """Return two planes of one size, each blurred until it is as sharp as the other there.

    Examples
    --------
    >>> import cv2
    >>> sharp = np.random.default_rng(0).random((64, 64), np.float32)
    >>> soft = cv2.GaussianBlur(sharp, (0, 0), 2.0)
    >>> first, second = equally_blurred(BlurredPlane.of(sharp), BlurredPlane.of(soft))
    >>> bool(np.abs(first - second).mean() < 0.1 * np.abs(sharp - soft).mean())
    True
    """
    target = np.minimum(first.sharpness[0], second.sharpness[0])
    return [plane.as_sharp_as(target) for plane in (first, second)]


def _log_sharpness(image: np.ndarray) -> np.ndarray:
    """Return the log of the mean squared gradient of an image in cells."""
    import cv2

    squares = cv2.Sobel(image, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(image, cv2.CV_32F, 0, 1) ** 2
    side = tuple(max(1, length // CELL_PX) for length in image.shape[::-1])
    cells = cv2.resize(squares, side, interpolation=cv2.INTER_AREA)
    mean = cv2.GaussianBlur(cells, (0, 0), AVERAGE_CELLS)
    return np.log(mean + LEAST_SHARPNESS)
