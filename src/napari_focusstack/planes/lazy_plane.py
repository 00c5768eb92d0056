"""A plane of a stack whose regions are read when they are indexed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    #: Rows and columns of a rectangle, px.
    Rectangle = tuple[slice, slice]

#: The rectangle of a whole plane.
WHOLE = (slice(None), slice(None))


class PlaneSource(Protocol):
    """An object that holds planes and reads rectangles of them."""

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""

    def read(self, number: int, rectangle: Rectangle = WHOLE, /) -> np.ndarray:
        """Return a rectangle of a plane. Planes are counted from 0."""


@dataclass(frozen=True)
class LazyPlane:
    """A plane whose rows and columns are read when they are indexed.

    Parameters
    ----------
    store : PlaneSource
        Store that holds the plane.
    number : int
        Number of the plane, from 0.
    shape : tuple of int
        Rows, columns, and 3 if RGB.
    """

    store: PlaneSource
    number: int
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """Number of axes: 2, or 3 if RGB."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels."""
        return self.store.dtype

    def __getitem__(self, rectangle: Rectangle) -> np.ndarray:
        """Return rows and columns."""
        return self.store.read(self.number, rectangle)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole plane."""
        return np.asarray(self.store.read(self.number, WHOLE), dtype)
