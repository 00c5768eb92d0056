"""Files and folders that appear complete under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.part_folder import OLD, part_folder, remove
from napari_focusstack.runtime.paths import status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike


TIFF_SUFFIXES = (".tif", ".tiff")
#: Suffixes of images that are written.
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, ".png")
#: Pixel types that a PNG holds.
PNG_DTYPES = ("uint8", "uint16")


def check_writable(
    path: str | Path,
    *,
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES,
    dtype: DTypeLike | None = None,
) -> None:
    """Check that a file can be written, before minutes of work.

    Parameters
    ----------
    path : path
        File to be written; it may exist.
    suffixes : tuple of str
        Allowed suffixes.
    dtype : dtype, optional
        Type of the pixels, if known: PNG holds uint8 and uint16 only.

    Raises
    ------
    InputError
        If the suffix is unknown or cannot hold `dtype`, the folder is missing or not writable,
        or `path` is a folder, a pipe, or a write-protected file.

    Examples
    --------
    >>> check_writable("all_in_focus.png", dtype="float32")
    Traceback (most recent call last):
    napari_focusstack.errors.InputError: all_in_focus.png cannot hold float32; use .tif.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        raise InputError(f"{path} has the suffix {suffix!r}; use {', '.join(suffixes)}.")
    if suffix == ".png" and dtype is not None and np.dtype(dtype).name not in PNG_DTYPES:
        raise InputError(f"{path} cannot hold {np.dtype(dtype)}; use .tif.")
    found = status(path)
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"{path} is a folder; give a file name.")
    if found is not None and not target.is_file():
        raise InputError(f"{path} is a pipe or a device; give the name of a file.")
    if not target.parent.is_dir():
        raise InputError(f"the folder {target.parent} does not exist; create it first.")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"the folder {target.parent} is not writable; choose another.")
    if found is not None and not os.access(target, os.W_OK):
        raise InputError(f"{path} is write-protected; choose another name.")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; InputError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, such as a JSON report, completely or not at all.

    Parameters
    ----------
    path : path
        File with any suffix.
    text : str
        Its content.

    Raises
    ------
    InputError
        As `write_image`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "report.json"
    >>> write_text(path, "{}")
    >>> path.read_text()
    '{}'
    """
    path = Path(path)
    check_writable(path, suffixes=(path.suffix.lower(),))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a hidden temporary path for a file or folder, which replaces it on success.

    If the block raises, what was written under the temporary path is deleted. Inside
    :func:`all_or_none` the file replaces the older one at the end of that block.
    """
    target = Path(os.path.realpath(path))  # a symbolic link is kept; its target is replaced
    together = _together.get()
    with writing(path), contextlib.ExitStack() as alone:
        folders, moves = together or (alone, [])
        temporary = folders.enter_context(part_folder(target.parent)) / target.name
        yield temporary
        moves.append((temporary, target))
        if together is None:
            put_in_place(moves)


#: Part folders and finished files of the innermost :func:`all_or_none`.
_together: ContextVar[tuple[contextlib.ExitStack, list[tuple[Path, Path]]] | None] = ContextVar(
    "together", default=None
)


@contextlib.contextmanager
def all_or_none() -> Iterator[None]:
    """Put the files that :func:`replacing` makes in this block into place together, at its end.

    If the block raises, or one cannot be put into place, none of them appears, and older files
    stay as they were.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> with all_or_none():
    ...     write_text(folder / "depth.txt", "1")
    ...     write_text(folder / "report.txt", "2")
    ...     (folder / "depth.txt").exists()
    False
    >>> sorted(path.name for path in folder.iterdir())
    ['depth.txt', 'report.txt']
    """
    with contextlib.ExitStack() as folders:
        moves: list[tuple[Path, Path]] = []
        token = _together.set((folders, moves))
        try:
            yield
        finally:
            _together.reset(token)
        put_in_place(moves)


@contextlib.contextmanager
def staging_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside a path for unfinished outputs, which is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent))
    try:
        yield folder
    finally:
        remove(folder)


def put_in_place(moves: Sequence[tuple[Path, Path]]) -> None:
    """Move complete files or folders to their names, all or none, and replace older ones.

    Parameters
    ----------
    moves : sequence of (Path, Path)
        Where each was written, and its name. Older ones are kept beside the first until all are
        in place.

    Raises
    ------
    InputError
        If a folder of a name exists and is not a Zarr group, or a file cannot be moved.
    """
    placed: list[tuple[Path, Path]] = []
    try:
        for made, target in moves:
            with writing(target):
                old = made.with_name(f"{made.name}{OLD}")
                if target.is_dir():  # a folder cannot be moved onto one that is not empty
                    check_replaceable(target)
                    target.replace(old)
                elif target.exists() and len(moves) > 1:
                    _copy(target, old)
                placed.append((old, target))
                made.replace(target)
    except BaseException:
        for old, target in reversed(placed):
            if old.exists():
                remove(target)
                old.replace(target)
            elif len(moves) > 1:
                remove(target)
        raise
    for old, _ in placed:
        remove(old)


def _copy(file: Path, copy: Path) -> None:
    """Copy a file, as a link where the file system has them."""
    try:
        copy.hardlink_to(file)
    except OSError:
        shutil.copy2(file, copy)


def check_replaceable(folder: Path) -> None:
    """Raise InputError if a folder exists and is not a Zarr group."""
    if folder.exists() and not (folder / "zarr.json").is_file():
        raise InputError(f"{folder} is there and no Zarr group; choose another name.")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise InputError instead of OSError if a path cannot be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"cannot write {path} ({reason}); free space or choose another folder."
        ) from error
