"""Slabs: which planes of a stack are fused together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def slab_ranges(numbers: Sequence[int], size: int, overlap: int) -> list[tuple[int, ...]]:
    """Return the planes of each slab.

    Parameters
    ----------
    numbers : sequence of int
        The planes, in order.
    size : int
        Planes of a slab, 2 or more. The last slab may have fewer, but no less than 2.
    overlap : int
        Planes that a slab shares with the next, less than its size.

    Raises
    ------
    InputError
        If size or overlap are not so.

    Examples
    --------
    >>> slab_ranges(range(1, 8), 4, 1), slab_ranges(range(1, 8), 3, 0)
    ([(1, 2, 3, 4), (4, 5, 6, 7)], [(1, 2, 3), (4, 5, 6), (6, 7)])
    """
    if size < 2 or not 0 <= overlap < size:
        raise InputError(
            f"slabs are of {size} planes and overlap by {overlap}; give two planes or more, and an "
            "overlap below that."
        )
    count, slabs, start = len(numbers), [], 0
    while True:
        start = min(start, max(0, count - 2))
        slabs.append(tuple(numbers[start : start + size]))
        if start + size >= count:
            return slabs
        start += size - overlap


def read_slab(text: str) -> tuple[int, int]:
    """Return the size and the overlap of slabs of a text such as ``10:3``, or ``10``.

    Examples
    --------
    >>> read_slab("10:3"), read_slab("8")
    ((10, 3), (8, 0))
    """
    match = re.fullmatch(r"(\d{1,6})(?::(\d{1,6}))?", text.strip())
    if not match:
        raise InputError(f"slab is {text!r}; give planes and overlap, such as 10:3.")
    size, overlap = int(match[1]), int(match[2] or 0)
    slab_ranges((1, 2), size, overlap)
    return size, overlap
