"""Which planes lie within a distance of a surface, in planes or in a unit of length."""

from __future__ import annotations

import math

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import UM, unit_name
from napari_focusstack.runtime.distance import Distance, read_distance

#: Share of a plane step by which a plane may lie farther than asked for: rounding of positions.
ROUNDING = 1e-6


class PlaneWindow:
    """Which planes lie how far around others.

    Parameters
    ----------
    places : ndarray
        Where each plane lies, (P,), rising.
    unit : str
        Its unit.
    """

    def __init__(self, places: np.ndarray, unit: str) -> None:
        self.places, self.unit = places, unit
        self.numbers = np.arange(1, len(places) + 1)

    def around(
        self, numbers: np.ndarray, above: str | float, below: str | float, offset: str | float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the last plane of each pixel of a surface.

        Parameters
        ----------
        numbers : ndarray
            Shape (Y, X): planes of the surface, 1..P, whole or between planes.
        above, below, offset : str or float
            See :func:`napari_focusstack.project`.

        Returns
        -------
        first, last : ndarray
            Numbers of planes, (Y, X), 1..P.
        """
        moved = read_distance(offset, "the offset")
        if moved.unit:
            along = np.interp(numbers, self.numbers, self.places) + self._length(moved)
            numbers = np.interp(along, self.places, self.numbers)
        else:
            numbers = numbers + moved.value
        centre = np.clip(np.floor(numbers + 0.5), 1, len(self.places)).astype(int)
        up, down = read_distance(above, "above"), read_distance(below, "below")
        return self._reach(up, -1)[centre - 1], self._reach(down, 1)[centre - 1]

    def _reach(self, distance: Distance, side: int) -> np.ndarray:
        """Return the last plane within a distance of each plane, on one side, (P,)."""
        if distance.value < 0:
            raise InputError(f"a distance is {distance.value:g}; give 0 or more.")
        if not distance.unit:
            steps = math.floor(distance.value + ROUNDING)
            return np.clip(self.numbers + side * steps, 1, len(self.places))
        length = self._length(distance) * (1 + ROUNDING)
        if side < 0:
            return np.searchsorted(self.places, self.places - length) + 1
        return np.searchsorted(self.places, self.places + length, side="right")

    def _length(self, distance: Distance) -> float:
        """Return a distance in the unit of the places."""
        asked, own = unit_name(distance.unit), unit_name(self.unit)
        if asked not in UM:
            raise InputError(f"{distance.unit!r} is no unit of length; give um, nm or mm.")
        if own not in UM:
            raise InputError(
                f"the unit of the distance between planes is not known, so {distance.value:g}"
                f"{distance.unit} is no number of planes; give planes."
            )
        return distance.value * UM[asked] / UM[own]
