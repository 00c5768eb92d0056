"""Distances along the focus axis: in planes, or in a unit of length."""

from __future__ import annotations

import re
from dataclasses import dataclass

from napari_focusstack.errors import InputError

_DISTANCE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*([a-zA-ZµμåÅ]*)")
#: Words for planes as a unit.
PLANES = ("", "plane", "planes")


@dataclass(frozen=True)
class Distance:
    """A distance along the focus axis.

    Parameters
    ----------
    value : float
        How far.
    unit : str
        A unit of length as it was given, such as "um"; empty for planes.
    """

    value: float
    unit: str = ""


def read_distance(given: str | float | Distance, what: str) -> Distance:
    """Return the distance of a text such as ``2um`` or ``3`` (planes), or of a number of planes.

    Parameters
    ----------
    given : str, number or Distance
        What was given.
    what : str
        What it is, for the message.

    Raises
    ------
    InputError
        If it is no distance.

    Examples
    --------
    >>> read_distance("2.5 um", "below"), read_distance(3, "above")
    (Distance(value=2.5, unit='um'), Distance(value=3.0, unit=''))
    """
    if isinstance(given, Distance):
        return given
    match = _DISTANCE.fullmatch(str(given).strip())
    if not match or len(match[1]) > 20:
        raise InputError(
            f"{what} is {given!r}; give a distance in planes, such as 3, or in the unit of the "
            "file, such as 2um."
        )
    return Distance(float(match[1]), "" if match[2].lower() in PLANES else match[2])
