"""The axes of a stack: their letters, and the one along which focus changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.errors import FocusAxisError, InputError
from napari_focusstack.planes.axis_names import axis_letters
from napari_focusstack.planes.checks import MIN_SIDE_PX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tifffile import TiffPageSeries


#: Letters of axes without a name: Q and I of tifffile, and more where it repeats them.
UNNAMED = "QIJKL"
#: Without a name, axes are Y, X and planes, rather than planes, Y and X, if this many columns fit
#: into a row and into the planes. Convention: strips this narrow are rare, and NumPy users often
#: have planes last.
NARROW = 3


def focus_axis(axes: str, shape: Sequence[int]) -> int | None:
    """Return the index of the axis along which focus changes.

    Parameters
    ----------
    axes : str
        A letter per axis, from `letters`.
    shape : sequence of int
        Size per axis.

    Returns
    -------
    int or None
        The first axis with more than one plane, in this order: depth; unnamed axes, the last one
        first; time, because some microscopes record a focus drive as time. None if there is none.

    Examples
    --------
    >>> focus_axis("TZCYX", (4, 5, 2, 32, 48)), focus_axis("CYX", (2, 32, 48))
    (1, None)
    """
    unnamed = [axis for axis in reversed(axes) if axis in UNNAMED]
    for axis in ["Z", *unnamed, "T"]:
        if axis in axes and shape[axes.index(axis)] > 1:
            return axes.index(axis)
    return None


def letters(series: TiffPageSeries) -> str:
    """Return the axes of a series as stored, with a different letter for each."""
    unique = ""
    samples = series.shape[series.axes.index("S")] if "S" in series.axes else 0
    for axis in series.axes:
        if axis == "S" and samples not in (3, 4) and "C" not in series.axes:
            axis = "C"
        if axis in unique:
            axis = next(letter for letter in UNNAMED if letter not in series.axes + unique)
        unique += axis
    return unique


def letter_of(axis: str) -> str:
    """Return the letter of an axis from its letter or name, such as channel."""
    return axis_letters([axis], 1)[0] or axis.upper()


def in_order(letters: str) -> str:
    """Move Y, X and S to the end."""
    return "".join(axis for axis in letters if axis not in "YXS") + "".join(
        axis for axis in "YXS" if axis in letters
    )


def with_planes_along(stored: str, axis: str) -> str:
    """Return the letters of stored axes if the planes lie along what is named a row or column.

    Parameters
    ----------
    stored : str
        A letter per axis.
    axis : str
        Y or X: the axis of the planes. The last two others are rows and columns. S: samples of a
        pixel are planes.

    Returns
    -------
    str
        A letter per axis, Z for the planes, or another one if Z is taken.

    Examples
    --------
    >>> with_planes_along("QYX", "X"), with_planes_along("TZYX", "Y"), with_planes_along("YXS", "S")
    ('YXZ', 'TYZX', 'YXZ')
    """
    new = dict(zip(stored, stored, strict=True))
    if axis in "YX":
        *_, rows, columns = (letter for letter in stored if letter not in (axis, "S"))
        new |= {rows: "Y", columns: "X"}
    kept = [letter for old, letter in new.items() if old != axis]
    new[axis] = next(letter for letter in ("Z", *UNNAMED) if letter not in kept)
    return "".join(new[letter] for letter in stored)


def planes_come_last(
    axes: str, sizes: Mapping[str, int], name: object
) -> tuple[bool, FocusAxisError | None]:
    """Return whether axes without names are rows, columns and planes; and what is doubtful.

    The second names the axis to choose in each case, if planes that come last are likely but not
    certain; else it is None.
    """
    axes = axes.removesuffix("S")
    unnamed = [axis for axis in axes if axis in UNNAMED]
    if not unnamed or not axes.endswith(unnamed[-1] + "YX"):
        return False, None
    planes, columns = sizes[unnamed[-1]], sizes["X"]
    narrow = columns > 1 and columns * NARROW <= min(planes, sizes["Y"])
    if narrow and columns >= MIN_SIDE_PX:
        doubt = (
            f"{name} holds {planes} planes of {sizes['Y']} x {columns} px; if these are "
            f"{columns} planes of {planes} x {sizes['Y']} px, stored last as in some NumPy arrays, "
            f"choose X as the focus axis, else {unnamed[-1]}."
        )
        return False, FocusAxisError(doubt, f"X{unnamed[-1]}")
    return narrow, None


def no_focus_axis(name: object, axes: str, shape: Sequence[int]) -> FocusAxisError:
    """Return the error for a stack of which no axis is that of focus."""
    sizes = [(axis, size) for axis, size in zip(axes, shape, strict=True) if size > 1]
    listed = ", ".join(f"{axis} = {size}" for axis, size in sizes)
    named = [axis for axis, _ in sizes if axis not in "YXS"]
    axis, advice = "", "give a stack of two planes or more"
    if named:
        axis = named[-1]
        advice = f"if it changes along {axis}, choose {axis} as the focus axis"
    elif "S" in dict(sizes):
        axis = "S"
        advice += ", or choose S as the focus axis if its colours are planes"
    return FocusAxisError(
        f"{name} has no axis along which focus changes, its axes are {listed}; {advice}.", axis
    )


def check_axis(name: object, axis: str, axes: str, shape: Sequence[int]) -> None:
    """Raise InputError if a stack has no such axis of two planes or more."""
    sizes = dict(zip(axes, shape, strict=True))
    if sizes.get(axis, 1) < 2:
        listed = ", ".join(f"{each} = {size}" for each, size in sizes.items())
        raise InputError(f"{name} has no axis {axis} of two planes or more; its axes are {listed}.")
