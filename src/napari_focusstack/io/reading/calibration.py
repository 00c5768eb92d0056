"""Calibration in the metadata of a TIFF: steps and units of axes, names and colours of channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tifffile import TiffFile, TiffPage


#: Lengths of units, um.
UM = {"pm": 1e-6, "angstrom": 1e-4, "nm": 1e-3, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6,
      "inch": 25400.0}  # fmt: skip
#: Unit of an axis without calibration.
UNKNOWN = "pixel"
#: Spellings of a unit in files, by the name of the unit in napari.
SPELLINGS = {
    "pm": ("pm", "picometer"),
    "angstrom": ("å", "a", "angstrom"),
    "nm": ("nm", "nanometer", "nanometre"),
    "um": ("um", "µm", "μm", "\\u00b5m", "micron", "micrometer", "micrometre"),
    "mm": ("mm", "millimeter", "millimetre"),
    "cm": ("cm", "centimeter", "centimetre"),
    "m": ("m", "meter", "metre"),
    "inch": ("inch", "in", '"'),
    "ms": ("ms", "msec", "millisecond"),
    "s": ("s", "sec", "second"),
    "min": ("min", "minute"),
}
#: Greatest pixel that is taken as calibration, um. A coarser one (less than 1200 per inch) is a
#: resolution for printing. Convention. It concerns files that name no unit.
MAX_PIXEL_UM = 25400 / 1200
_CENTIMETRE = 3  # TIFF ResolutionUnit; 2 is an inch, 1 none
_OME_UNITS = {"X": "µm", "Y": "µm", "Z": "µm", "T": "s"}


@dataclass(frozen=True)
class Channel:
    """Name and colour of a channel."""

    #: Such as "DAPI"; None if the file has none.
    name: str | None = None
    #: Red, green and blue, 0 to 1, of its brightest pixels; None if the file has none.
    colour: tuple[float, float, float] | None = None


def unit_name(text: object) -> str:
    """Return the name of a unit in napari.

    Parameters
    ----------
    text : object
        A unit as files or napari spell it: "micron", "µm", or an object that prints as
        "micrometer".

    Returns
    -------
    str
        A key of `SPELLINGS`, or "pixel" for an unknown unit.

    Examples
    --------
    >>> unit_name("microns"), unit_name("Nm"), unit_name(None)
    ('um', 'nm', 'pixel')
    """
    word = str(text).strip().lower()
    for name, spellings in SPELLINGS.items():
        if word in spellings or word.removesuffix("s") in spellings:
            return name
    return UNKNOWN


def calibration(tiff: TiffFile, index: int = 0) -> dict[str, tuple[float, str]]:
    """Read the distance between neighbouring pixels along each axis.

    Parameters
    ----------
    tiff : TiffFile
        ImageJ hyperstack, OME-TIFF, or any other TIFF.
    index : int
        Of the series.

    Returns
    -------
    dict
        Step (> 0) and unit of the axes X, Y, Z and T. An axis without a usable step is missing. A
        unit that the file does not name is "pixel".

    Examples
    --------
    >>> from io import BytesIO
    >>> import numpy as np, tifffile
    >>> file = BytesIO()
    >>> meta = {"axes": "ZYX", "spacing": 2.0, "unit": "micron"}
    >>> planes = np.zeros((5, 32, 48), np.uint16)
    >>> tifffile.imwrite(file, planes, imagej=True, metadata=meta, resolution=(4, 4))
    >>> _ = file.seek(0)
    >>> with tifffile.TiffFile(file) as tiff:
    ...     calibration(tiff)
    {'X': (0.25, 'um'), 'Y': (0.25, 'um'), 'Z': (2.0, 'um')}
    """
    if tiff.is_ome:
        pixels = _ome_pixels(tiff, index)
        steps = dict(_ome_steps(pixels))
        if "Z" not in steps:
            places, step = _ome_places(pixels, int(pixels.get("SizeZ", 1)))
            steps |= {"Z": step} if places else {}
    else:
        page = tiff.series[index].keyframe
        steps = dict(_described_steps(_description(tiff, index), page))
    return {
        # Files store fractions of two integers, exact to nine digits.
        axis: (float(f"{step:.9g}"), unit)
        for axis, (step, unit) in steps.items()
        if math.isfinite(step) and step > 0
    }


def channels(tiff: TiffFile, index: int, count: int) -> tuple[Channel, ...]:
    """Read the names and colours of the channels.

    Parameters
    ----------
    tiff : TiffFile
        ImageJ hyperstack, OME-TIFF, or any other TIFF.
    index : int
        Of the series.
    count : int
        Number of channels of the series.

    Returns
    -------
    tuple of Channel
        As many as `count`.
    """
    known: list[Channel] = []
    if tiff.is_ome:
        for element in _ome_pixels(tiff, index).findall("{*}Channel"):
            known.append(Channel(element.get("Name"), _ome_colour(element.get("Color"))))
    else:
        meta = _description(tiff, index)
        labels, tables = meta.get("Labels") or [], meta.get("LUTs") or []
        # ImageJ labels slices. They are names of channels only if each slice is a channel.
        names = labels if len(labels) == count else [None] * count
        for number, name in enumerate(names):
            brightest = tables[number][:, -1] if number < len(tables) else (0, 0, 0)
            known.append(Channel(name, _colour(*(int(value) for value in brightest))))
    return tuple((known + [Channel()] * count)[:count])


def positions(tiff: TiffFile, index: int, count: int) -> tuple[float, ...]:
    """Read where the planes of an OME-TIFF lie along Z.

    Parameters
    ----------
    tiff : TiffFile
        The file.
    index : int
        Of the series.
    count : int
        Number of planes.

    Returns
    -------
    tuple of float
        One per plane, of the first time point and channel, in the unit of Z in `calibration`; empty
        where the file does not say, or says the same for all.
    """
    return _ome_places(_ome_pixels(tiff, index), count)[0] if tiff.is_ome else ()


def _ome_places(
    pixels: ElementTree.Element, count: int
) -> tuple[tuple[float, ...], tuple[float, str]]:
    """Return where planes lie, in the unit of their step; and their step and unit."""
    known: dict[int, tuple[float, str]] = {}
    for element in pixels.iterfind("{*}Plane"):
        number, place = _number(element.get("TheZ")), _number(element.get("PositionZ"))
        if math.isfinite(number) and math.isfinite(place):
            unit = unit_name(element.get("PositionZUnit", UNKNOWN))
            known.setdefault(int(number), (place, unit))
    places = [known[number][0] for number in sorted(known)]
    if sorted(known) != list(range(count)) or count < 2 or len(set(places)) < 2:
        return (), (1.0, UNKNOWN)
    unit = known[0][1]
    step, step_unit = dict(_ome_steps(pixels)).get("Z", (0.0, unit))
    factor = UM.get(unit, 1.0) / UM.get(step_unit, 1.0) if unit in UM and step_unit in UM else 1.0
    mean_step = abs(places[-1] - places[0]) * factor / (count - 1)
    step = step if math.isfinite(step) and step > 0 else mean_step
    return tuple(place * factor for place in places), (step, step_unit)


def _description(tiff: TiffFile, index: int) -> Mapping[str, Any]:
    """Return the metadata that ImageJ or tifffile wrote for a series."""
    if tiff.is_imagej:
        return tiff.imagej_metadata or {}
    described = tiff.shaped_metadata or ()
    return described[index] if index < len(described) else {}


def _described_steps(
    meta: Mapping[str, Any], page: TiffPage
) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield the axes with their steps and units, from a description and the tags of a page."""
    unit = meta.get("unit")
    for axis in "XY":
        per_unit = _resolution(page, axis)
        if per_unit is None:
            continue
        if unit is not None:
            yield axis, (1 / per_unit, unit_name(meta.get("yunit", unit) if axis == "Y" else unit))
            continue
        density = page.tags.get("ResolutionUnit")
        kind = 1 if density is None else int(density.value)
        step_um = (10_000 if kind == _CENTIMETRE else 25_400) / per_unit
        if kind > 1 and step_um <= MAX_PIXEL_UM:
            yield axis, (step_um, "um")
    if "spacing" in meta:
        yield "Z", (abs(_number(meta["spacing"])), unit_name(meta.get("zunit", unit)))
    if "finterval" in meta:
        yield "T", (_number(meta["finterval"]), unit_name(meta.get("tunit", "s")))


