"""Check the names of a folder's images: one focal stack, several, or one that lacks a plane."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


#: What stands before a second number that is the decimal part of the first.
_DECIMAL_SIGNS = (".", ",")


def check_names(files: Sequence[Path]) -> None:
    """Raise InputError if the images of a folder are several stacks, or if a plane is missing.

    Only the numbers in the names are judged. Several stacks are two series of names, or a grid of
    two numbers (planes and channels). A plane is missing where the numbers rise evenly but for a
    gap. They must begin at 0 or 1, or a z must stand before them: cameras count pictures, not
    planes.

    Parameters
    ----------
    files : sequence of Path
        All images of one folder, in natural order, see
        `napari_focusstack.io.reading.image.in_natural_order`.

    Raises
    ------
    InputError
        If so. The message names the images, and says that files may be named one by one.

    Examples
    --------
    >>> from pathlib import Path
    >>> check_names([Path(f"z{n}.tif") for n in (8, 9, 11, 12)])  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    napari_focusstack.errors.InputError: . lacks plane z10.tif between z9.tif and z11.tif; add it,
    or name the files one by one to do without.
    """
    series: dict[tuple[str, ...], list[Path]] = defaultdict(list)
    for path in files:
        series[tuple(re.split(r"\d+", path.name.lower()))].append(path)
    several = [paths for paths in series.values() if len(paths) > 1]
    if len(several) > 1:
        _refuse(several)
    for words, paths in series.items():
        numbers = [tuple(map(int, re.findall(r"\d+", path.name))) for path in paths]
        varying = [place for place, values in enumerate(zip(*numbers, strict=True))
                   if len(set(values)) > 1]  # fmt: skip
        if len(varying) == 1:
            counted = [values[varying[0]] for values in numbers]
            if counted[0] <= 1 or words[varying[0]].endswith("z"):
                _check_steps(paths, counted, varying[0])
        elif len(varying) == 2 and words[varying[1]] not in _DECIMAL_SIGNS:
            _check_grid(paths, [(values[varying[0]], values[varying[1]]) for values in numbers])


def _check_steps(paths: Sequence[Path], numbers: Sequence[int], place: int) -> None:
    """Raise InputError if the numbers of the planes rise evenly but for a gap."""
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps)
    if step < 1 or any(gap % step for gap in steps):
        return
    # If more than a third is missing, the user selected some planes of a series.
    if 2 * (sum(steps) // step + 1 - len(paths)) > len(paths):
        return
    for (before, after), gap in zip(pairwise(paths), steps, strict=True):
        if gap > step:
            first = _renumbered(before, place, step)
            count = gap // step - 1
            missing = f"plane {first}" if count == 1 else f"{count} planes, {first} first,"
            raise InputError(
                f"{before.parent} lacks {missing} between {before.name} and {after.name}; add "
                f"{'it' if count == 1 else 'them'}, or name the files one by one to do without."
            )


def _renumbered(path: Path, place: int, increment: int) -> str:
    """Return the name of a file with one of its numbers raised, zero-padded to the same width."""
    digits = list(re.finditer(r"\d+", path.name))[place]
    number = str(int(digits[0]) + increment).zfill(len(digits[0]))
    return path.name[: digits.start()] + number + path.name[digits.end() :]


def _check_grid(paths: Sequence[Path], numbers: Sequence[tuple[int, int]]) -> None:
    """Raise InputError if names count along two axes: planes, and channels or time points."""
    sizes = [len(set(values)) for values in zip(*numbers, strict=True)]
    if sizes[0] * sizes[1] == len(set(numbers)) == len(paths):
        # Names do not say which axis is which. The planes are taken to be the longer one.
        stack_axis = 0 if sizes[0] < sizes[1] else 1
        groups: dict[int, list[Path]] = defaultdict(list)
        for path, number in zip(paths, numbers, strict=True):
            groups[number[stack_axis]].append(path)
        _refuse(list(groups.values()))


def _refuse(stacks: Sequence[Sequence[Path]]) -> None:
    """Raise InputError that names the first and the last image of each stack."""
    ranges = [f"{stack[0].name} to {stack[-1].name}" for stack in stacks]
    listed = ", ".join(ranges if len(ranges) < 4 else [*ranges[:2], "..."])
    raise InputError(
        f"{stacks[0][0].parent} holds {len(stacks)} stacks ({listed}); put each into a folder of "
        "its own, or name its files one by one."
    )
