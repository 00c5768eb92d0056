"""What a TIFF says of its axes and channels: steps, units, names, colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tifffile import TiffFile, TiffPage


#: The unit of an axis of which nothing is known.
UNKNOWN = "pixel"
#: How programs spell a unit, by the name that napari knows.
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
#: A coarser pixel (1200 to the inch) tells how a picture was to be printed, not what it measures.
COARSEST_UM = 25400 / 1200
_CENTIMETRE = 3  # TIFF ResolutionUnit; 2 is an inch, 1 none
_OME_UNITS = {"X": "µm", "Y": "µm", "Z": "µm", "T": "s"}


@dataclass(frozen=True)
class Channel:
    """One channel, as far as the file names it."""

    #: Such as "DAPI"; None where the file is silent.
    name: str | None = None
    #: Red, green and blue, 0 to 1, of its brightest pixels; None where the file is silent.
    colour: tuple[float, float, float] | None = None


def unit_name(text: object) -> str:
    """Return the name by which napari knows a unit.

    Parameters
    ----------
    text : object
        A unit as a file or napari spells it: "micron", "µm", or what prints as "micrometer".

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
    """Read the distance between neighbours along each axis.

    Parameters
    ----------
    tiff : TiffFile
        ImageJ hyperstack, OME-TIFF, or any other TIFF.
    index : int
        Of the series.

    Returns
    -------
    dict
        Step (> 0) and unit by axis, of X, Y, Z and T. An axis of which the file says nothing, or
        nothing possible, is missing; a unit that the file does not name is "pixel".

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
        found = dict(_ome_steps(_ome_pixels(tiff, index)))
    else:
        page = tiff.series[index].keyframe
        found = dict(_described_steps(_description(tiff, index), page))
    return {
        # Files store fractions of two integers, true to nine digits.
        axis: (float(f"{step:.9g}"), unit)
        for axis, (step, unit) in found.items()
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
        How many channels the series has.

    Returns
    -------
    tuple of Channel
        As many as `count`.
    """
    found: list[Channel] = []
    if tiff.is_ome:
        for one in _ome_pixels(tiff, index).findall("{*}Channel"):
            found.append(Channel(one.get("Name"), _ome_colour(one.get("Color"))))
    else:
        meta = _description(tiff, index)
        labels, tables = meta.get("Labels") or [], meta.get("LUTs") or []
        # ImageJ labels slices; they name the channels only where these are all the slices.
        names = labels if len(labels) == count else [None] * count
        for number, name in enumerate(names):
            brightest = tables[number][:, -1] if number < len(tables) else (0, 0, 0)
            found.append(Channel(name, _colour(*(int(value) for value in brightest))))
    return tuple((found + [Channel()] * count)[:count])


def _description(tiff: TiffFile, index: int) -> Mapping[str, Any]:
    if tiff.is_imagej:
        return tiff.imagej_metadata or {}
    described = tiff.shaped_metadata or ()
    return described[index] if index < len(described) else {}


def _described_steps(
    meta: Mapping[str, Any], page: TiffPage
) -> Iterator[tuple[str, tuple[float, str]]]:
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
        if kind > 1 and step_um <= COARSEST_UM:
            yield axis, (step_um, "um")
    if "spacing" in meta:
        yield "Z", (abs(_number(meta["spacing"])), unit_name(meta.get("zunit", unit)))
    if "finterval" in meta:
        yield "T", (_number(meta["finterval"]), unit_name(meta.get("tunit", "s")))


def _resolution(page: TiffPage, axis: str) -> float | None:
    tag = page.tags.get(f"{axis}Resolution")
    if tag is None:
        return None
    above, below = tag.value if isinstance(tag.value, tuple) else (tag.value, 1)
    return above / below if above and below else None


def _ome_pixels(tiff: TiffFile, index: int) -> ElementTree.Element:
    images = ome_root(tiff.ome_metadata).findall("{*}Image/{*}Pixels")
    return images[index] if index < len(images) else ElementTree.Element("Pixels")


@lru_cache(maxsize=1)  # asked for by every series of a file, and megabytes long in some
def ome_root(xml: str | None) -> ElementTree.Element:
    """Return the root of the OME description of a file."""
    return ElementTree.fromstring(xml or "<OME/>")


def _ome_steps(pixels: ElementTree.Element) -> Iterator[tuple[str, tuple[float, str]]]:
    for axis, default in _OME_UNITS.items():
        key = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        if key in pixels.attrib:
            yield axis, (_number(pixels.get(key)), unit_name(pixels.get(f"{key}Unit", default)))


def _ome_colour(text: str | None) -> tuple[float, float, float] | None:
    try:
        packed = int(text or 0)  # a signed integer of 32 bits: red, green, blue, alpha
    except ValueError:
        return None
    return _colour(packed >> 24 & 255, packed >> 16 & 255, packed >> 8 & 255)


def _colour(red: int, green: int, blue: int) -> tuple[float, float, float] | None:
    # Black cannot be meant: it would show nothing.
    return (red / 255, green / 255, blue / 255) if red or green or blue else None


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
