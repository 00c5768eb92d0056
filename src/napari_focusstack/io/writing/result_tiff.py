"""A result as OME-TIFF.

Planes are written in order. Until a plane is complete, and all planes before it are written, it is
kept in a scratch file. Large planes are tiled. Others are written in strips, which Fiji opens
without Bio-Formats.
"""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.files import PNG_DTYPES, check_writable, replacing
from napari_focusstack.io.writing.layer_tiff import (
    MAX_CLASSIC_BYTES,
    ome_positions,
    ome_steps,
    ome_unit,
)
from napari_focusstack.io.writing.photo_tags import add_directories, tiff_tags
from napari_focusstack.io.writing.result import RESULT_SUFFIXES, TILE_PX, Result, colour_hex
from napari_focusstack.planes.scratch import ScratchPlanes
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_focusstack.io.writing.result import ResultForm
    from napari_focusstack.planes.lazy_plane import Rectangle


#: Planes of more pixels are tiled. Convention.
MAX_STRIP_PIXELS = 2048 * 2048


@contextlib.contextmanager
def tiff_result(path: Path, form: ResultForm) -> Iterator[_OmeTiff]:
    """Open a TIFF for a result, see `napari_focusstack.io.writing.result_file.result_file`."""
    check_writable(path, suffixes=RESULT_SUFFIXES)
    with replacing(path) as temporary, contextlib.closing(_OmeTiff(temporary, form)) as tiff:
        yield tiff
        tiff.finish()


class _OmeTiff(Result):
    def __init__(self, path: Path, form: ResultForm) -> None:
        from tifffile import TiffWriter

        super().__init__(form)
        self._path = path
        size = math.prod(form.shape) * form.dtype.itemsize
        self._writer = TiffWriter(path, bigtiff=size > MAX_CLASSIC_BYTES)
        self._waiting: dict[int, ScratchPlanes] = {}
        self._next = 0

    def _put(
        self, pixels: np.ndarray, rectangle: Rectangle, number: int, at: Mapping[str, int]
    ) -> None:
        if number not in self._waiting:
            shape = (1, *self._form.plane_shape)
            self._waiting[number] = ScratchPlanes(shape, self._form.dtype)
        self._waiting[number].write(0, pixels, rectangle)
        while self._next < self._form.count and self._missing[self._next] == 0:
            with self._waiting.pop(self._next) as plane:
                self._append(plane)
            self._next += 1

    def _complete(self) -> None:
        self._writer.close()
        from tifffile import TiffFile

        # The record is known only now, but the first page is written first.
        with TiffFile(self._path, mode="r+") as tiff:
            tiff.pages.first.tags["ImageDescription"].overwrite(self._description())
        add_directories(self._path, self._form.photo)

    def close(self) -> None:
        """Close all files."""
        self._writer.close()
        for plane in self._waiting.values():
            plane.close()

    def _append(self, plane: ScratchPlanes) -> None:
        """Write the next plane."""
        form = self._form
        height, width = form.plane_shape[:2]
        tiled = height * width > MAX_STRIP_PIXELS

        def tiles() -> Iterator[np.ndarray]:
            for top in range(0, height, TILE_PX):
                for left in range(0, width, TILE_PX):
                    yield plane.read(0, np.s_[top : top + TILE_PX, left : left + TILE_PX])

        self._writer.write(
            tiles() if tiled else plane.read(0),
            shape=form.plane_shape,
            dtype=form.dtype,
            tile=(TILE_PX, TILE_PX) if tiled else None,
            photometric="rgb" if form.axes.endswith("S") else "minisblack",
            compression="zlib",
            # Fiji cannot decode the floating-point predictor, and labels gain nothing from one.
            predictor=form.dtype.name in PNG_DTYPES and form.layer_type == "image",
            description=None if self._next else self._description(),
            resolution=(1 / form.steps["X"][0], 1 / form.steps["Y"][0]),
            resolutionunit="none",
            software=SOFTWARE,
            metadata=None,
            **({} if self._next else tiff_tags(form.photo)),
        )

    def _description(self) -> bytes:
        """Return the OME-XML."""
        from tifffile import OmeXml

        form = self._form
        note = {"software": SOFTWARE, "layer_type": form.layer_type, "record": self.record}
        positions = {axis: at for axis, at in form.translate.items() if at}
        if positions:
            note["translate"] = positions
        height, width, *samples = form.plane_shape
        sizes = dict(zip(form.axes, form.shape, strict=True))
        xml = OmeXml()
        xml.addimage(
            form.dtype,
            form.shape,
            (form.count, 1, 1, height, width, samples[0] if samples else 1),
            axes=form.axes,
            Description=json.dumps(note, allow_nan=False),
            **ome_steps(form.steps),
            **(_positions(form) or ome_positions(sizes, form.steps, positions)),
            **_channels(form),
        )
        return xml.tostring(declaration=True).encode()


def _positions(form: ResultForm) -> dict[str, Any]:
    """Return the OME metadata of where each plane lies, in stored order."""
    if "Z" not in form.axes or not form.positions:
        return {}
    along_z = np.indices(form.shape[: len(form.leading)])[form.leading.index("Z")].ravel()
    return {
        "Plane": {
            "PositionZ": [form.positions[index] for index in along_z],
            "PositionZUnit": [ome_unit(form.steps["Z"][1])] * len(along_z),
        }
    }


def _channels(form: ResultForm) -> dict[str, Any]:
    """Return the OME metadata of names and colours of channels."""
    if "C" not in form.axes or not form.channels:
        return {}
    metadata: dict[str, Any] = {
        "Name": [channel.name or f"channel {n}" for n, channel in enumerate(form.channels, 1)]
    }
    if all(channel.colour for channel in form.channels):
        packed = [int(f"{colour_hex(channel)}FF", 16) for channel in form.channels]
        # OME stores signed integers of 32 bits.
        metadata["Color"] = [value - 2**32 if value >= 2**31 else value for value in packed]
    return {"Channel": metadata}
