"""OME-TIFFs whose planes lie in several files: the files that belong together, and lost ones."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import ome_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree import ElementTree

    from tifffile import TiffFile


#: Suffix of a file that holds the description of a set alone.
COMPANION_SUFFIX = ".ome"
#: Axes of a set, and a word for a position on each, innermost first.
AXES = {"Z": "plane", "C": "channel", "T": "time point"}


@dataclass(frozen=True)
class OmeFile:
    """One file of a set."""

    name: str
    #: What it holds, in words, such as "plane 4 of 5".
    content: str


def names_other_files(tiff: TiffFile) -> bool:
    """Return whether the description of a TIFF names other files, or lies in another file."""
    if not tiff.is_ome:
        return False
    root = ome_root(tiff.ome_metadata)
    if root.find("{*}BinaryOnly") is not None:
        return True
    return any(not _is_own(element, root, tiff) for element in root.iterfind(_UUIDS))


@contextlib.contextmanager
def whole_set(tiff: TiffFile) -> Iterator[TiffFile]:
    """Yield a TIFF with the planes of all files of its set.

    Parameters
    ----------
    tiff : TiffFile
        Any TIFF; one that names no other files is yielded as it is.

    Raises
    ------
    InputError
        If a file of the set is missing; the message names it and its planes.
    """
    path = Path(tiff.filehandle.path)
    with contextlib.ExitStack() as stack:
        if names_other_files(tiff):
            described = _described(path, ome_root(tiff.ome_metadata))
            tiff = stack.enter_context(described) if described else tiff
            root = ome_root(tiff.ome_metadata)
            own = {id(each) for each in root.iterfind(_UUIDS) if _is_own(each, root, tiff)}
            missing = [
                file for file in _files(root, own) if not (path.parent / file.name).is_file()
            ]
            if missing:
                more = f", as are {len(missing) - 1} more" if len(missing) > 1 else ""
                raise InputError(
                    f"{path}: {missing[0].name}, {missing[0].content}, is missing{more}; copy it "
                    "beside the others, or name the files one by one to do without."
                )
        yield tiff


def set_names(tiff: TiffFile) -> set[str]:
    """Return the names of all files of a set, whether they are there or not."""
    path, root = Path(tiff.filehandle.path), ome_root(tiff.ome_metadata)
    reference = root.find("{*}BinaryOnly")
    source = [] if reference is None else [str(reference.get("MetadataFile"))]
    with contextlib.ExitStack() as stack:
        described = _described(path, root)
        tiff = stack.enter_context(described) if described else tiff
        files = _files(ome_root(tiff.ome_metadata), set())
        return {path.name, *source, *(file.name for file in files)}


def first_file(companion: Path) -> Path:
    """Return the first file of the set that a companion file describes."""
    root = ome_root(companion.read_text(encoding="utf-8"))
    names = [file.name for file in _files(root, set())]
    there = [companion.parent / name for name in names if (companion.parent / name).is_file()]
    if not there:
        raise InputError(f"{companion} names no image file that is there; copy them beside it.")
    return there[0]


_UUIDS = "{*}Image/{*}Pixels/{*}TiffData/{*}UUID"


def _is_own(element: ElementTree.Element, root: ElementTree.Element, tiff: TiffFile) -> bool:
    """Return whether planes lie in the file that describes them; it may have been renamed."""
    if root.get("UUID") is not None and element.text == root.get("UUID"):
        return True
    return str(element.get("FileName", "")).lower() in ("", tiff.filehandle.name.lower())


def _described(path: Path, root: ElementTree.Element) -> TiffFile | None:
    """Open a TIFF with the description that it refers to; None if it has one of its own."""
    from tifffile import TiffFile

    reference = root.find("{*}BinaryOnly")
    if reference is None:
        return None
    source = path.parent / str(reference.get("MetadataFile"))
    if not source.is_file():
        raise InputError(f"{path}: {source.name}, which describes it, is missing; copy it beside.")
    if source.suffix.lower() == COMPANION_SUFFIX:
        return TiffFile(path, omexml=source.read_text(encoding="utf-8"))
    return TiffFile(source)


def _files(root: ElementTree.Element, own: set[int]) -> list[OmeFile]:
    """Return the files that a description names, in order, except elements that are its own."""
    contents: dict[str, str] = {}
    counts: dict[str, int] = {}
    for pixels in root.iterfind("{*}Image/{*}Pixels"):
        sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in AXES}
        for data in pixels.iterfind("{*}TiffData"):
            for element in data.iterfind("{*}UUID"):
                if id(element) not in own:
                    name = str(element.get("FileName"))
                    contents.setdefault(name, _content(data, sizes))
                    counts[name] = counts.get(name, 0) + int(data.get("PlaneCount", 1))
    return [
        OmeFile(name, held if counts[name] == 1 else f"{counts[name]} planes from {held} on")
        for name, held in contents.items()
    ]


def _content(data: ElementTree.Element, sizes: dict[str, int]) -> str:
    """Return the first plane of a part of a file, in words."""
    words = [
        f"{word} {int(data.get(f'First{axis}', 0)) + 1} of {sizes[axis]}"
        for axis, word in AXES.items()
        if sizes[axis] > 1
    ]
    return " of ".join(words) or "its only plane"
