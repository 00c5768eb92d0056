"""Tiles that are cut in two where memory runs out, so that nothing that was done is lost."""

from __future__ import annotations

import re
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.memory import trim_heap
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import torch

    from napari_focusstack.runtime.region import Region

    Result = TypeVar("Result")

#: What torch and OpenCV say when there is no memory: their errors have no type of their own.
SHORTAGE = re.compile(r"can't allocate memory|not enough memory|out of memory|Insufficient memory")


class TileQueue:
    """Tiles of an image to work on, one after another, or several at a time.

    For work whose answer does not depend on the tiles. Where it does, the least side is that of a
    tile, so that none is cut. Where memory runs out for the first time in a tile that cannot be
    cut, it is worked on once more, with less at a time, see ``is_short``.

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
    is_short : bool
        Whether memory ran out, so that as little as possible is to be worked on at a time.

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
        self.is_short = False

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
            parts = self._halves(tile) or ([] if self.is_short else [tile])
            if not parts:
                rows, columns = (part.stop - part.start for part in tile)
                raise InputError(
                    f"there is too little memory for a part of {rows} x {columns} px; close other "
                    "programs, or give fewer planes or smaller ones."
                ) from error
            self._left.extendleft(reversed(parts))
            self.total += len(parts) - 1
            self.is_short = True
        self._trim()

    def map(
        self, work: Callable[[Region], Result], device: torch.device, workers: int
    ) -> Iterator[tuple[Region, Result]]:
        """Apply work to all tiles, some at a time; where memory runs out, one at a time.

        Parameters
        ----------
        work : callable
            Takes a tile.
        device : torch.device
            Where the work is done.
        workers : int
            Number of tiles at a time.

        Yields
        ------
        tile : tuple of slice
            A tile, or a part of one that was cut.
        result : object
            What ``work`` returns.

        Raises
        ------
        InputError
            If a tile that is worked on alone cannot be cut.
        """
        alone: list[Region] = []  # tiles that need more memory than others leave

        def together() -> Iterator[Region]:
            while self._left and not self.is_short:
                yield self._left.popleft()

        def attempted(tile: Region) -> tuple[Region, list[Result]]:
            try:
                return tile, [work(tile)]
            except Exception as error:
                if not is_shortage(error):
                    raise
                self.is_short = True
                return tile, []

        if workers > 1:
            for tile, results in map_in_threads(attempted, together(), device, workers):
                if results:
                    self.done += 1
                    yield tile, results[0]
                else:
                    alone.append(tile)
            self._trim()
        self._left.extendleft(reversed(alone))
        for tile in self:
            results = []
            with self.attempt(tile):  # in a thread as the others are, for the same bits
                results += map_in_threads(work, [tile], device, workers=1)
            yield from ((tile, result) for result in results)

    def _trim(self) -> None:
        """Return free memory to the system after the last of several tiles.

        The next step needs it in other sizes. Between tiles of one size it is returned only where
        it is short: the system clears each page that it gives, a tenth of the time of a run.
        """
        if self.is_short or (self.total > 1 and not self._left):
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
