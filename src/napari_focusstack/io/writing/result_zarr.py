"""A result as OME-Zarr (OME-NGFF 0.5): rectangles are written to chunks on disk at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_replaceable, check_writable, replacing
from napari_focusstack.io.reading.calibration import UNKNOWN, Channel
from napari_focusstack.io.writing.result import (
    TILE_PX,
    ZARR_SUFFIX,
    Result,
    colour_hex,
)
from napari_focusstack.provenance import SOFTWARE
from napari_focusstack.runtime.paths import status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_focusstack.io.writing.result import ResultForm
    from napari_focusstack.planes.lazy_plane import Rectangle


#: Version of OME-NGFF.
VERSION = "0.5"
#: Order of axes in OME-NGFF.
ORDER = "TCZYX"
TYPES = {"T": "time", "C": "channel"}  # all others are "space"
UNITS = {
    "pm": "picometer",
    "nm": "nanometer",
    "um": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
}
RGB = (Channel("red", (1, 0, 0)), Channel("green", (0, 1, 0)), Channel("blue", (0, 0, 1)))


@contextlib.contextmanager
def zarr_result(path: Path, form: ResultForm) -> Iterator[_OmeZarr]:
    """Open a folder for a result, see `napari_focusstack.io.writing.result_file.result_file`."""
    _check_folder(path)
    with replacing(path) as temporary:
        result = _OmeZarr(temporary, form, path.name)
        yield result
        result.finish()


class _OmeZarr(Result):
    """A group with one array. Colours become channels; axes have the order of OME-NGFF."""

    def __init__(self, path: Path, form: ResultForm, name: str) -> None:
        zarr = zarr_package()
        if "S" in form.axes and "C" in form.axes:
            raise InputError(f"{name} cannot hold channels of RGB pixels; use .tif.")
        super().__init__(form)
        self._name = name
        self._sizes = dict(zip(form.axes.replace("S", "C"), form.shape, strict=True))
        self._axes = "".join(axis for axis in ORDER if axis in self._sizes)
        self._group = zarr.open_group(path, mode="w", zarr_format=3)
        self._array = self._group.create_array(
            "0",
            shape=tuple(self._sizes[axis] for axis in self._axes),
            chunks=tuple(
                min(TILE_PX, self._sizes[axis]) if axis in "YX" else 1 for axis in self._axes
            ),
            dtype=form.dtype,
            dimension_names=tuple(self._axes.lower()),
        )
        count = self._sizes.get("C", 1)
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)

    def _put(
        self, pixels: np.ndarray, rectangle: Rectangle, number: int, at: Mapping[str, int]
    ) -> None:
        index: dict[str, Any] = {**at, "Y": rectangle[0], "X": rectangle[1]}
        channel: Any = at.get("C", 0)
        if "S" in self._form.axes:
            channel = index["C"] = slice(None)
            pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
        self._array[tuple(index.get(axis, 0) for axis in self._axes)] = pixels
        low, high = pixels.min(axis=(-2, -1)), pixels.max(axis=(-2, -1))
        self._low[channel] = np.minimum(self._low[channel], low)
        self._high[channel] = np.maximum(self._high[channel], high)

    def _complete(self) -> None:
        steps = self._form.steps
        axes = [{"name": axis.lower(), "type": TYPES.get(axis, "space")} for axis in self._axes]
        for axis in axes:
            unit = UNITS.get(steps.get(axis["name"].upper(), (1.0, UNKNOWN))[1])
            if unit is not None:
                axis["unit"] = unit
        scale = [float(steps.get(axis, (1.0, UNKNOWN))[0]) for axis in self._axes]
        transformations: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
        starts = {"Z": self._form.positions[0]} if self._form.positions else {}
        starts |= self._form.translate
        if any(starts.values()):  # of uneven positions it can hold the first alone
            origin = [float(starts.get(axis, 0.0)) for axis in self._axes]
            transformations.append({"type": "translation", "translation": origin})
        metadata: dict[str, Any] = {
            "version": VERSION,
            "multiscales": [
                {
                    "name": self._name.removesuffix(ZARR_SUFFIX).removesuffix(".ome"),
                    "axes": axes,
                    "datasets": [{"path": "0", "coordinateTransformations": transformations}],
                }
            ],
        }
        if "C" in self._axes:
            metadata["omero"] = {"channels": self._channels()}
        note = {
            "layer_type": self._form.layer_type,
            "record": self.record,
            "axes": self._form.axes,  # colours are read as such again, not as channels
        }
        self._group.attrs.update({"ome": metadata, SOFTWARE: note})

    def _channels(self) -> list[dict[str, Any]]:
        """Return name, colour and range of each channel."""
        count = self._sizes["C"]
        known = RGB if "S" in self._form.axes else self._form.channels
        channels = [*known, *[Channel()] * count][:count]
        return [
            {
                "label": channel.name or f"channel {number}",
                "color": colour_hex(channel),
                "active": True,
                "window": dict(zip(("min", "max", "start", "end"), (low, high) * 2, strict=True)),
            }
            for number, (channel, low, high) in enumerate(
                zip(channels, self._low.tolist(), self._high.tolist(), strict=True), 1
            )
        ]


def zarr_package() -> Any:
    """Import zarr; raise InputError if it is not installed."""
    try:
        import zarr
    except ImportError as error:
        raise InputError(
            'OME-Zarr needs the package zarr 3; pip install "napari-focusstack[zarr]", or write '
            "a .tif."
        ) from error
    return zarr


def _check_folder(path: Path) -> None:
    """Raise InputError if no Zarr group can be written to a path."""
    check_writable(path.with_name(f"{uuid4().hex}{ZARR_SUFFIX}"), suffixes=(ZARR_SUFFIX,))
    status(path)
    check_replaceable(path.resolve())
