"""Metadata of photos: EXIF, colour profile, orientation; what a result keeps, and what it drops."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from napari_focusstack.io.reading.formats import camera_raw, heif
from napari_focusstack.io.reading.formats.reader import first_bytes
from napari_focusstack.io.reading.tiff_pages import TIFF_SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from PIL.Image import Exif


DESCRIPTION, ORIENTATION, XMP, IPTC, PHOTOSHOP, ICC_PROFILE = 270, 274, 700, 33723, 34377, 34675
EXIF_IFD, GPS_IFD, THUMBNAIL_IFD = 34665, 34853, 1
#: Tags beside the EXIF and GPS directories that a result keeps: maker, model, date, artist,
#: copyright. All others describe the coding of the file, or are named below.
KEPT = (271, 272, 306, 315, 33432)
#: Tags that are about pixels or coding of the source, so that they would be wrong in a result:
#: components and their compression, width, height.
REPLACED = (37121, 37122, 40962, 40963)
#: Tags that would be wrong too, and that no other tag replaces: notes of the maker, whose offsets
#: count from the start of the file; positions in px; the identity of the picture; the directory of
#: interoperability.
DROPPED = {
    37500: "MakerNote",
    37396: "SubjectArea",
    41492: "SubjectLocation",
    42016: "ImageUniqueID",
    40965: "InteroperabilityIFD",
}
#: Tags of the colour space, which is another one when a raw file was developed.
COLOUR_SPACE = {40961: "ColorSpace", 42240: "Gamma"}
#: Where a PNG may have EXIF, before its pixels.
PNG_EXIF = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
#: Blocks of metadata beside EXIF; they may repeat size and orientation of the source.
BLOCKS = {XMP: "XMP", IPTC: "IPTC", PHOTOSHOP: "Photoshop"}


@dataclass(frozen=True)
class PhotoMetadata:
    """What a result keeps of the metadata of a photo, and the names of what it drops."""

    #: Maker, model, date, artist and copyright, by number of the tag. Texts have a character per
    #: byte (Latin-1), because files of cameras do not name their coding.
    tags: Mapping[int, Any] = field(default_factory=dict)
    #: Tags of the EXIF directory, without those that would be wrong in a result.
    exif: Mapping[int, Any] = field(default_factory=dict)
    #: Tags of the GPS directory.
    gps: Mapping[int, Any] = field(default_factory=dict)
    #: ICC profile; empty if there is none.
    icc: bytes = b""
    #: Names of what is kept.
    kept: tuple[str, ...] = ()
    #: Names of what is dropped.
    dropped: tuple[str, ...] = ()

    def summary(self, *, written: bool) -> dict[str, list[str]]:
        """Return the names of what is kept and dropped, for a record.

        Parameters
        ----------
        written : bool
            Whether the format of the result holds metadata; OME-Zarr does not.
        """
        kept, dropped = list(self.kept), list(self.dropped)
        return {"kept": kept if written else [], "dropped": dropped + ([] if written else kept)}


def orientation(path: Path) -> int:
    """Return how the picture of a photo is to be turned for display.

    Parameters
    ----------
    path : Path
        JPEG, PNG, WebP or TIFF. The readers of raw files and HEIC turn pictures themselves.

    Returns
    -------
    int
        1 to 8 as in EXIF; 1 is upright, and stands for none too.
    """
    try:
        stat = path.stat()
    except OSError:
        return 1
    return _orientation(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _orientation(path: Path, size: int, mtime_ns: int) -> int:
    """Return the orientation of a file of a size and time; it is asked for several times."""
    if camera_raw.can_read(path) or heif.can_read(path):
        return 1
    with contextlib.suppress(Exception):  # the pixels are read all the same
        found = _read(path)[0].get(ORIENTATION, 1)
        if found in range(2, 9):
            return int(found)
    return 1


def upright(plane: np.ndarray, orientation: int) -> np.ndarray:
    """Return a plane as it is to be displayed.

    Parameters
    ----------
    plane : ndarray, (Y, X) or (Y, X, S)
        As stored.
    orientation : int
        From :func:`orientation`.

    Returns
    -------
    ndarray
        A view; rows and columns change places where the orientation is 5 to 8.

    Examples
    --------
    >>> import numpy as np
    >>> upright(np.array([[1, 2, 3], [4, 5, 6]]), 6)
    array([[4, 1],
           [5, 2],
           [6, 3]])
    """
    if orientation >= 5:
        plane = plane.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return plane[rows, columns]


def photo_metadata(path: Path, *, rgb: bool) -> PhotoMetadata | None:
    """Read the metadata of a photo.

    Parameters
    ----------
    path : Path
        JPEG, PNG, WebP, TIFF, HEIC or raw file.
    rgb : bool
        Whether its pixels are read as RGB. A colour profile of another kind is dropped.

    Returns
    -------
    PhotoMetadata or None
        None if the file has none.
    """
    from PIL import ExifTags

    try:
        source, icc, dropped = _read(path)
        exif, gps = dict(source.get_ifd(EXIF_IFD)), dict(source.get_ifd(GPS_IFD))
        thumbnail = bool(source.get_ifd(THUMBNAIL_IFD))
    except Exception:  # damaged metadata must not keep the pixels from being read
        return None
    dropped += [name for code, name in BLOCKS.items() if code in source and name not in dropped]
    if thumbnail:
        dropped.append("thumbnail")
    if DESCRIPTION in source and not _is_tiff(path):  # where programs store notes
        dropped.append("ImageDescription")
    if (turned := source.get(ORIENTATION, 1)) != 1:
        dropped.append(f"Orientation {turned}, which was applied")
    wrong = DROPPED | (COLOUR_SPACE if camera_raw.can_read(path) else {})
    dropped += [name for code, name in wrong.items() if code in exif]
    exif = {
        code: value for code, value in exif.items() if code not in wrong and code not in REPLACED
    }
    tags = {code: source[code] for code in KEPT if code in source}
    kept = [ExifTags.TAGS.get(code, f"tag {code}") for code in (*tags, *exif)]
    kept += ["GPS"] * bool(gps)
    if icc and icc[16:20] != (b"RGB " if rgb else b"GRAY"):
        icc = b""
        dropped.append("ICC profile")
    kept += ["ICC profile"] * bool(icc)
    if not kept and not dropped:
        return None
    return PhotoMetadata(tags, exif, gps, icc, tuple(kept), tuple(dropped))


def _read(path: Path) -> tuple[Exif, bytes, list[str]]:
    """Return EXIF, ICC profile and the names of further blocks of metadata."""
    from PIL import Image

    if heif.can_read(path):
        import pillow_heif

        info = pillow_heif.open_heif(path).info
        return _decoded(info.get("exif") or b""), info.get("icc_profile") or b"", _further(info)
    if _is_tiff(path):
        found = Image.Exif()
        with path.open("rb") as file:
            found.load_from_fp(file)
            for code in (EXIF_IFD, GPS_IFD, THUMBNAIL_IFD):
                found.get_ifd(code)  # they are read from the file only now
        # The profile of a raw file is that of its preview.
        return found, b"" if camera_raw.can_read(path) else found.get(ICC_PROFILE, b""), []
    if camera_raw.can_read(path):
        return _of_preview(path), b"", []
    with Image.open(path) as image:
        # A PNG without these would be decoded in the search for EXIF behind its pixels.
        is_plain = image.format == "PNG" and not image.info.keys() & PNG_EXIF
        found = Image.Exif() if is_plain else image.getexif()
        return found, image.info.get("icc_profile") or b"", _further(image.info)


def _is_tiff(path: Path) -> bool:
    return first_bytes(path, 4).startswith(TIFF_SIGNATURES)


def _of_preview(path: Path) -> Exif:
    """Return the EXIF of the JPEG that a raw file holds as its preview."""
    import rawpy
    from PIL import Image

    with rawpy.imread(str(path)) as raw:
        preview = raw.extract_thumb()
    if preview.format is not rawpy.ThumbFormat.JPEG:
        return Image.Exif()
    with Image.open(BytesIO(bytes(preview.data))) as image:
        return image.getexif()


def _further(info: dict[Any, Any]) -> list[str]:
    """Return the names of blocks of metadata that Pillow found beside EXIF and ICC profile."""
    return [name for key, name in {"xmp": "XMP", "photoshop": "Photoshop"}.items() if info.get(key)]


def _decoded(data: bytes) -> Exif:
    from PIL import Image

    found = Image.Exif()
    found.load(data)
    return found
