"""Zeiss CZI, by Zeiss's own pylibCZIrw: each scene is a series, its tiles are stitched."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.formats.reader import Series, first_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


NAME = "CZI"
SUFFIXES: tuple[str, ...] = (".czi",)
EXTRA = "microscopes"
#: First bytes of a file.
SIGNATURE = b"ZISRAWFILE"
DTYPES = {"Gray8": "u1", "Gray16": "u2", "Gray32Float": "f4"}
RGB_DTYPES = {"Bgr24": "u1", "Bgr48": "u2", "Bgr96Float": "f4"}
#: Axes without a letter of ours (phase, illumination, rotation, view), as unnamed axes.
UNNAMED = dict(zip("HIRV", "QIJK", strict=True))
#: Axes before Y, in the order of a series.
ORDER = "HIRVTZC"


def can_read(path: Path) -> bool:
    """Return whether a file begins as a CZI."""
    return first_bytes(path, len(SIGNATURE)) == SIGNATURE


def series(path: Path) -> list[Series]:
    """Return the scenes of a file."""
    from pylibCZIrw import czi

    with czi.open_czi(str(path)) as document:
        box = document.total_bounding_box_no_pyramid
        scenes = document.scenes_bounding_rectangle_no_pyramid
        whole = document.total_bounding_rectangle_no_pyramid
        types = set(document.pixel_types.values())
        first = _first_indices(document)
        xml = ElementTree.fromstring(document.raw_metadata)
    if len(types) != 1:
        raise InputError(
            f"{path} has channels of the types {', '.join(sorted(types))}; export those of one "
            "type."
        )
    kind = types.pop()
    if kind not in DTYPES | RGB_DTYPES:
        raise InputError(f"{path} has pixels of the type {kind}; export them with 8 or 16 bits.")
    rgb = kind in RGB_DTYPES
    sizes = {
        UNNAMED.get(axis, axis): box[axis][1] for axis in ORDER if box.get(axis, (0, 1))[1] > 1
    }
    axes = "".join(sizes)
    places = [(str(number), scenes[number]) for number in sorted(scenes)] or [("", whole)]
    return [
        Series(
            reader=NAME,
            place=" ".join([place, *first]),
            axes=axes + ("YXS" if rgb else "YX"),
            shape=(*sizes.values(), rectangle.h, rectangle.w, *((3,) if rgb else ())),
            dtype=np.dtype((DTYPES | RGB_DTYPES)[kind]),
            steps=dict(_steps(xml)),
            channels=_channels(xml, sizes["C"]) if "C" in sizes else (),
        )
        for place, rectangle in places
    ]


def read(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Read one plane of a scene; pixels without a tile are 0."""
    from pylibCZIrw import czi

    name, *first = series.place.split(" ")
    scene = int(name) if name else None
    starts = {text[0]: int(text[1:]) for text in first}
    with czi.open_czi(str(path)) as document:
        plane = {
            axis: starts.get(axis, 0) + at.get(UNNAMED.get(axis, axis), 0)
            for axis in ORDER
            if axis in document.total_bounding_box_no_pyramid
        }
        rectangles = document.scenes_bounding_rectangle_no_pyramid
        whole = document.total_bounding_rectangle_no_pyramid
        roi = whole if scene is None else rectangles[scene]
        pixels = document.read(roi=roi, plane=plane, scene=scene)
    return np.ascontiguousarray(pixels[..., ::-1] if series.axes.endswith("S") else pixels[..., 0])


def _first_indices(document: Any) -> list[str]:
    """Return axes whose first index is not 0, each with that index, such as "Z5".

    A part of another file may count as that file did.
    """
    least: dict[str, int] = {}

    def note(_: int, block: Any) -> bool:
        for axis, index in block.coordinate.to_dict().items():
            least[axis] = min(index, least.get(axis, index))
        return any(least[axis] for axis in ORDER if axis in least)  # else nothing can be less

    document.enumerate_subblocks_subset(note, only_layer0=True)
    return [f"{axis}{least[axis]}" for axis in ORDER if least.get(axis)]


def _steps(xml: ElementTree.Element) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield axes with their steps and units. CZI stores lengths in metres, and times in seconds."""
    for item in xml.iterfind(".//Scaling/Items/Distance"):
        value = _number(item.findtext("Value"))
        if item.get("Id") in ("X", "Y", "Z") and value > 0:
            yield str(item.get("Id")), (float(f"{value * 1e6:.9g}"), "um")
    interval = _number(
        xml.findtext(".//Information/Image/Dimensions/T/Positions/Interval/Increment")
    )
    if interval > 0:
        yield "T", (interval, "s")


def _channels(xml: ElementTree.Element, count: int) -> tuple[Channel, ...]:
    """Return names and colours of the channels."""
    display = {
        each.get("Id"): each.findtext("Color")
        for each in xml.iterfind(".//DisplaySetting/Channels/Channel")
    }
    known = [
        Channel(each.get("Name"), _colour(display.get(each.get("Id")) or each.findtext("Color")))
        for each in xml.iterfind(".//Information/Image/Dimensions/Channels/Channel")
    ]
    return tuple((known + [Channel()] * count)[:count])


def _colour(text: str | None) -> tuple[float, float, float] | None:
    """Return red, green and blue, 0 to 1, of "#AARRGGBB" or "#RRGGBB"."""
    try:
        red, green, blue = bytes.fromhex((text or "").lstrip("#"))[-3:]
    except ValueError:
        return None
    return (red / 255, green / 255, blue / 255) if red or green or blue else None


def _number(text: Any) -> float:
    """Return a finite number; 0 if the text is none."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return 0.0
    return value if math.isfinite(value) else 0.0
