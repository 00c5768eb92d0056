"""The protocol of a reader, and what it says of an image series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from napari_focusstack.io.reading.calibration import Channel


@dataclass(frozen=True)
class Series:
    """An image series in a file: its axes, sizes and calibration, without any pixels."""

    #: Name of the reader, such as "CZI".
    reader: str
    #: Where the reader finds the series in the file; its meaning is the reader's own.
    place: str
    #: A letter per axis: Z depth, T time, C channel, Q, I unnamed; then Y, X, and S if RGB.
    axes: str
    #: Size per axis.
    shape: tuple[int, ...]
    #: Type of the pixels.
    dtype: np.dtype
    #: Step (> 0) and unit of each axis that has a known step.
    steps: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    #: Names and colours along C; empty without that axis.
    channels: tuple[Channel, ...] = ()
    #: Note of a result of napari-focusstack: its layer type and its record.
    note: Mapping[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """A module that reads one kind of file. Its functions open the file each time."""

    #: Kind of file, in messages.
    NAME: str
    #: Suffixes of the files, in lower case.
    SUFFIXES: tuple[str, ...]
    #: Optional dependency of napari-focusstack that installs what the module imports.
    EXTRA: str

    def can_read(self, path: Path) -> bool:
        """Return whether a file or folder is of this kind; only its first bytes are read."""
        ...

    def series(self, path: Path) -> list[Series]:
        """Return the image series of a file, such as scenes or positions."""
        ...

    def read(self, path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
        """Read one plane, (Y, X) or (Y, X, S), at an index by letter; 0 on axes not given."""
        ...


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of a file; none if it cannot be read, or is a pipe or device."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return b""
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
