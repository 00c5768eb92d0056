"""Tiles that are cut in two where memory runs out, so that nothing that was done is lost."""

from __future__ import annotations

import re
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.memory import trim_heap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_focusstack.runtime.region import Region

#: What torch and OpenCV say when there is no memory: their errors have no type of their own.
SHORTAGE = re.compile(r"can't allocate memory|not enough memory|out of memory|Insufficient memory")


class TileQueue:
    """Tiles of an image to work on, one after another.

    For work whose answer does not depend on the tiles. Where it does, the least side is that of a
    tile, so that none is cut.

    Parameters
    ----------
    tiles : iterable of tuple of slice
        Rows and columns.
    grid_px : int
        Tiles are cut at multiples of it.
    least_px : int
        Least side of a part, px.

    Attributes
    ----------
    done, total : int
        Tiles that are done, and all tiles.

    Examples
    --------
    >>> tiles = TileQueue([(slice(0, 128), slice(0, 64))], grid_px=32, least_px=64)
    >>> done = []
    >>> for rows, columns in tiles:
    ...     with tiles.attempt((rows, columns)):
    ...         if rows.stop - rows.start > 64:
    ...             raise MemoryError
    ...         done.append(rows)
    >>> done, tiles.done, tiles.total
    ([slice(0, 64, None), slice(64, 128, None)], 2, 2)
    """

    def __init__(self, tiles: Iterable[Region], grid_px: int, least_px: int) -> None:
        self._left = deque(tiles)
        self.grid_px, self.least_px = grid_px, least_px
        self.done, self.total = 0, len(self._left)

    def __iter__(self) -> Iterator[Region]:
        """Yield one tile after another, also the parts of one that was cut."""
        while self._left:
            yield self._left.popleft()

    @contextmanager
    def attempt(self, tile: Region) -> Iterator[None]:
        """Work on a tile; where memory runs out, cut it for another attempt.

        Raises
        ------
        InputError
            If it cannot be cut.
        """
        try:
            yield
            self.done += 1
        except Exception as error:
            if not is_shortage(error):
                raise
            parts = self._halves(tile)
            if not parts:
                rows, columns = (part.stop - part.start for part in tile)
                raise InputError(
                    f"there is too little memory for a part of {rows} x {columns} px; close other "
                    "programs, or give fewer planes or smaller ones."
                ) from error
            self._left.extendleft(reversed(parts))
            self.total += 1
        trim_heap()

    def _halves(self, tile: Region) -> list[Region]:
        """Return the halves of a tile along its longer side; none if they were too small."""
        longer = max((0, 1), key=lambda axis: tile[axis].stop - tile[axis].start)
        part = tile[longer]
        middle = (part.start + part.stop) // 2 // self.grid_px * self.grid_px
        if min(middle - part.start, part.stop - middle) < self.least_px:
            return []
        halves = slice(part.start, middle), slice(middle, part.stop)
        return [(half, tile[1]) if longer == 0 else (tile[0], half) for half in halves]


def is_shortage(error: Exception) -> bool:
    """Return whether an error says that there is no memory.

    Examples
    --------
    >>> is_shortage(MemoryError()), is_shortage(RuntimeError("CUDA out of memory."))
    (True, True)
    >>> is_shortage(RuntimeError("sizes do not match"))
    False
    """
    return isinstance(error, MemoryError) or SHORTAGE.search(str(error)) is not None
