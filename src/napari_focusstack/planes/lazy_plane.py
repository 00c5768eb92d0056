"""A plane of a stack that is read when a region of it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    #: Rows and columns of a rectangle, px.
    Rectangle = tuple[slice, slice]

WHOLE = (slice(None), slice(None))


class PlaneSource(Protocol):
    """What holds planes and reads regions of them."""

    @property
    def dtype(self) -> np.dtype:
        """Of the pixels."""

    def read(self, number: int, rectangle: Rectangle = WHOLE, /) -> np.ndarray:
        """Return rows and columns of a plane, counted from 0."""


@dataclass(frozen=True)
class LazyPlane:
    """A plane that is read when rows and columns of it are asked for.

    Parameters
    ----------
    store : PlaneSource
        Where it lies.
    number : int
        Which it is, from 0.
    shape : tuple of int
        Rows, columns, and 3 if RGB.
    """

    store: PlaneSource
    number: int
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        """2, or 3 if RGB."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """Of the pixels."""
        return self.store.dtype

    def __getitem__(self, rectangle: Rectangle) -> np.ndarray:
        """Return rows and columns."""
        return self.store.read(self.number, rectangle)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole plane."""
        return np.asarray(self.store.read(self.number, WHOLE), dtype)
