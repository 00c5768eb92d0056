"""Pieces of an image worked on side by side, one torch thread each.

What is computed piece by piece consists of many small steps; sharing each step among the cores
leaves most of them idle, sharing the pieces does not.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_focusstack.runtime.memory import trim_heap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    Piece = TypeVar("Piece")
    Found = TypeVar("Found")

#: Most pieces at a time: each takes memory.
MAX_WORKERS = 4
#: Pieces after which memory is given back: often enough to matter, seldom enough to cost little.
TRIM_EVERY = 2


def worker_count(device: torch.device) -> int:
    """Return how many pieces are worked on at a time: torch's threads, or one on a GPU."""
    return min(torch.get_num_threads(), MAX_WORKERS) if device.type == "cpu" else 1


def parallel_map(
    work: Callable[[Piece], Found],
    pieces: Iterable[Piece],
    device: torch.device,
    workers: int | None = None,
) -> Iterator[Found]:
    """Do work on pieces, several at a time.

    Parameters
    ----------
    work : callable
        Takes a piece.
    pieces : iterable
        Drawn from as the work goes on.
    device : torch.device
        Where the work is done.
    workers : int, optional
        How many at a time; :func:`worker_count` if not given.

    Yields
    ------
    object
        What ``work`` returns, in the order of the pieces. Close the generator to stop early: pieces
        that were begun are finished first.

    Examples
    --------
    >>> list(parallel_map(lambda piece: 2 * piece, [1, 2, 3], torch.device("cpu")))
    [2, 4, 6]
    """
    count = workers or worker_count(device)
    if count == 1:
        yield from _trimmed(map(work, pieces))
    else:
        yield from _trimmed(_in_threads(work, pieces, count))


def _trimmed(answers: Iterator[Found]) -> Iterator[Found]:
    """Give memory back now and then."""
    for number, answer in enumerate(answers, 1):
        yield answer
        if number % TRIM_EVERY == 0:
            trim_heap()


def _in_threads(
    work: Callable[[Piece], Found], pieces: Iterable[Piece], count: int
) -> Iterator[Found]:
    threads = torch.get_num_threads()
    begun: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(count, "pieces", torch.set_num_threads, (threads // count,)) as pool:
        try:
            for piece in pieces:
                begun.append(pool.submit(work, piece))
                if len(begun) > count:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
            # a thread that sets its own number sets that of threads to come as well
            torch.set_num_threads(threads)
