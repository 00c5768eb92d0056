"""The opening of a lens: its outline, and points spread evenly over it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Angle between neighbouring points of a sunflower, radians.
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
#: Fewest views of a scene: below it even a small blur shows single copies.
FEWEST_VIEWS = 60
#: Most views, for the time they take.
MOST_VIEWS = 700
#: Distance between neighbouring copies of a point in the widest blur that is still unseen, px.
UNSEEN_GAP_PX = 1.5


@dataclass(frozen=True)
class Aperture:
    """The outline of the opening, in units of its radius.

    Parameters
    ----------
    blades : int
        Of the diaphragm, which leave a regular polygon; 0 is round.
    turn : float
        By which the polygon is turned, radians.
    eclipse : float
        Cat's eye: how far the rim of the lens, a circle of the same radius, lies off the middle of
        the opening, 0..1, and hides the rest. 0 is the opening as it is in the middle of a picture.
    eclipse_direction : float
        Direction of that, radians.
    """

    blades: int = 0
    turn: float = 0.0
    eclipse: float = 0.0
    eclipse_direction: float = 0.0

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Tell which points (N, 2), x then y, lie in the opening."""
        radius = np.hypot(points[:, 0], points[:, 1])
        inside: np.ndarray = radius <= 1
        if self.blades:
            sector = 2 * math.pi / self.blades
            angle = np.arctan2(points[:, 1], points[:, 0]) - self.turn
            off_middle = np.mod(angle, sector) - sector / 2
            inside &= radius * np.cos(off_middle) <= math.cos(sector / 2)
        if self.eclipse:
            direction = [math.cos(self.eclipse_direction), math.sin(self.eclipse_direction)]
            rim = points - self.eclipse * np.array(direction)
            inside &= np.hypot(rim[:, 0], rim[:, 1]) <= 1
        return inside

    def points(self, count: int) -> np.ndarray:
        """Return points spread as the seeds of a sunflower, about as dense everywhere.

        Parameters
        ----------
        count : int
            About how many.

        Returns
        -------
        ndarray, (N, 2)
            x then y, in radii; their mean is 0, so that a blur does not shift a picture.
        """
        share = max(0.05, float(self.contains(_sunflower(2000)).mean()))
        spread = _sunflower(math.ceil(count / share))
        kept = spread[self.contains(spread)]
        centred: np.ndarray = kept - kept.mean(0)
        return centred


def views_for(radius_px: float, gap_px: float = UNSEEN_GAP_PX) -> int:
    """Return how many points leave no copies to be seen in a blur of a radius (px)."""
    needed = math.ceil(math.pi * (radius_px / gap_px) ** 2)
    return min(MOST_VIEWS, max(FEWEST_VIEWS, needed))


def _sunflower(count: int) -> np.ndarray:
    """Return points (count, 2) in the unit circle."""
    number = np.arange(count)
    radius = np.sqrt((number + 0.5) / count)
    angle = number * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
