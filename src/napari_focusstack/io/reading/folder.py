"""The images of a folder that are planes of a stack, and those that are left out."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import IMAGE_SUFFIXES
from napari_focusstack.io.reading.image import images_in, in_natural_order, written_twice
from napari_focusstack.io.reading.name_series import NameSeries, series_by_names, several_stacks
from napari_focusstack.io.reading.photo_metadata import photo_metadata
from napari_focusstack.io.reading.plane_names import SEPARATORS, PlaneName, values
from napari_focusstack.io.reading.record import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


#: Words that name a channel between the separators of a name.
CHANNEL_WORDS = frozenset(
    (
        *("dapi", "hoechst", "gfp", "egfp", "yfp", "eyfp", "cfp", "ecfp", "rfp", "bfp", "fitc"),
        *("mcherry", "cherry", "tdtomato", "tomato", "tritc", "rhodamine", "texasred", "farred"),
        *("bf", "brightfield", "dic", "phase", "ph", "pc", "tl", "trans"),
        *("red", "green", "blue", "cyan", "magenta", "yellow"),
    )
)
#: Names that Zerene Stacker and Helicon Focus give to their results, and of small copies.
PRODUCTS = re.compile(
    r"\bZS (PMax|DMap|retouched)|\([ABC],\s?R(adius)?\d+,\s?S(moothing)?\d+\)", re.IGNORECASE
)
THUMBNAIL = re.compile(r"(^|[_\-. ])thumb(nail)?s?([_\-. ]|\d|$)", re.IGNORECASE)
#: Note on pictures whose counter seems to have started again.
BY_TIME = "The planes are sorted by the time of recording, for their numbers lie far apart."
#: EXIF tags: the time of a picture and its fraction of a second, and the time of the file.
TAKEN, FRACTION, CHANGED = 36867, 37521, 306
#: Names that Micro-Manager gives to images: time, channel, z.
MICRO_MANAGER = re.compile(r"img_\d{9}_.+_\d{3}\.tiff?", re.IGNORECASE)


def planes_in(folder: Path) -> NameSeries:
    """Return the planes of a folder in order, and what was left out or assumed.

    Left out are results of napari-focusstack and of other programs, thumbnails, and single images
    whose names are outside the series of the others.

    Parameters
    ----------
    folder : Path
        A folder of images of one plane each.

    Returns
    -------
    NameSeries

    Raises
    ------
    InputError
        If it holds no images, or several stacks, or if the names show that a plane is missing.
    """
    files, notes = _without_results(images_in(folder))
    groups = _groups([PlaneName.of(path) for path in files])
    series = [group for group in groups if len(group) > 1]
    single = [group[0] for group in groups if len(group) == 1]
    others = [name.path.name for name in single]
    if not series:
        return NameSeries(np.array(files, object), notes=notes)
    if sum(bool(name.numbers) for name in single) >= max(map(len, series)):
        if len(series) > 1:
            raise several_stacks([[name.path for name in group] for group in series])
        return NameSeries(np.array(files, object), notes=notes)
    found = series_by_names(series[0]) if len(series) == 1 else _channels(series)
    if found.notes and (times := _times(found.files)):
        order = np.argsort(times, kind="stable")
        note = found.notes[0] if (order == np.arange(len(order))).all() else BY_TIME
        found = replace(found, files=found.files[order], notes=(note,))
    if others:
        notes = (*notes, left_out(others, "not named as the other planes are"))
    return replace(found, notes=(*notes, *found.notes))


def in_name_order(files: Sequence[Path]) -> list[Path]:
    """Return images in the order of the numbers in their names, if these are planes of one stack.

    Others are sorted naturally. Nothing is left out or refused.
    """
    return numbered(files) or in_natural_order(files)


def numbered(files: Sequence[Path]) -> list[Path]:
    """Return images in the order of the numbers in their names; empty if these are no series."""
    groups = _groups([PlaneName.of(path) for path in files])
    with contextlib.suppress(InputError):
        series = series_by_names(groups[0]) if len(groups) == 1 and len(files) > 1 else None
        if series is not None and series.axes == "Z":
            return list(series.files)
    return []


def has_our_record(path: Path) -> bool:
    """Return whether a file is a result of napari-focusstack."""
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return False
    with contextlib.suppress(InputError):
        return bool(read_record(path))
    return False


def _without_results(files: Sequence[Path]) -> tuple[list[Path], tuple[str, ...]]:
    """Return files without results and thumbnails; and a note for each kind that is left out."""
    notes = []
    twice = set(written_twice(files))
    kinds: list[tuple[Callable[[Path], object], str]] = [
        (lambda path: THUMBNAIL.search(path.stem), "small copies"),
        (lambda path: PRODUCTS.search(path.stem), "results of another program by their names"),
        (has_our_record, "results of napari-focusstack"),
        (twice.__contains__, "beside a picture of the same name"),
    ]
    kept = list(files)
    for belongs, what in kinds:
        found = [path for path in kept if belongs(path)]
        if found and len(found) < len(kept):
            kept = [path for path in kept if path not in found]
            notes.append(left_out([path.name for path in found], what))
    return kept, tuple(notes)


def _times(files: np.ndarray) -> list[str]:
    """Return when pictures were taken, as texts that sort; empty unless all say so and differ."""
    times = []
    for path in files:
        photo = photo_metadata(path, rgb=True)
        if photo and (time := photo.exif.get(TAKEN, photo.tags.get(CHANGED))):
            times.append(f"{time}.{photo.exif.get(FRACTION, '')}")
    return times if len(set(times)) == len(files) else []


def left_out(names: Sequence[str], why: str) -> str:
    """Return the note on files that are left out."""
    listed = ", ".join(names if len(names) < 4 else [*names[:2], f"{len(names) - 2} more"])
    return f"Left out, {why}: {listed}."


def _groups(names: Sequence[PlaneName]) -> list[list[PlaneName]]:
    """Return names by their words; also by separators and suffix if a number is there twice."""
    groups: dict[tuple[str, ...], list[PlaneName]] = defaultdict(list)
    for name in names:
        groups[name.pattern].append(name)
    parts: dict[tuple[tuple[str, ...], tuple[str, ...]], list[PlaneName]] = defaultdict(list)
    for pattern, group in groups.items():
        twice = len(set(values(group))) < len(group)
        for name in group:
            part = (name.path.suffix, *name.words) if twice else ()
            parts[pattern, tuple(word.casefold() for word in part)].append(name)
    return list(parts.values())


def _channels(groups: Sequence[Sequence[PlaneName]]) -> NameSeries:
    """Return several series as channels of one stack; InputError if they are none."""
    refusal = several_stacks([[name.path for name in group] for group in groups])
    parts = [_tokens(group[0]) for group in groups]
    if len({len(part) for part in parts}) > 1:
        raise refusal
    different = [place for place, words in enumerate(zip(*parts, strict=True))
                 if len({word.casefold() for word in words}) > 1]  # fmt: skip
    if all(MICRO_MANAGER.fullmatch(group[0].path.name) for group in groups):
        named = [group[0].words[1].strip(SEPARATORS) for group in groups]
    else:
        named = [part[different[0]] for part in parts] if len(different) == 1 else []
        if not named or not CHANNEL_WORDS.issuperset(name.casefold() for name in named):
            raise refusal
    stacks = [series_by_names(group) for group in groups]
    first = stacks[0]
    same = all(
        (one.axes, one.files.shape, one.positions)
        == (first.axes, first.files.shape, first.positions)
        for one in stacks
    )
    if not same or "C" in first.axes:
        raise refusal
    at = 1 if first.axes.startswith("T") else 0
    return replace(
        first,
        files=np.stack([stack.files for stack in stacks], at),
        axes=f"{first.axes[:at]}C{first.axes[at:]}",
        channels=tuple(named),
    )


def _tokens(name: PlaneName) -> list[str]:
    """Return the words of a name, separated, with a mark for each number."""
    return [word for word in re.split(r"[_\-. ]+", "_#_".join(name.words)) if word]
