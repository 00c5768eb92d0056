"""Order of the images of a folder, by the numbers in their names, along one axis or several.

Only names are judged. A minus, decimals and units count; a camera's counter may start again.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.io.reading.image import in_natural_order
from napari_focusstack.io.reading.plane_names import PlaneName, values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


#: Order of the axes of a series.
ORDER = "TCZ"
#: A gap of more than this share of what a counter can show, from its last percent to its first,
#: is where it started again.
ROLLOVER_GAP, ROLLOVER_ENDS = 0.5, 0.01
#: Fewest digits of a counter that may start again.
ROLLOVER_DIGITS = 3
#: Share of a step by which numbers may deviate from even steps.
UNEVEN = 0.01


@dataclass(frozen=True, eq=False)
class NameSeries:
    """The files of one series.

    Parameters
    ----------
    files : ndarray of Path
        One axis for each letter of axes.
    axes : str
        Any of T, C, Z, in this order.
    positions : tuple of float
        Where the planes lie along Z; empty where names give no unit.
    unit : str
        Of the positions; "pixel" without them.
    channels : tuple of str
        Names along C, empty without it.
    notes : tuple of str
        What was assumed, one sentence each.
    """

    files: np.ndarray[Any, Any]
    axes: str = "Z"
    positions: tuple[float, ...] = ()
    unit: str = UNKNOWN
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def series_by_names(names: Sequence[PlaneName]) -> NameSeries:
    """Return the series that the images of a folder are; all have the same words.

    Parameters
    ----------
    names : sequence of PlaneName
        Two or more.

    Raises
    ------
    InputError
        If they are several stacks, which is a grid of two numbers that name no axes; or if a plane
        is missing, where the numbers rise evenly but for a gap. They must begin at 0 or 1, or a z
        must stand before them: cameras count pictures, not planes.

    Examples
    --------
    >>> from pathlib import Path
    >>> series = series_by_names([PlaneName.of(Path(f"z{z:+}um.tif")) for z in (0, -2, 2)])
    >>> [path.name for path in series.files], series.positions, series.unit
    (['z-2um.tif', 'z+0um.tif', 'z+2um.tif'], (-2.0, 0.0, 2.0), 'um')
    """
    natural = in_natural_order(name.path for name in names)
    table = dict(zip((name.path for name in names), values(names), strict=True))
    parsed = {name.path: name for name in names}
    numbers = np.array([table[path] for path in natural]).reshape(len(natural), -1)
    varying = [place for place in range(numbers.shape[1]) if len(set(numbers[:, place])) > 1]
    names = [parsed[path] for path in natural]
    if len(varying) == 1:
        (place,) = varying
        word = names[0].pattern[place]
        if names[0].axis(place) == "C" and len(word) > 1 and word[-2:].isalpha():
            # a word, not a mere letter, says that these are channels of one plane
            return _grid(names, numbers, {"C": place})
        return _along(names, numbers[:, place], place)
    letters = [names[0].axis(place) for place in varying]
    if len(letters) == 2 and "Z" not in letters and "" in letters and set(letters) & set("TC"):
        letters[letters.index("")] = "Z"
    counts = [len(set(numbers[:, place])) for place in varying]
    whole = len(set(map(tuple, numbers[:, varying]))) == len(names)
    full = whole and np.prod(counts, dtype=int) == len(names)
    if letters and set(letters) <= set(ORDER) and len(set(letters)) == len(letters):
        if full:
            return _grid(names, numbers, dict(zip(letters, varying, strict=True)))
        if whole and 2 * len(names) > np.prod(counts, dtype=int):
            raise _lost(names, numbers, varying)
    if "S" in letters or (full and len(varying) == 2):
        raise _several(names, numbers, varying, letters)
    return NameSeries(np.array(natural, object))


def _along(names: Sequence[PlaneName], numbers: np.ndarray, place: int) -> NameSeries:
    """Return the series of names that differ in one number."""
    order = np.argsort(numbers, kind="stable")
    names, numbers = [names[at] for at in order], numbers[order]
    first = names[0]
    if after := _starts_again(names, numbers, place):
        end, begin = names[-1].path.name, first.path.name
        note = f"The counter starts again: {end} is followed by {begin}."
        turned = [*names[after:], *names[:after]]
        return NameSeries(_paths(turned), notes=(note,))
    if numbers[0] <= 1 or first.pattern[place].endswith("z"):
        _check_steps(names, numbers, place)
    unit = first.numbers[place].unit
    distinct = len(set(numbers)) == len(numbers)
    if unit == UNKNOWN or not distinct:
        return NameSeries(_paths(names))
    return NameSeries(_paths(names), positions=tuple(map(float, numbers)), unit=unit)


def _paths(names: Sequence[PlaneName]) -> np.ndarray:
    """Return the files of names, (n,)."""
    return np.array([name.path for name in names], object)


def _starts_again(names: Sequence[PlaneName], numbers: np.ndarray, place: int) -> int:
    """Return how many names come after the counter started again; 0 if it did not."""
    digits = {len(name.numbers[place].digits) for name in names}
    if len(digits) > 1 or min(digits) < ROLLOVER_DIGITS or names[0].axis(place) == "Z":
        return 0
    top = 10 ** digits.pop()
    gaps = np.diff(numbers)
    after = int(gaps.argmax()) + 1
    low, high = numbers[0], numbers[-1]
    ends = low <= max(1, ROLLOVER_ENDS * top) and high >= top - 1 - ROLLOVER_ENDS * top
    return after if ends and gaps.max() > ROLLOVER_GAP * top else 0


def _check_steps(names: Sequence[PlaneName], numbers: np.ndarray, place: int) -> None:
    """Raise InputError if the numbers of the planes rise evenly but for a gap."""
    steps = np.diff(numbers)
    step = steps.min()
    counts = np.rint(steps / step) if step > 0 else np.zeros(0)
    if not counts.size or (np.abs(steps - counts * step) > UNEVEN * step).any():
        return
    # If more than a third is missing, the user selected some planes of a series.
    if 2 * (counts.sum() + 1 - len(names)) > len(names):
        return
    for (before, after), value, count in zip(
        pairwise(names), numbers[:-1], counts.astype(int) - 1, strict=True
    ):
        if count:
            first = before.renumbered(place, value, value + step)
            missing = f"plane {first}" if count == 1 else f"{count} planes, {first} first,"
            raise InputError(
                f"{before.path.parent} lacks {missing} between {before.path.name} and "
                f"{after.path.name}; add {'it' if count == 1 else 'them'}, or name the files one "
                "by one to do without."
            )


def _grid(names: Sequence[PlaneName], numbers: np.ndarray, places: dict[str, int]) -> NameSeries:
    """Return the series of names that count along several axes."""
    axes = [axis for axis in ORDER if axis in places]
    keys = [numbers[:, places[axis]] for axis in reversed(axes)]
    order = np.lexsort(keys)
    sizes = [len(set(numbers[:, places[axis]])) for axis in axes]
    grid = _paths([names[at] for at in order]).reshape(sizes)
    by_path = {name.path: name for name in names}
    positions: tuple[float, ...] = ()
    unit = UNKNOWN
    channels: tuple[str, ...] = ()
    if "Z" in places:  # the last axis
        place = places["Z"]
        column = [by_path[path] for path in grid.reshape(-1, sizes[-1])[0]]
        along = np.unique(numbers[:, place])
        _check_steps(column, along, place)
        unit = column[0].numbers[place].unit
        positions = tuple(map(float, along)) if unit != UNKNOWN else ()
    if "C" in places:
        first = np.moveaxis(grid, axes.index("C"), 0).reshape(sizes[axes.index("C")], -1)[:, 0]
        channels = tuple(_channel(by_path[path], places["C"]) for path in first)
    return NameSeries(grid, "".join(axes), positions, unit, channels)


def _channel(name: PlaneName, place: int) -> str:
    """Return the name of a channel: its word and number, such as ch1 or Alexa488."""
    word = name.words[place].rstrip("_- .")
    tail = word[len(word.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) :]
    return f"{tail}{name.numbers[place].digits}"


def _lost(names: Sequence[PlaneName], numbers: np.ndarray, places: Sequence[int]) -> InputError:
    """Return the error for names of a grid of which some are missing."""
    known = {tuple(row): name for row, name in zip(numbers[:, places], names, strict=True)}
    sides = [np.unique(numbers[:, place]) for place in places]
    missing = [key for key in zip(*(g.ravel() for g in np.meshgrid(*sides, indexing="ij")),
                                  strict=True) if key not in known]  # fmt: skip
    # the name that differs least from the missing one, with its other numbers
    like = max(known, key=lambda key: sum(a == b for a, b in zip(key, missing[0], strict=True)))
    name = known[like]
    at = next(at for at, (a, b) in enumerate(zip(like, missing[0], strict=True)) if a != b)
    lost = name.renumbered(places[at], float(like[at]), float(missing[0][at]))
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return InputError(
        f"{name.path.parent} lacks {lost}{more}; add {'them' if more else 'it'}, or name the files "
        "of one stack one by one."
    )


def _several(
    names: Sequence[PlaneName],
    numbers: np.ndarray,
    varying: Sequence[int],
    letters: Sequence[str],
) -> InputError:
    """Return the error for names of several stacks."""
    if "S" in letters:
        groups = varying[letters.index("S")]
    else:  # Names do not say which axis is which. The planes are taken to be the longer one.
        counts = [len(set(numbers[:, place])) for place in varying]
        groups = varying[0 if counts[0] < counts[1] else 1]
    stacks = [
        [name.path for name, row in zip(names, numbers, strict=True) if row[groups] == value]
        for value in np.unique(numbers[:, groups])
    ]
    return several_stacks(stacks)


def several_stacks(stacks: Sequence[Sequence[Path]]) -> InputError:
    """Return the error that names the first and the last image of each of several stacks."""
    ranges = [f"{stack[0].name} to {stack[-1].name}" for stack in stacks]
    listed = ", ".join(ranges if len(ranges) < 4 else [*ranges[:2], "..."])
    return InputError(
        f"{stacks[0][0].parent} holds {len(stacks)} stacks ({listed}); put each into a folder of "
        "its own, or name its files one by one."
    )
