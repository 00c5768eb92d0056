"""Parallel work on pieces of an image.

Work on one piece consists of many small operations. If the cores share each operation, most of them
are idle. If each core has its own piece, they are not.
"""

from __future__ import annotations

import math
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    Piece = TypeVar("Piece")
    Result = TypeVar("Result")

#: Where work without torch is done.
CPU = torch.device("cpu")
#: Most pieces at a time, because each takes memory. Convention.
MAX_WORKERS = 4


def worker_count(
    device: torch.device, budget_bytes: float = math.inf, bytes_each: float = 1.0
) -> int:
    """Return the number of pieces at a time: at most torch's threads on a CPU, one on a GPU.

    There are no more than a budget allows of pieces that take some bytes each; but always one.

    Examples
    --------
    >>> worker_count(torch.device("cpu"), budget_bytes=1e6, bytes_each=7e5)
    1
    """
    most = min(torch.get_num_threads(), MAX_WORKERS) if device.type == "cpu" else 1
    return int(max(1, min(most, budget_bytes / bytes_each)))


def map_planes(
    work: Callable[[Piece], Result],
    planes: Iterable[Piece],
    device: torch.device,
    workers: int | None = None,
) -> Iterator[Result]:
    """Apply work to the planes of one tile, several at a time.

    It suits sums and maxima over planes: results come in the order of the planes. Memory is kept
    for the next plane. Where gradients are recorded, planes follow one another.

    Parameters
    ----------
    work : callable
        Takes a plane, or its number.
    planes : iterable
        The planes, or their numbers.
    device : torch.device
        Where the work is done.
    workers : int, optional
        Number of planes at a time; :func:`worker_count` if not given.

    Yields
    ------
    object
        What ``work`` returns.

    Examples
    --------
    >>> with torch.no_grad():
    ...     list(map_planes(lambda number: 2 * number, range(3), torch.device("cpu")))
    [0, 2, 4]
    """
    if torch.is_grad_enabled():
        yield from map(work, planes)
    else:
        yield from map_in_threads(torch.no_grad()(work), planes, device, workers)


def map_in_threads(
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    device: torch.device = CPU,
    workers: int | None = None,
) -> Iterator[Result]:
    """Apply work to pieces, several at a time.

    Parameters
    ----------
    work : callable
        Takes a piece.
    pieces : iterable
        It is read as the work proceeds.
    device : torch.device
        Where the work is done.
    workers : int, optional
        Number of pieces at a time; :func:`worker_count` if not given.

    Yields
    ------
    object
        What ``work`` returns, in the order of the pieces. To stop early, close the generator. It
        waits for pieces that were begun.

    Examples
    --------
    >>> list(map_in_threads(str, [1, 2]))
    ['1', '2']
    """
    most = worker_count(device)
    count = workers or most
    yield from map(work, pieces) if count == most == 1 else _in_threads(work, pieces, count, most)


def _in_threads(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], count: int, most: int
) -> Iterator[Result]:
    """Apply work to pieces in threads; each has its share of torch's threads.

    The share is that of the most pieces, however many there are at a time: bits depend on it.
    """
    threads = torch.get_num_threads()
    begun: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count, "pieces", torch.set_num_threads, (threads // most,)) as pool:
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
            # torch.set_num_threads in a worker also changes the default of later threads
            torch.set_num_threads(threads)
