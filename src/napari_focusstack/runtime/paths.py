"""Paths that are read and written: a file is there, and no two paths name one file."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def status(path: Path) -> os.stat_result | None:
    """Return the status of a file or folder behind links; None if there is none.

    Raises
    ------
    InputError
        If the path cannot name a file: links in a circle, too long a name, a locked folder above.
    """
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{str(path)!r} names no file ({reason}); check the path.") from error


def check_file(path: Path) -> None:
    """Raise InputError unless a path names a file with content that can be read from its start.

    Examples
    --------
    >>> check_file(Path("nowhere.tif"))
    Traceback (most recent call last):
    napari_focusstack.errors.InputError: nowhere.tif does not exist; check the path.
    """
    found = status(path)
    if found is None:
        raise InputError(f"{path} does not exist; check the path.")
    if path.is_dir():
        raise InputError(f"{path} is a folder where a file is expected; give a folder alone.")
    if not path.is_file():  # opening a pipe would wait for ever
        raise InputError(f"{path} is a pipe or a device; save its content as a file.")


def check_apart(outputs: Sequence[Path], inputs: Iterable[Path] = ()) -> None:
    """Raise InputError if writing the outputs would destroy an input or another output.

    Links are followed, and nothing may lie in a folder that is an input or output. Names that
    differ only in case are one name to some file systems.

    Parameters
    ----------
    outputs : sequence of Path
        Files and folders to be written; they may exist.
    inputs : iterable of Path
        Files and folders that are read.

    Examples
    --------
    >>> check_apart([Path("a.tif"), Path("./A.tif")])
    Traceback (most recent call last):
    napari_focusstack.errors.InputError: A.tif and a.tif are one file; give each result its own.
    """
    for number, path in enumerate(outputs):
        for other in outputs[:number]:
            if path == other:
                raise InputError(f"{path} is to hold two results; give each a name of its own.")
            if _names(path) & _names(other):
                raise InputError(f"{path} and {other} are one file; give each result its own.")
            _check_outside(path, other)
    for path in inputs:
        for output in outputs:
            if _identity(path) is not None and _identity(path) == _identity(output):
                raise InputError(f"{output} is read, so it cannot be written; choose another name.")
            _check_outside(path, output)


def _check_outside(path: Path, other: Path) -> None:
    """Raise InputError if one of two paths lies in the other."""
    for outer, inner in ((path, other), (other, path)):
        above = Path(os.path.realpath(inner)).parents
        if _identity(outer) is not None and _identity(outer) in map(_identity, above):
            raise InputError(f"{inner} lies in {outer}; write it elsewhere.")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what the system knows a file by; None if there is none."""
    found = status(path)
    return None if found is None else (found.st_dev, found.st_ino)


def _names(path: Path) -> set[Any]:
    """Return all that a file is known by: itself if it exists, and its name in its folder."""
    real = Path(os.path.realpath(path))
    name = unicodedata.normalize("NFC", real.name).casefold()
    return {_identity(path), (_identity(real.parent), name)} - {None}
