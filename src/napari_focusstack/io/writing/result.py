"""A result that is written rectangle by rectangle: its form, and the base of all formats."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import IMAGE_SUFFIXES
from napari_focusstack.imaging.number_types import taken_type, written_type
from napari_focusstack.planes.lazy_plane import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_focusstack.io.reading.calibration import Channel
    from napari_focusstack.io.reading.photo_metadata import PhotoMetadata
    from napari_focusstack.planes.lazy_plane import Rectangle
    from napari_focusstack.runtime.region import Region


ZARR_SUFFIX = ".zarr"
RESULT_SUFFIXES = (*IMAGE_SUFFIXES, ZARR_SUFFIX)
#: Side of the tiles of a file, px. Convention.
TILE_PX = 512


@dataclass(frozen=True, kw_only=True)
class ResultForm:
    """Shape, type, axes and calibration of a result, before its pixels are known.

    Raises
    ------
    InputError
        If the files cannot hold an axis or the dtype.
    """

    #: Size per axis.
    shape: tuple[int, ...]
    #: Type of the pixels.
    dtype: np.dtype
    #: A letter per axis: any of T, C, Z, then Y, X, and S if RGB.
    axes: str
    #: Distance between neighbours along each axis except S, > 0.
    scale: tuple[float, ...]
    #: Unit of each scale, from `napari_focusstack.io.reading.calibration.SPELLINGS`, or "pixel".
    units: tuple[str, ...]
    #: Where each plane along Z lies, in the unit of its scale; not given if at multiples of that.
    positions: tuple[float, ...] = ()
    #: Names and colours along C, if known.
    channels: tuple[Channel, ...] = ()
    #: Type of the layer that it is read as.
    layer_type: Literal["image", "labels"] = "image"
    #: EXIF and colour profile, of a photo; a TIFF and a PNG hold them.
    photo: PhotoMetadata | None = None
    #: Position of the first pixel by axis, in its unit; 0 on axes that are not given.
    translate: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check axes and dtype."""
        leading = self.axes.removesuffix("S").removesuffix("YX")
        spatial = self.axes.removesuffix("S").endswith("YX")
        if not spatial or len(set(leading)) < len(leading) or set(leading) - set("TCZ"):
            raise InputError(f"the axes are {self.axes}; give any of T, C, Z, then YX or YXS.")
        needed = written_type(taken_type(self.dtype, "the result"))
        if self.dtype != needed:
            raise InputError(f"the type is {self.dtype}; convert it to {needed}.")

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

    def cropped(self, region: Region) -> ResultForm:
        """Return the form of the same result, cut to some rows and columns of the planes."""
        leading = len(self.leading)
        sides = tuple(part.stop - part.start for part in region)
        shape = (*self.shape[:leading], *sides, *self.shape[leading + 2 :])
        starts = {
            axis: self.translate.get(axis, 0.0) + part.start * self.steps[axis][0]
            for axis, part in zip("YX", region, strict=True)
        }
        return replace(self, shape=shape, translate={**self.translate, **starts})

    @property
    def steps(self) -> dict[str, tuple[float, str]]:
        """Scale and unit by axis."""
        letters = self.axes.removesuffix("S")
        return dict(zip(letters, zip(self.scale, self.units, strict=True), strict=True))


class Result:
    """A file that is written in rectangles, in any order, each pixel once.

    Attributes
    ----------
    record : mapping or None
        From `napari_focusstack.provenance.record`; set it before the file is completed.
    """

    def __init__(self, form: ResultForm) -> None:
        self.record: Mapping[str, Any] | None = None
        self._form = form
        #: Number of values of each plane that are not written yet.
        self._missing = [math.prod(form.plane_shape)] * form.count

    def write(
        self,
        pixels: np.ndarray,
        rectangle: Rectangle = WHOLE,
        at: Mapping[str, int] | None = None,
    ) -> None:
        """Write a rectangle of a plane.

        Parameters
        ----------
        pixels : ndarray, (rows, columns) or (rows, columns, 3)
            In the dtype of the form.
        rectangle : tuple of slice
            Rows and columns.
        at : mapping of str to int, optional
            Index of the plane by letter of the leading axes; 0 on axes that are not given.
        """
        form, at = self._form, at or {}
        index = tuple(at.get(axis, 0) for axis in form.leading)
        number = int(np.ravel_multi_index(index, form.shape[: len(index)])) if index else 0
        self._missing[number] -= pixels.size
        self._put(pixels, rectangle, number, at)

    def finish(self) -> None:
        """Complete the file; raise ValueError if pixels are missing."""
        for number, missing in enumerate(self._missing, 1):
            if missing:
                raise ValueError(f"plane {number} of {self._form.count} lacks pixels")
        self._complete()

    def _put(
        self, pixels: np.ndarray, rectangle: Rectangle, number: int, at: Mapping[str, int]
    ) -> None:
        """Write a rectangle of a plane, given by its number in stored order and by its index."""
        raise NotImplementedError

    def _complete(self) -> None:
        """Write what is known only at the end."""
        raise NotImplementedError


def colour_hex(channel: Channel) -> str:
    """Return the colour of a channel as six hexadecimal digits; white if it is unknown."""
    return "".join(f"{round(255 * part):02X}" for part in channel.colour or (1, 1, 1))
