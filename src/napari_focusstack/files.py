"""Files and folders that appear complete under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        or `path` is a folder or a write-protected file.

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
    target = path.resolve()
    if target.is_dir():
        raise InputError(f"{path} is a folder; give a file name.")
    if not target.parent.is_dir():
        raise InputError(f"the folder {target.parent} does not exist; create it first.")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"the folder {target.parent} is not writable; choose another.")
    if target.exists() and not os.access(target, os.W_OK):
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
    """Yield a hidden temporary name beside a file or folder, which replaces it on success.

    If the block raises, what was written under the temporary name is deleted.
    """
    target = path.resolve()  # a symbolic link is kept; its target is replaced
    temporary = target.with_name(f".{uuid4().hex}.part{target.suffix}")
    with writing(path):
        try:
            yield temporary
            put_in_place(temporary, target)
        finally:
            _remove(temporary)


@contextlib.contextmanager
def staging_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside a path for unfinished outputs, which is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent))
    try:
        yield folder
    finally:
        _remove(folder)


def put_in_place(made: Path, target: Path) -> None:
    """Move a complete file or folder to its name, and replace an older one.

    Raises
    ------
    InputError
        If a folder of this name exists and is not a Zarr group.
    """
    if target.is_dir():  # a folder cannot be moved onto one that is not empty
        check_replaceable(target)
        old = made.with_name(f"{made.name}.old")
        target.replace(old)
        made.replace(target)
        _remove(old)
    else:
        made.replace(target)


def check_replaceable(folder: Path) -> None:
    """Raise InputError if a folder exists and is not a Zarr group."""
    if folder.exists() and not (folder / "zarr.json").is_file():
        raise InputError(f"{folder} is there and no Zarr group; choose another name.")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    """Delete a file or folder if it exists."""
    # After an error, threads of zarr may still write chunks for a moment.
    for _ in range(20):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if not path.exists():
            return
        sleep(0.05)


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
