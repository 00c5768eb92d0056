"""The readers of other formats, and the choice among them by the content of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.formats import camera_raw, czi, heif, lif, nd2, ome_zarr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np

    from napari_focusstack.io.reading.formats.reader import Reader, Series

T = TypeVar("T")


def _listed(*readers: Reader) -> tuple[Reader, ...]:
    """Return modules as readers; a type checker accepts them only as arguments."""
    return readers


#: Readers of files, in the order in which they are asked.
FILE_READERS = _listed(czi, nd2, lif, camera_raw, heif)
#: All readers; an OME-Zarr is a folder.
READERS = (*_listed(ome_zarr), *FILE_READERS)
#: Suffixes of files that have a reader.
FILE_SUFFIXES = tuple(suffix for reader in FILE_READERS for suffix in reader.SUFFIXES)


def has_reader(path: Path) -> bool:
    """Return whether a reader takes a file or folder, installed or not."""
    return any(reader.can_read(path) for reader in READERS)


def series_of(path: Path) -> list[Series]:
    """Return the image series of a file.

    Parameters
    ----------
    path : Path
        A file or folder for which :func:`has_reader` is true.

    Returns
    -------
    list of Series

    Raises
    ------
    InputError
        If no reader can read it. The message tells what each reader reports, and which extra
        installs a package that is missing.
    """
    return _ask(path, READERS, lambda reader: reader.series(path))


def read_plane(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Read one plane of a series.

    Parameters
    ----------
    path : Path
        The file of the series.
    series : Series
        From :func:`series_of`.
    at : mapping of str to int
        Index by letter of the axes before Y, from 0; 0 on axes that are not given.

    Returns
    -------
    ndarray, (Y, X) or (Y, X, S)
        In the dtype of the series.

    Raises
    ------
    InputError
        As :func:`series_of`.
    """
    readers = [reader for reader in READERS if series.reader == reader.NAME]
    return _ask(path, readers, lambda reader: reader.read(path, series, at))


def _ask(
    path: Path, readers: tuple[Reader, ...] | list[Reader], question: Callable[[Reader], T]
) -> T:
    """Return the first answer of the readers that can read a file; InputError if there is none."""
    reports = []
    for reader in readers:
        if not reader.can_read(path):
            continue
        try:
            return question(reader)
        except InputError as error:
            reports.append(str(error))
        except ImportError as error:
            reports.append(
                f"{path} needs the reader of {reader.NAME} files ({error}); "
                f'pip install "napari-focusstack[{reader.EXTRA}]".'
            )
        except Exception as error:  # the packages raise exceptions of many classes
            reason = " ".join(str(error).split()) or type(error).__name__
            reports.append(
                f"{path} cannot be read as {reader.NAME}, it may be cut short or damaged "
                f"({reason:.300}); copy or export it again."
            )
    raise InputError(" ".join(reports) or f"{path} cannot be read; check the path.")
