"""What the axes of a layer are called, told by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_LETTERS = {
    "z": "Z",
    "depth": "Z",
    "focus": "Z",
    "t": "T",
    "time": "T",
    "c": "C",
    "channel": "C",
    "channels": "C",
}


def axis_letters(labels: Iterable[object] | None, count: int) -> list[str | None]:
    """Return the letters of the first axes: Z for focus, T, C; None for any other.

    Parameters
    ----------
    labels : iterable of str or None
        Of the axes, in any case; axes without one have no letter.
    count : int
        How many axes.

    Examples
    --------
    >>> axis_letters(("Time", "-3", "focus", "y", "x"), 3)
    ['T', None, 'Z']
    """
    names = [str(label).lower() for label in labels or ()][:count]
    return [_LETTERS.get(name) for name in (*names, *[""] * (count - len(names)))]
