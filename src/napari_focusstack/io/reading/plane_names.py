"""What the names of a folder's images say: one focal stack, several, or one that lacks a plane."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_DECIMAL = (".", ",")


def check_names(files: Sequence[Path]) -> None:
    """Say so if the images of a folder are several stacks, or if one has a plane missing.

    Only what numbers in the names make plain is judged: the folder may hold two series of names, a
    grid of two numbers (planes and channels), or planes counted evenly but for a gap: from 0 or 1
    on, or with a z before the number. Cameras count pictures, not planes.

    Parameters
    ----------
    files : sequence of Path
        All images of one folder, in natural order.

    Raises
    ------
    InputError
        If so; the message says which images, and that files may be named one by one instead.

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
            counted = [each[varying[0]] for each in numbers]
            if counted[0] <= 1 or words[varying[0]].endswith("z"):
                _check_steps(paths, counted, varying[0])
        elif len(varying) == 2 and words[varying[1]] not in _DECIMAL:
            _check_grid(paths, [(each[varying[0]], each[varying[1]]) for each in numbers])


def _check_steps(paths: Sequence[Path], numbers: Sequence[int], place: int) -> None:
    """Raise InputError if planes are counted evenly but for a gap."""
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps)
    if step < 1 or any(one % step for one in steps):
        return
    # Where more than a third is lacking, somebody chose these few.
    if 2 * (sum(steps) // step + 1 - len(paths)) > len(paths):
        return
    for (before, after), gap in zip(pairwise(paths), steps, strict=True):
        if gap > step:
            lacking = _renumbered(before, place, step)
            count = gap // step - 1
            named = f"plane {lacking}" if count == 1 else f"{count} planes, {lacking} first,"
            raise InputError(
                f"{before.parent} lacks {named} between {before.name} and {after.name}; add "
                f"{'it' if count == 1 else 'them'}, or name the files one by one to do without."
            )


def _renumbered(path: Path, place: int, more: int) -> str:
    """Return the name of a file with one of its numbers raised, as wide as it was."""
    found = list(re.finditer(r"\d+", path.name))[place]
    number = str(int(found[0]) + more).zfill(len(found[0]))
    return path.name[: found.start()] + number + path.name[found.end() :]


def _check_grid(paths: Sequence[Path], numbers: Sequence[tuple[int, int]]) -> None:
    """Raise InputError if names count along two axes: planes, and channels or time points."""
    sizes = [len(set(values)) for values in zip(*numbers, strict=True)]
    if sizes[0] * sizes[1] == len(set(numbers)) == len(paths):
        # Planes are the longer axis, as far as names tell.
        which = 0 if sizes[0] < sizes[1] else 1
        groups: dict[int, list[Path]] = defaultdict(list)
        for path, number in zip(paths, numbers, strict=True):
            groups[number[which]].append(path)
        _refuse(list(groups.values()))


def _refuse(stacks: Sequence[Sequence[Path]]) -> None:
    named = [f"{stack[0].name} to {stack[-1].name}" for stack in stacks]
    listed = ", ".join(named if len(named) < 4 else [*named[:2], "..."])
    raise InputError(
        f"{stacks[0][0].parent} holds {len(stacks)} stacks ({listed}); put each into a folder of "
        "its own, or name its files one by one."
    )
