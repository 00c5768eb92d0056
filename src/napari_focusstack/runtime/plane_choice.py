"""Which planes of a stack are used: numbers and ranges as text, such as ``1,3,5:9`` or ``3:40:2``.

Planes are counted from 1 in the order given, and the end of a range belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from napari_focusstack.errors import InputError

_NUMBER = r"([1-9]\d{0,8})"
_PART = re.compile(rf"{_NUMBER}?(?:(:){_NUMBER}?(?::{_NUMBER})?)?")


def choice_text(choice: Any) -> str | None:
    """Return a choice of planes as text; None for all planes.

    Parameters
    ----------
    choice : str, iterable of int, or None
        Text, or the numbers of planes.

    Raises
    ------
    InputError
        If it is no such text, or a number is no whole number above 0.

    Examples
    --------
    >>> choice_text(range(1, 8, 2)), choice_text(" 3:40:2 "), choice_text("")
    ('1,3,5,7', '3:40:2', None)
    """
    if choice is None:
        return None
    if not isinstance(choice, str):
        if not isinstance(choice, Iterable):
            raise InputError(f"planes is {choice!r}; {_HOW}")
        choice = ",".join(str(number) for number in choice)
    text = "".join(choice.split())
    if not text:
        return None
    for part in text.split(","):
        if not part or not _PART.fullmatch(part):
            raise InputError(f"planes is {choice!r}; {_HOW}")
    return text


def chosen_planes(choice: str | None, count: int) -> list[int]:
    """Return the numbers of the chosen planes, from 1, in the order of the stack.

    Parameters
    ----------
    choice : str or None
        From :func:`choice_text`; None for all planes.
    count : int
        Number of planes of the stack.

    Raises
    ------
    InputError
        If a plane does not exist, or fewer than two are chosen.

    Examples
    --------
    >>> chosen_planes("1,3,5:9", 12), chosen_planes("3::4", 12), chosen_planes(None, 3)
    ([1, 3, 5, 6, 7, 8, 9], [3, 7, 11], [1, 2, 3])
    """
    numbers = named_planes(choice, count)
    if choice is not None and len(numbers) < 2:
        raise InputError(f"planes is {choice!r}, which is one plane; choose two or more.")
    return numbers


def named_planes(choice: str | None, count: int) -> list[int]:
    """Return the planes that a choice names, as :func:`chosen_planes` does, even a single one."""
    if choice is None:
        return list(range(1, count + 1))
    numbers: set[int] = set()
    for part in choice.split(","):
        match = _PART.fullmatch(part)
        assert match is not None  # choice_text has checked it
        first, is_range, last, step = match.groups()
        start, end = int(first or 1), int(last or count) if is_range else int(first)
        for number in (start, end):
            if number > count:
                raise InputError(
                    f"planes is {choice!r}, but the stack has {count} planes; give 1 to {count}."
                )
        if end < start:
            raise InputError(f"planes is {choice!r}, but {part!r} holds no plane; give it rising.")
        numbers.update(range(start, end + 1, int(step or 1)))
    return sorted(numbers)


def ranges_text(numbers: Sequence[int]) -> str:
    """Return rising numbers of planes as the shortest list of ranges.

    Examples
    --------
    >>> ranges_text([1, 2, 3, 5, 7, 8])
    '1:3,5,7:8'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}:{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


_HOW = "give numbers from 1 and ranges with their ends, such as 1,3,5:9 or 3:40:2."
