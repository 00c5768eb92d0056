"""Planes of a TIFF, and checks that the file is complete."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import ome_root
from napari_focusstack.io.reading.ome_files import names_other_files
from napari_focusstack.io.reading.tiff_colour import TiffColour
from napari_focusstack.runtime.memory import memory_budget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tifffile import TiffFile, TiffPageSeries


#: Axes that may be the focus axis, as tifffile names them: depth, unnamed (I, Q), or time, because
#: some microscopes record a focus drive as time.
STACK_AXES = "ZIQT"
#: First bytes of a TIFF or BigTIFF in either byte order.
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
IMAGE_DESCRIPTION = 270  # TIFF tag
#: Least bytes of a page of a TIFF: the offset to it. A header takes 100 and more.
MIN_PAGE_BYTES = 8
#: Most bytes of pixels that a byte of a file stands for. Convention: Deflate reaches 1032,
#: Zstandard 32768.
MAX_RATIO = 2**16


@contextlib.contextmanager
def own_pages(path: Path) -> Iterator[TiffFile]:
    """Open a TIFF without the planes that lie in other files of its set."""
    from tifffile import TiffFile

    with contextlib.ExitStack() as stack:
        tiff = stack.enter_context(TiffFile(path))
        if names_other_files(tiff):
            tiff = stack.enter_context(TiffFile(path, is_ome=False))
        yield tiff


def tiff_planes(path: Path, *, as_shown: bool = True) -> list[np.ndarray]:
    """Decode the planes of a single-page or multi-page TIFF.

    Parameters
    ----------
    path : path
        ImageJ, OME or plain TIFF; of a set of OME-TIFFs only the pages of this file.
    as_shown : bool
        Palettes are expanded, and values are inverted where 0 is white. If not, stored numbers are
        returned, which labels need.

    Returns
    -------
    list of ndarray, each (Y, X) or (Y, X, S)
        Planes in their stored order and dtype. S is the number of samples of a pixel.

    Raises
    ------
    InputError
        If the file has more axes than a focal stack, or images of different shapes.
    ValueError
        If its end is missing. For a damaged file, tifffile and the codecs raise other exceptions.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "stack.tif"
    >>> tifffile.imwrite(path, np.zeros((5, 32, 48), np.uint16))
    >>> len(tiff_planes(path))
    5
    """
    with own_pages(path) as tiff:
        check_end(tiff)
        images = [
            _series_planes(series, path, TiffColour.of(tiff, series) if as_shown else TiffColour())
            for series in image_series(tiff)
        ]
    # Simple writers that append page by page make a series of each plane.
    if len(images) > 1 and any(
        len(planes) > 1 or planes[0].shape != images[0][0].shape for planes in images
    ):
        raise InputError(
            f"{path} holds {len(images)} images of different shapes; save the focal stack alone."
        )
    return [plane for planes in images for plane in planes]


def image_series(tiff: TiffFile) -> list[TiffPageSeries]:
    """Return the series of a TIFF without thumbnails and levels of a pyramid.

    Raises
    ------
    ValueError
        If the file claims more planes or pixels than it can hold.
    """
    if tiff.is_ome:
        _check_planes(tiff)
    images = [series for series in tiff.series if not series.keyframe.is_reduced]
    for series in images:
        page = series.keyframe
        stored = sum(page.databytecounts)
        if page.nbytes > MAX_RATIO * stored or page.nbytes > memory_budget():
            raise ValueError(
                f"it claims planes of {page.nbytes / 1e9:.3g} GB, in {stored} bytes of the file"
            )
    return images


def _check_planes(tiff: TiffFile) -> None:
    """Raise ValueError if an OME description names more planes than its files can hold."""
    folder, root = Path(tiff.filehandle.dirname), ome_root(tiff.ome_metadata)
    for pixels in root.iterfind("{*}Image/{*}Pixels"):
        names = {str(each.get("FileName")) for each in pixels.iterfind("{*}TiffData/{*}UUID")}
        files = [folder / name for name in names - {tiff.filehandle.name}]
        size = sum(file.stat().st_size for file in files if file.is_file()) + tiff.filehandle.size
        planes = math.prod(int(pixels.get(f"Size{axis}", 1)) for axis in "ZCT")
        if not 0 < planes * MIN_PAGE_BYTES <= size:
            raise ValueError(f"it claims {planes} planes, in {size} bytes of its files")


def check_end(tiff: TiffFile) -> None:
    """Raise ValueError if the end of the file is missing."""
    if _is_cut_short(tiff):
        raise ValueError("its last part is missing")


def check_pixels(series: TiffPageSeries) -> None:
    """Raise ValueError if a segment of the pixels is beyond the end of the file."""
    # Codecs may decode a truncated segment without an error.
    if series.dataoffset is None and not all(_is_whole(page) for page in series.pages):
        raise ValueError("pixels are missing")


def _series_planes(series: TiffPageSeries, path: Path, colour: TiffColour) -> list[np.ndarray]:
    """Return the planes of a series; InputError if it has more axes than a focal stack."""
    sizes = list(zip(series.axes, series.shape, strict=True))
    stacked = [(axis, size) for axis, size in sizes if axis not in "YXS" and size > 1]
    if len(stacked) > 1 or any(axis not in STACK_AXES for axis, _ in stacked):
        listed = ", ".join(f"{axis} = {size}" for axis, size in stacked)
        raise InputError(
            f"{path} has the axes {listed} beside Y and X, where one plane is expected; give this "
            "file alone, and choose its focus axis if it names none."
        )
    check_pixels(series)
    pixels = colour.decode(series.asarray())
    if "S" in series.axes:
        pixels = np.moveaxis(pixels, series.axes.index("S"), -1)
    plane_shape = [size for axis, size in sizes if axis in "YX"]
    plane_shape += [size for axis, size in sizes if axis == "S"] + [3] * colour.is_rgb
    return list(pixels.reshape(-1, *plane_shape))


def _is_whole(page: Any) -> bool:
    """Return whether all pixels of a page are inside the file."""
    if page is None:
        return False
    ends = (a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=True))
    return max(ends) <= page.parent.filehandle.size


def _is_cut_short(tiff: TiffFile) -> bool:
    """Follow the chain of page headers, because tifffile ignores a truncated chain."""
    file, layout, width = tiff.filehandle, tiff.tiff, tiff.tiff.offsetsize
    order: Literal["little", "big"] = "little" if layout.byteorder == "<" else "big"
    visited: set[int] = set()
    offset = tiff.pages.first.offset
    while offset and offset not in visited:
        visited.add(offset)
        file.seek(offset)
        count = int.from_bytes(file.read(layout.tagnosize), order)
        if file.tell() + count * layout.tagsize + width > file.size:
            return True
        for _ in range(count):
            # Two bytes each for tag and type, then the length, then the offset of the value.
            entry = file.read(layout.tagsize)
            tag = int.from_bytes(entry[:2], order)
            length = int.from_bytes(entry[4 : 4 + width], order)
            start = int.from_bytes(entry[4 + width :], order)
            # The description names the axes, and OME-TIFF writes it last.
            if tag == IMAGE_DESCRIPTION and length > width and start + length > file.size:
                return True
        offset = int.from_bytes(file.read(width), order)
    return False
