"""Leica LIF, by the package liffile: each image is a series, and each tile of a mosaic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel, unit_name
from napari_focusstack.io.reading.formats.reader import Series, first_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


NAME = "LIF"
SUFFIXES: tuple[str, ...] = (".lif",)
EXTRA = "microscopes"
#: First bytes of a file; the one at offset 8 is `MARK`.
SIGNATURE, MARK = b"\x70\0\0\0", b"\x2a"
#: Letter of the tiles of a mosaic.
TILE = "M"
#: Number of an axis in the file, by letter.
DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4}
#: Channel colours by the name of the lookup table.
COLOURS = {
    "Red": (1.0, 0.0, 0.0),
    "Green": (0.0, 1.0, 0.0),
    "Blue": (0.0, 0.0, 1.0),
    "Cyan": (0.0, 1.0, 1.0),
    "Magenta": (1.0, 0.0, 1.0),
    "Yellow": (1.0, 1.0, 0.0),
    "Gray": (1.0, 1.0, 1.0),
}


def can_read(path: Path) -> bool:
    """Return whether a file begins as a LIF."""
    start = first_bytes(path, 9)
    return start[:4] == SIGNATURE and start[8:] == MARK


def series(path: Path) -> list[Series]:
    """Return the images of a file that have rows and columns."""
    import liffile

    found = []
    with liffile.LifFile(path) as file:
        for number, image in enumerate(file.images):
            if image.is_flim or not {"Y", "X"} <= set(image.frames.frame_dims):
                continue  # a line scan, a section along Z, or photon counts
            letters = _letters(image)
            found += [
                Series(
                    reader=NAME,
                    place=f"{number}:{tile}",
                    axes="".join(letters.values()),
                    shape=tuple(image.sizes[axis] for axis in letters),
                    dtype=image.dtype.newbyteorder("="),
                    steps=dict(_steps(image)),
                    channels=_channels(image, image.sizes["C"]) if "C" in letters else (),
                )
                for tile in range(image.sizes.get(TILE, 1))
            ]
    if not found:
        raise InputError(f"{path} holds no image with rows and columns; export one that has them.")
    return found


def read(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Read one plane; nothing else of the file is read, except its header."""
    import liffile

    number, tile = series.place.split(":")
    with liffile.LifFile(path) as file:
        image = file.images[int(number)]
        index: dict[str, Any] = {
            axis: at.get(letter, 0)
            for axis, letter in _letters(image).items()
            if letter not in "YXS"
        }
        if TILE in image.sizes:
            index[TILE] = int(tile)
        assert isinstance(image, liffile.LifImage)  # photon counts are no series
        return np.asarray(image.frame(**index), image.dtype.newbyteorder("="))


def _letters(image: Any) -> dict[str, str]:
    """Return our letter of each axis of an image except that of tiles, in their order."""
    unnamed = iter("QIJKL")
    return {
        axis: axis if axis in "TZCYXS" else next(unnamed) for axis in image.sizes if axis != TILE
    }


def _steps(image: Any) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield axes with their steps and units."""
    found = "./Data/Image/ImageDescription/Dimensions/DimensionDescription"
    by_number = {each.get("DimID"): each for each in image.xml_element.iterfind(found)}
    for axis, number in DIMENSIONS.items():
        item = by_number.get(str(number))
        if item is None:
            continue
        count, length = int(item.get("NumberOfElements")), abs(float(item.get("Length")))
        unit = unit_name(item.get("Unit"))
        if count < 2 or not 0 < length < math.inf:
            continue
        step = length / (count - 1)  # from the centre of the first to that of the last
        if unit == "m":
            step, unit = step * 1e6, "um"
        yield axis, (float(f"{step:.9g}"), unit)


def _channels(image: Any, count: int) -> tuple[Channel, ...]:
    """Return names and colours of the channels: dye or lookup table, as the file has them."""
    found = "./Data/Image/ImageDescription/Channels/ChannelDescription"
    known = []
    for each in image.xml_element.iterfind(found):
        table = each.get("LUTName") or ""
        dyes = [
            prop.findtext("Value")
            for prop in each.iterfind("./ChannelProperty")
            if prop.findtext("Key") == "DyeName"
        ]
        known.append(Channel((dyes[0] if dyes else None) or table or None, COLOURS.get(table)))
    return tuple((known + [Channel()] * count)[:count])
