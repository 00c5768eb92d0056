"""Writing of one image with its record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import PNG_DTYPES, TIFF_SUFFIXES, check_writable, replacing
from napari_focusstack.io.writing.photo_tags import (
    add_directories,
    png_chunk,
    png_chunks,
    tiff_tags,
)
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_focusstack.io.reading.photo_metadata import PhotoMetadata


def write_image(
    path: str | Path,
    image: np.ndarray,
    *,
    record: Mapping[str, Any] | None = None,
    photo: PhotoMetadata | None = None,
) -> None:
    """Write a grey, RGB or label image.

    An existing file is replaced when the new one is complete.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff (compressed without loss), or .png (uint8 and uint16 only).
    image : ndarray, (Y, X) or (Y, X, 3)
        Any numeric dtype that the format holds.
    record : mapping, optional
        From `napari_focusstack.provenance.record`. It is stored as JSON in the ImageDescription of
        a TIFF or the text "Description" of a PNG, and `read_record` reads it.
    photo : PhotoMetadata, optional
        EXIF and colour profile, from `napari_focusstack.io.reading.photo_metadata.photo_metadata`.

    Raises
    ------
    InputError
        As `check_writable`; also if the image has another shape, or if writing fails, as on a full
        disk. No part of a file remains then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from napari_focusstack.io.reading.record import read_record
    >>> path = Path(tempfile.mkdtemp()) / "out.tif"
    >>> write_image(path, np.zeros((4, 5), np.uint16), record={"software": "napari-focusstack"})
    >>> read_record(path)
    {'software': 'napari-focusstack'}
    """
    path = Path(path)
    check_writable(path, dtype=image.dtype)
    if image.ndim != 2 and (image.ndim != 3 or image.shape[2] != 3):
        raise InputError(f"cannot write shape {image.shape} to {path}; give (Y, X) or (Y, X, 3).")
    # Spaces before colons, because tifffile reads a description with `"shape":` as its own format.
    description = (
        None if record is None else json.dumps(record, allow_nan=False, separators=(", ", " : "))
    )
    with replacing(path) as temporary:
        if path.suffix.lower() in TIFF_SUFFIXES:
            _write_tiff(temporary, image, description, photo)
        else:
            _write_png(temporary, image, description, photo)


def _write_tiff(
    path: Path, image: np.ndarray, description: str | None, photo: PhotoMetadata | None
) -> None:
    """Write a compressed TIFF."""
    from tifffile import imwrite

    imwrite(
        path,
        image,
        photometric="rgb" if image.ndim == 3 else "minisblack",
        compression="zlib",
        # Fiji cannot decode the floating-point predictor, and labels gain nothing from one.
        predictor=image.dtype.name in PNG_DTYPES,
        description=description,
        software=SOFTWARE,
        metadata=None,
        **tiff_tags(photo),
    )
    add_directories(path, photo)


def _write_png(
    path: Path, image: np.ndarray, description: str | None, photo: PhotoMetadata | None
) -> None:
    """Write a PNG."""
    from imagecodecs import png_encode

    png = png_encode(np.ascontiguousarray(image))
    height, width = image.shape[:2]
    chunks = png_chunks(photo, (height, width))
    if description is not None:
        chunks += png_chunk(b"tEXt", b"Description\0" + description.encode("ascii"))
    # Signature and header chunk are the first 33 bytes.
    path.write_bytes(png[:33] + chunks + png[33:])
