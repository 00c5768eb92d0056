"""Write results whole or not at all, with the record of how they were made."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import DTypeLike

TIFF_SUFFIXES = (".tif", ".tiff")
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, ".png")
PNG_DTYPES = ("uint8", "uint16")


def check_writable(
    path: str | Path,
    *,
    suffixes: tuple[str, ...] = IMAGE_SUFFIXES,
    dtype: DTypeLike | None = None,
) -> None:
    """Raise now if a file could not be written later, before minutes of work.

    Parameters
    ----------
    path : path
        File to be written; it may exist.
    suffixes : tuple of str
        Allowed suffixes.
    dtype : dtype, optional
        Of the image to be written, where known: PNG holds uint8 and uint16 only.

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


def write_image(
    path: str | Path, image: np.ndarray, *, record: Mapping[str, Any] | None = None
) -> None:
    """Write a grey, RGB or label image; an existing file is replaced only once all is written.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff (compressed without loss), or .png (uint8 and uint16 only).
    image : ndarray, (Y, X) or (Y, X, 3)
        Any numeric dtype that the format holds.
    record : mapping, optional
        From `napari_focusstack.provenance.record`; stored as JSON in the TIFF ImageDescription or
        the PNG text "Description", where `read_record` finds it.

    Raises
    ------
    InputError
        As `check_writable`; if the image has another shape; or if writing fails, as on a full
        disk, which leaves nothing behind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> path = Path(tempfile.mkdtemp()) / "out.tif"
    >>> write_image(path, np.zeros((4, 5), np.uint16), record={"software": "napari-focusstack"})
    >>> read_record(path)
    {'software': 'napari-focusstack'}
    """
    path = Path(path)
    check_writable(path, dtype=image.dtype)
    if image.ndim != 2 and (image.ndim != 3 or image.shape[2] != 3):
        raise InputError(f"cannot write shape {image.shape} to {path}; give (Y, X) or (Y, X, 3).")
    # Spaced colons, for tifffile takes any description with `"shape":` for its own.
    description = (
        None if record is None else json.dumps(record, allow_nan=False, separators=(", ", " : "))
    )
    with replacing(path) as temporary:
        if path.suffix.lower() in TIFF_SUFFIXES:
            _write_tiff(temporary, image, description)
        else:
            _write_png(temporary, image, description)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, such as a JSON report, whole or not at all.

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


def read_record(path: str | Path) -> dict[str, Any]:
    """Read back the record that `write_image` or `write_layer` stored.

    Parameters
    ----------
    path : path
        TIFF or PNG file.

    Returns
    -------
    dict
        The record.

    Raises
    ------
    InputError
        If the file cannot be read or holds no record of ours.
    """
    path = Path(path)
    try:
        record = _record(path)
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror or error}).") from error
    except Exception:  # not an image, or with another description
        record = None
    if not isinstance(record, dict) or record.get("software") != SOFTWARE:
        raise InputError(f"{path} holds no record of {SOFTWARE}; give one of its results.")
    return record


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a hidden temporary file beside the target that takes its place on success."""
    target = path.resolve()  # a link stays a link
    temporary = target.with_name(f".{uuid4().hex}.part{target.suffix}")
    with failure_explained(path):
        try:
            yield temporary
            temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def failure_explained(path: Path) -> Iterator[None]:
    """Turn what the system says of a path that cannot be written into an InputError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"cannot write {path} ({reason}); free space or choose another folder."
        ) from error


def _write_tiff(path: Path, image: np.ndarray, description: str | None) -> None:
    from tifffile import imwrite

    imwrite(
        path,
        image,
        photometric="rgb" if image.ndim == 3 else "minisblack",
        compression="zlib",
        # Fiji cannot undo the floating-point predictor, and labels gain nothing from one.
        predictor=image.dtype.name in PNG_DTYPES,
        description=description,
        software=SOFTWARE,
        metadata=None,
    )


def _write_png(path: Path, image: np.ndarray, description: str | None) -> None:
    from imagecodecs import png_encode

    png = png_encode(np.ascontiguousarray(image))
    if description is not None:
        # A text chunk, by the PNG specification, right after the 33 bytes up to the header's end.
        chunk = b"tEXtDescription\0" + description.encode("ascii")
        size, checksum = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
        png = png[:33] + size + chunk + checksum + png[33:]
    path.write_bytes(png)


def _record(path: Path) -> Any:
    if path.suffix.lower() in TIFF_SUFFIXES:
        from tifffile import TiffFile

        from napari_focusstack.io.layer_tiff import note_in

        with TiffFile(path) as tiff:
            note = note_in(tiff)
            return note["record"] if note else json.loads(tiff.pages.first.description)
    from PIL import Image

    with Image.open(path) as image:
        return json.loads(str(image.info["Description"]))
