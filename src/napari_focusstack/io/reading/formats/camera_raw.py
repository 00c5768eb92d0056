"""Raw files of cameras, developed by LibRaw to linear light with 16 bits.

A file holds one plane. Nothing is brightened, so all planes of a stack are developed alike, as far
as the camera kept its white balance.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.io.reading.formats.reader import Series, first_bytes
from napari_focusstack.io.reading.tiff_pages import TIFF_SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


NAME = "camera RAW"
#: The suffix decides, because many raw files begin as a TIFF, which would be their preview.
SUFFIXES: tuple[str, ...] = (
    *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".raf", ".orf"),
    *(".rw2", ".pef", ".srw", ".3fr", ".fff", ".iiq", ".rwl", ".mrw", ".x3f", ".erf", ".mef"),
)
EXTRA = "photo"
#: LibRaw's flip of a picture whose camera was upright by a quarter turn.
QUARTER_TURNS = (5, 6)


def can_read(path: Path) -> bool:
    """Return whether a file has the suffix of a raw file and is not empty."""
    try:
        return path.suffix.lower() in SUFFIXES and path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def series(path: Path) -> list[Series]:
    """Return the picture of a file; its pixels are not decoded."""
    import rawpy

    with rawpy.imread(str(path)) as raw:
        sizes = raw.sizes
        shape = sizes.iheight, sizes.iwidth
    if sizes.flip in QUARTER_TURNS:
        shape = shape[::-1]
    return [Series(NAME, "", "YXS", (*shape, 3), np.dtype(np.uint16))]


def read(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Develop a picture: linear sRGB primaries, the camera's white balance and orientation."""
    import rawpy

    _check_whole(path)
    with rawpy.imread(str(path)) as raw:
        return np.ascontiguousarray(
            raw.postprocess(
                output_bps=16,
                gamma=(1, 1),
                no_auto_bright=True,
                adjust_maximum_thr=0,  # else the brightest pixel of a plane decides its white
                use_camera_wb=True,
            )
        )


def _check_whole(path: Path) -> None:
    """Raise ValueError if pixels of a raw file that is a TIFF are beyond its end.

    LibRaw would develop it with black rows.
    """
    if not first_bytes(path, 4).startswith(TIFF_SIGNATURES):
        return
    from tifffile import TiffFile

    ends = []
    with contextlib.suppress(Exception), TiffFile(path) as tiff:  # LibRaw is the judge of the rest
        for page in tiff.pages:
            for part in (page, *(page.pages or ())):  # pixels may lie in a directory of the page
                spans = zip(part.dataoffsets, part.databytecounts, strict=False)
                ends += [start + size for start, size in spans]
    if max(ends, default=0) > path.stat().st_size:
        raise ValueError("pixels are missing")
