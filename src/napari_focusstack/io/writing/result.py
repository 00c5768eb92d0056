"""A result that is written rectangle by rectangle: its form, and what all formats share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_focusstack.io.reading.calibration import Channel
    from napari_focusstack.planes.lazy_plane import Rectangle


ZARR_SUFFIX = ".zarr"
RESULT_SUFFIXES = (*IMAGE_SUFFIXES, ZARR_SUFFIX)
#: Side of the tiles of a file, px.
TILE_PX = 512
DTYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")
WHOLE = (slice(None), slice(None))


@dataclass(frozen=True, kw_only=True)
class ResultForm:
    """What a result is, before any of its pixels is known.

    Raises
    ------
    InputError
        If an axis or the dtype is none that the files can hold.
    """

    #: Size per axis.
    shape: tuple[int, ...]
    dtype: np.dtype
    #: A letter per axis: any of T, C, Z, then Y, X, and S if RGB.
    axes: str
    #: Distance between neighbours along each axis but S, > 0.
    scale: tuple[float, ...]
    #: Unit of each scale, from `napari_focusstack.io.reading.calibration.SPELLINGS`, or "pixel".
    units: tuple[str, ...]
    #: Names and colours along C, where known.
    channels: tuple[Channel, ...] = ()
    layer_type: Literal["image", "labels"] = "image"

    def __post_init__(self) -> None:
        """Check axes and dtype."""
        leading = self.axes.removesuffix("S").removesuffix("YX")
        spatial = self.axes.removesuffix("S").endswith("YX")
        if not spatial or len(set(leading)) < len(leading) or set(leading) - set("TCZ"):
            raise InputError(f"the axes are {self.axes}; give any of T, C, Z, then YX or YXS.")
        if self.dtype.name not in DTYPES:
            raise InputError(f"the type is {self.dtype}; convert it to one of {', '.join(DTYPES)}.")

    @property
    def leading(self) -> str:
        """Letters of the axes before Y."""
        return self.axes[: self.axes.index("Y")]

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """Shape of a plane, (Y, X) or (Y, X, 3)."""
        return self.shape[len(self.leading) :]

    @property
    def count(self) -> int:
        """Number of planes."""
        return math.prod(self.shape[: len(self.leading)])

    @property
    def steps(self) -> dict[str, tuple[float, str]]:
        """Scale and unit by axis."""
        letters = self.axes.removesuffix("S")
        return dict(zip(letters, zip(self.scale, self.units, strict=True), strict=True))


class Result:
    """A file that takes rectangles in any order, each pixel once.

    Attributes
    ----------
    record : mapping or None
        How the result was made, from `napari_focusstack.provenance.record`; set before the end.
    """

    def __init__(self, form: ResultForm) -> None:
        self.record: Mapping[str, Any] | None = None
        self._form = form
        #: Values of each plane that are still to come.
        self._missing = [math.prod(form.plane_shape)] * form.count

    def write(
        self,
        pixels: np.ndarray,
        rectangle: Rectangle = WHOLE,
        at: Mapping[str, int] | None = None,
    ) -> None:
        """Put a rectangle of a plane; `at` says which, by letter of the leading axes, else 0."""
        form, place = self._form, at or {}
        index = tuple(place.get(axis, 0) for axis in form.leading)
        number = int(np.ravel_multi_index(index, form.shape[: len(index)])) if index else 0
        self._missing[number] -= pixels.size
        self._put(pixels, rectangle, number, place)

    def finish(self) -> None:
        """Complete the file; ValueError if pixels are missing."""
        for number, missing in enumerate(self._missing, 1):
            if missing:
                raise ValueError(f"plane {number} of {self._form.count} lacks pixels")
        self._complete()

    def _put(
        self, pixels: np.ndarray, rectangle: Rectangle, number: int, place: Mapping[str, int]
    ) -> None:
        """Store a rectangle of the plane of a number, in the order of the axes, at a place."""
        raise NotImplementedError

    def _complete(self) -> None:
        """Write what can be known only at the end."""
        raise NotImplementedError


def colour_hex(channel: Channel) -> str:
    """Return the colour of a channel as six hexadecimal digits, white where unknown."""
    return "".join(f"{round(255 * part):02X}" for part in channel.colour or (1, 1, 1))
