"""Metadata of a photo in a TIFF or a PNG."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from napari_focusstack.io.reading.photo_metadata import EXIF_IFD, GPS_IFD, ORIENTATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    from napari_focusstack.io.reading.photo_metadata import PhotoMetadata


WIDTH, HEIGHT = 40962, 40963  # EXIF tags
#: Tags of EXIF whose fractions may be negative: shutter speed, brightness, exposure bias,
#: temperature, water depth, elevation angle of the camera.
SIGNED = (37377, 37379, 37380, 37888, 37890, 37893)
#: GPS tags of the type BYTE: version and reference of the altitude.
GPS_BYTES = (0, 5)
BYTE, ASCII, LONG, UNDEFINED, SIGNED_RATIONAL, LONG8 = 1, 2, 4, 7, 10, 16  # types of TIFF
#: Header of a TIFF whose directory follows at once.
TIFF_HEAD = b"II*\0\x08\0\0\0"


def tiff_tags(photo: PhotoMetadata | None, others: Sequence[tuple] = ()) -> dict[str, Any]:
    """Return maker, model, date, artist, copyright and profile as arguments of a TIFF writer.

    The EXIF directory is written by :func:`add_directories`.

    Parameters
    ----------
    photo : PhotoMetadata or None
        Metadata of a photo.
    others : sequence of tuple
        Further tags for the writer.
    """
    if photo is None:
        return {"extratags": others}
    texts = [(code, ASCII, 0, _bytes(value), True) for code, value in photo.tags.items()]
    return {"extratags": [*others, *texts], **({"iccprofile": photo.icc} if photo.icc else {})}


def add_directories(path: Path, photo: PhotoMetadata | None) -> None:
    """Append the directories of EXIF and GPS to a TIFF, and name them in its first page.

    Parameters
    ----------
    path : Path
        A complete TIFF or BigTIFF. Its first directory is written again at the end, with the
        offsets of the new ones, because TIFF writers leave no space for them.
    photo : PhotoMetadata or None
        Nothing is changed if None.
    """
    if photo is None or not _directories(photo):
        return
    with path.open("r+b") as file:
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = 43 in head[2:4]
        offset, count, kind, width = ("Q", "Q", LONG8, 20) if big else ("L", "H", LONG, 12)
        pointer = 8 if big else 4

        def read(code: str) -> int:
            (value,) = struct.unpack(order + code, file.read(struct.calcsize(order + code)))
            return int(value)

        def end() -> int:
            at = file.seek(0, 2)
            return at if at % 2 == 0 else at + file.write(b"\0")

        file.seek(pointer)
        file.seek(read(offset))
        entries = [file.read(width) for _ in range(read(count))]
        following = read(offset)
        for code, values in _directories(photo).items():
            at = end()
            file.write(_directory(values, code, head[: 2 * pointer]).tobytes(at))
            entries.append(struct.pack(order + "HH" + offset * 2, code, kind, 1, at))
        at = end()
        entries.sort(key=lambda entry: struct.unpack_from(order + "H", entry))
        file.write(struct.pack(order + count, len(entries)) + b"".join(entries))
        file.write(struct.pack(order + offset, following))
        file.seek(pointer)
        file.write(struct.pack(order + offset, at))


def png_chunks(photo: PhotoMetadata | None, size: tuple[int, int]) -> bytes:
    """Return EXIF and colour profile as chunks of a PNG, to be put before its pixels.

    Parameters
    ----------
    photo : PhotoMetadata or None
        There are no chunks if None.
    size : tuple of int
        Height and width, px.
    """
    if photo is None:
        return b""
    chunks = b""
    if photo.icc:
        chunks += png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc))
    directories = _directories(photo)
    if directories or photo.tags:
        height, width = size  # a PNG has them in EXIF too, a TIFF must not
        directories[EXIF_IFD] = {**photo.exif, WIDTH: width, HEIGHT: height}
        tags = {**photo.tags, ORIENTATION: 1}
        # Pointers fit into their entries, so the length does not depend on their values.
        root = _directory(tags | dict.fromkeys(directories, 0)).tobytes(len(TIFF_HEAD))
        at, stored = len(TIFF_HEAD) + len(root), b""
        for code, values in directories.items():
            tags[code] = at + len(stored)
            stored += _directory(values, code).tobytes(tags[code])
        root = _directory(tags).tobytes(len(TIFF_HEAD))
        chunks += png_chunk(b"eXIf", TIFF_HEAD + root + stored)
    return chunks


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk as the PNG specification has it: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _directories(photo: PhotoMetadata) -> dict[int, Mapping[int, Any]]:
    """Return the directories of EXIF and GPS that a photo has."""
    known = {EXIF_IFD: photo.exif, GPS_IFD: photo.gps}
    return {code: values for code, values in known.items() if values}


def _directory(
    values: Mapping[int, Any], group: int | None = None, head: bytes = TIFF_HEAD
) -> ImageFileDirectory_v2:
    """Return a directory with the types that EXIF prescribes."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    directory = ImageFileDirectory_v2(head, group=group)
    for tag, value in values.items():
        if isinstance(value, str):
            directory.tagtype[tag] = ASCII
        elif isinstance(value, bytes):
            is_byte = group == GPS_IFD and tag in GPS_BYTES
            directory.tagtype[tag] = BYTE if is_byte else UNDEFINED
        elif group == EXIF_IFD and tag in SIGNED:
            directory.tagtype[tag] = SIGNED_RATIONAL
        elif tag in (EXIF_IFD, GPS_IFD, WIDTH, HEIGHT):
            directory.tagtype[tag] = LONG
        directory[tag] = _bytes(value) if isinstance(value, str) else value
    return directory


def _bytes(text: Any) -> bytes:
    """Return a text as the bytes that it has in the source."""
    return str(text).strip("\0").encode("latin-1", "replace")
