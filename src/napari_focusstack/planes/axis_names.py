"""Letters of the axes of a layer, from their labels."""

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
    """Return a letter for each of the first axes: Z (focus), T or C; None for any other.

    Parameters
    ----------
    labels : iterable of str or None
        Labels of the axes, in upper or lower case. Axes without a label have no letter.
    count : int
        Number of axes.

    Returns
    -------
    list of str or None
        As many as `count`.

    Examples
    --------
    >>> axis_letters(("Time", "-3", "focus", "y", "x"), 3)
    ['T', None, 'Z']
    """
    names = [str(label).lower() for label in labels or ()][:count]
    return [_LETTERS.get(name) for name in (*names, *[""] * (count - len(names)))]
