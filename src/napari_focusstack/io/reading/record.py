"""Reading of the record of a result from its file."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.files import TIFF_SUFFIXES
from napari_focusstack.io.reading.calibration import ome_root
from napari_focusstack.io.reading.formats import ome_zarr
from napari_focusstack.io.reading.formats.dispatch import series_of
from napari_focusstack.provenance import SOFTWARE
from napari_focusstack.runtime.paths import check_file, status
from napari_focusstack.runtime.schemas import MAX_BYTES, Note, Record, checked, is_ours, parse

if TYPE_CHECKING:
    from tifffile import TiffFile


#: Private tag of a TIFF with attachments: a ZIP archive, which other programs pass over.
ATTACHMENTS_TAG = 65321


def read_note(tiff: TiffFile) -> Note | None:
    """Return the note that `write_tiff` stored in a TIFF; None in other TIFFs.

    Parameters
    ----------
    tiff : TiffFile
        Any TIFF.

    Returns
    -------
    dict or None
        Keys "software", "layer_type", "record" (may be None), "translate" and "steps".
        "translate" is the position of the first pixel by axis, 0 on axes that are missing. "steps"
        is step and unit by axis, in the order of the data. It contains axes with one slice too,
        which the format may drop.
    """
    if tiff.pages.first.software != SOFTWARE:
        return None
    if tiff.is_imagej:
        text = (tiff.imagej_metadata or {}).get("Info")
    elif tiff.is_ome:
        text = ome_root(tiff.ome_metadata).findtext("{*}Image/{*}Description")
    else:
        note = (tiff.shaped_metadata or ({},))[0].get("note")
        return None if note is None else checked(note, Note, "the note in the file is damaged")
    return None if text is None else parse(text, Note, "the note in the file is damaged")


def read_record(path: str | Path) -> dict[str, Any]:
    """Read the record that `write_image` or `write_layer` stored in a file.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG or OME-Zarr.

    Returns
    -------
    dict
        The record.

    Raises
    ------
    InputError
        If the file cannot be read or holds no record of napari-focusstack.
    """
    path = Path(path)
    if status(path) is None or not path.is_dir():  # an OME-Zarr is a folder
        check_file(path)
    try:
        record = _record(path)
    except InputError:  # a reader that is not installed
        raise
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror or error}).") from error
    except Exception:  # not an image, or its description is not JSON
        record = None
    if not is_ours(record):
        raise InputError(f"{path} holds no record of {SOFTWARE}; give one of its results.")
    return dict(checked(record, Record, f"the record in {path} is damaged"))


def attachments_in(tiff: TiffFile) -> dict[str, bytes]:
    """Return the attachments of a TIFF that `write_tiff` wrote, by name; {} of others."""
    tag = tiff.pages.first.tags.get(ATTACHMENTS_TAG)
    if tag is None or tiff.pages.first.software != SOFTWARE:
        return {}
    with zipfile.ZipFile(io.BytesIO(bytes(tag.value))) as archive:
        if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
            raise zipfile.BadZipFile("more than any file of ours holds")
        return {name: archive.read(name) for name in archive.namelist()}


def read_attachments(path: str | Path) -> dict[str, bytes]:
    """Return the attachments of a file, by name; {} where there are none, or it is no TIFF."""
    if Path(path).suffix.lower() not in TIFF_SUFFIXES:
        return {}
    from tifffile import TiffFile, TiffFileError

    # what else is wrong with the file is reported when its pixels are read
    with contextlib.suppress(OSError, TiffFileError, zipfile.BadZipFile), TiffFile(path) as tiff:
        return attachments_in(tiff)
    return {}


def _record(path: Path) -> Any:
    """Return the JSON in the note or description of a TIFF, PNG or OME-Zarr."""
    if ome_zarr.can_read(path):
        return series_of(path)[0].note["record"]
    if path.suffix.lower() in TIFF_SUFFIXES:
        from tifffile import TiffFile

        with TiffFile(path) as tiff:
            note = read_note(tiff)
            return note["record"] if note else json.loads(tiff.pages.first.description)
    from PIL import Image

    with Image.open(path) as image:
        # text of a PNG, comment of a JPEG
        return json.loads(image.info.get("Description") or image.info["comment"])