def _resolution(page: TiffPage, axis: str) -> float | None:
    """Return the pixels per unit along X or Y; None if the file has none."""
    tag = page.tags.get(f"{axis}Resolution")
    if tag is None:
        return None
    numerator, denominator = tag.value if isinstance(tag.value, tuple) else (tag.value, 1)
    return numerator / denominator if numerator and denominator else None


def _ome_pixels(tiff: TiffFile, index: int) -> ElementTree.Element:
    """Return the OME element of the pixels of a series."""
    images = ome_root(tiff.ome_metadata).findall("{*}Image/{*}Pixels")
    return images[index] if index < len(images) else ElementTree.Element("Pixels")


@lru_cache(maxsize=1)  # parsed once for all series of a file; some are megabytes long
def ome_root(xml: str | None) -> ElementTree.Element:
    """Parse the OME description of a file; return its root element."""
    return ElementTree.fromstring(xml or "<OME/>")


def _ome_steps(pixels: ElementTree.Element) -> Iterator[tuple[str, tuple[float, str]]]:
    """Yield the axes with their steps and units, from OME metadata."""
    for axis, default in _OME_UNITS.items():
        key = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        if key in pixels.attrib:
            yield axis, (_number(pixels.get(key)), unit_name(pixels.get(f"{key}Unit", default)))


def _ome_colour(text: str | None) -> tuple[float, float, float] | None:
    """Return red, green and blue, 0 to 1, of an OME colour; None if it is unknown."""
    try:
        packed = int(text or 0)  # a signed integer of 32 bits: red, green, blue, alpha
    except ValueError:
        return None
    return _colour(packed >> 24 & 255, packed >> 16 & 255, packed >> 8 & 255)


def _colour(red: int, green: int, blue: int) -> tuple[float, float, float] | None:
    """Return a colour of bytes in 0 to 1; None for black, which would show nothing."""
    return (red / 255, green / 255, blue / 255) if red or green or blue else None


def _number(text: Any) -> float:
    """Return a number, NaN if the text is none."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
