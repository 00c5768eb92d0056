"""HEIC and HEIF pictures of phones and cameras, by pillow-heif: the primary picture of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.io.reading.formats.reader import Series, first_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


NAME = "HEIC"
SUFFIXES: tuple[str, ...] = (".heic", ".heif", ".hif")
EXTRA = "photo"
#: Brands of files with pictures coded by HEVC, or by any codec.
BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
#: Samples of a pixel by the mode that pillow-heif reports, without its ";16".
SAMPLES = {"L": 1, "I": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def can_read(path: Path) -> bool:
    """Return whether a file begins as a HEIF."""
    start = first_bytes(path, 12)
    return start[4:8] == b"ftyp" and start[8:] in BRANDS


def series(path: Path) -> list[Series]:
    """Return the primary picture of a file; its pixels are not decoded."""
    import pillow_heif

    picture = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    return [_described(picture)]


def read(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Decode the primary picture, turned as its file demands; 10 and 12 bits become 16."""
    import pillow_heif

    picture = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    return np.asarray(picture).reshape(series.shape)


def _described(picture: Any) -> Series:
    """Return the series of a picture."""
    width, height = picture.size
    samples = SAMPLES[picture.mode.removesuffix(";16")]
    shape = (height, width) if samples == 1 else (height, width, samples)
    dtype = np.dtype(np.uint16 if picture.mode.endswith(";16") else np.uint8)
    return Series(NAME, "", "YX" if samples == 1 else "YXS", shape, dtype)
