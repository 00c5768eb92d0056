"""Write a result rectangle by rectangle, in memory that does not grow with the image.

A tiled OME-TIFF, or where the name ends in .zarr an OME-Zarr, with scale, units, channels and the
record of how it was made. A file of that name is replaced only once all pixels are written.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.layer_tiff import MOST_BYTES, ome_steps
from napari_focusstack.io.scratch import ScratchPlanes
from napari_focusstack.io.writer import PNG_DTYPES, TIFF_SUFFIXES, check_writable, replacing
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_focusstack.io.calibration import Channel
    from napari_focusstack.io.plane_store import Rectangle

ZARR_SUFFIX = ".zarr"
#: Side of the tiles of a file, px.
TILE_PX = 512
DTYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")

WHOLE = (slice(None), slice(None))


@contextlib.contextmanager
def made_aside(path: Path) -> Iterator[Path]:
    """Give a folder beside a file in which results are made; what is left in it goes."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(made: Path, target: Path) -> None:
    """Move a whole result to its name, where an older one may lie.

    Raises
    ------
    InputError
        If a folder of that name is there and no Zarr group: nothing of ours.
    """
    if target.is_dir():  # no folder can be moved onto one that holds something
        check_replaceable(target)
        target.replace(made.with_name(f"{made.name}.old"))
    made.replace(target)


def check_replaceable(folder: Path) -> None:
    """Raise InputError if a folder is there and no Zarr group."""
    if folder.exists() and not (folder / "zarr.json").is_file():
        raise InputError(f"{folder} is there and no Zarr group; choose another name.")


def size_of(path: Path) -> int:
    """Return the bytes of a result: a file, or a Zarr with all that lies in it."""
    files = (one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files)


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
    #: Unit of each scale, from `napari_focusstack.io.calibration.SPELLINGS`, or "pixel".
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


class Result(Protocol):
    """A file that takes rectangles in any order, each pixel once."""

    #: How the result was made, from `napari_focusstack.provenance.record`; set before the end.
    record: Mapping[str, Any] | None

    def write(
        self,
        pixels: np.ndarray,
        rectangle: Rectangle = WHOLE,
        at: Mapping[str, int] | None = None,
    ) -> None:
        """Put a rectangle of a plane; `at` says which, by letter of the leading axes, else 0."""


@contextlib.contextmanager
def result_file(path: str | Path, form: ResultForm) -> Iterator[Result]:
    """Open a file for a result; it takes its place when the block ends without an error.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff, or in .zarr (which needs the package zarr).
    form : ResultForm
        What will be written.

    Yields
    ------
    Result
        Has `write` and `record`.

    Raises
    ------
    InputError
        As `napari_focusstack.io.writer.write_image`: the name cannot be written to, or writing
        fails, as on a full disk, which leaves nothing behind.
    ValueError
        If pixels are missing at the end.

    Examples
    --------
    >>> import tempfile, tifffile
    >>> path = Path(tempfile.mkdtemp()) / "fused.tif"
    >>> form = ResultForm(shape=(2, 32, 48), dtype=np.dtype("u2"), axes="CYX", scale=(1, 0.5, 0.5),
    ...                   units=("pixel", "um", "um"))
    >>> with result_file(path, form) as result:
    ...     for top in (0, 16):
    ...         for channel in (0, 1):
    ...             strip = np.full((16, 48), top + channel, np.uint16)
    ...             result.write(strip, np.s_[top : top + 16, :], {"C": channel})
    >>> tifffile.imread(path)[:, ::16, 0]
    array([[ 0, 16],
           [ 1, 17]], dtype=uint16)
    """
    path = Path(path)
    if path.suffix.lower() == ZARR_SUFFIX:
        from napari_focusstack.io.result_zarr import zarr_result

        with zarr_result(path, form) as result:
            yield result
        return
    check_writable(path, suffixes=(*TIFF_SUFFIXES, ZARR_SUFFIX))
    with replacing(path) as temporary, contextlib.closing(_OmeTiff(temporary, form)) as tiff:
        yield tiff
        tiff.finish()


def plane_number(form: ResultForm, at: Mapping[str, int] | None) -> int:
    """Return the number of a plane, in the order of the axes."""
    index = tuple((at or {}).get(axis, 0) for axis in form.leading)
    return int(np.ravel_multi_index(index, form.shape[: len(index)])) if index else 0


def extent(form: ResultForm, rectangle: Rectangle) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of a rectangle, px."""
    rows, columns = (
        part.indices(size) for part, size in zip(rectangle, form.plane_shape, strict=False)
    )
    return rows[0], rows[1], columns[0], columns[1]


class _OmeTiff:
    """A tiled OME-TIFF: planes wait in scratch files until they are whole and it is their turn."""

    def __init__(self, path: Path, form: ResultForm) -> None:
        from tifffile import TiffWriter

        self.record: Mapping[str, Any] | None = None
        self._path, self._form = path, form
        size = math.prod(form.shape) * form.dtype.itemsize
        self._writer = TiffWriter(path, bigtiff=size > MOST_BYTES)
        self._waiting: dict[int, ScratchPlanes] = {}
        self._missing = [math.prod(form.plane_shape[:2])] * form.count
        self._next = 0

    def write(
        self,
        pixels: np.ndarray,
        rectangle: Rectangle = WHOLE,
        at: Mapping[str, int] | None = None,
    ) -> None:
        number = plane_number(self._form, at)
        if number not in self._waiting:
            shape = (1, *self._form.plane_shape)
            self._waiting[number] = ScratchPlanes(shape, self._form.dtype)
        self._waiting[number].write(0, pixels, rectangle)
        top, bottom, left, right = extent(self._form, rectangle)
        self._missing[number] -= (bottom - top) * (right - left)
        while self._next < self._form.count and self._missing[self._next] == 0:
            with self._waiting.pop(self._next) as plane:
                self._append(plane)
            self._next += 1

    def finish(self) -> None:
        """Complete the file with its record."""
        if self._next < self._form.count:
            raise ValueError(f"plane {self._next + 1} of {self._form.count} lacks pixels")
        self._writer.close()
        from tifffile import TiffFile

        # What was found is known only now, but the first page comes first.
        with TiffFile(self._path, mode="r+") as tiff:
            tiff.pages.first.tags["ImageDescription"].overwrite(self._description())

    def close(self) -> None:
        """Let go of all files."""
        self._writer.close()
        for plane in self._waiting.values():
            plane.close()

    def _append(self, plane: ScratchPlanes) -> None:
        form = self._form
        height, width = form.plane_shape[:2]
        # Tiles are multiples of 16 px.
        tile = tuple(min(TILE_PX, -(-side // 16) * 16) for side in (height, width))

        def tiles() -> Iterator[np.ndarray]:
            for top in range(0, height, tile[0]):
                for left in range(0, width, tile[1]):
                    yield plane.read(0, np.s_[top : top + tile[0], left : left + tile[1]])

        self._writer.write(
            tiles(),
            shape=form.plane_shape,
            dtype=form.dtype,
            tile=tile,
            photometric="rgb" if form.axes.endswith("S") else "minisblack",
            compression="zlib",
            # Fiji cannot undo the floating-point predictor, and labels gain nothing from one.
            predictor=form.dtype.name in PNG_DTYPES and form.layer_type == "image",
            description=None if self._next else self._description(),
            resolution=(1 / form.steps["X"][0], 1 / form.steps["Y"][0]),
            resolutionunit="none",
            software=SOFTWARE,
            metadata=None,
        )

    def _description(self) -> bytes:
        from tifffile import OmeXml

        form = self._form
        note = {"software": SOFTWARE, "layer_type": form.layer_type, "record": self.record}
        height, width, *samples = form.plane_shape
        xml = OmeXml()
        xml.addimage(
            form.dtype,
            form.shape,
            (form.count, 1, 1, height, width, samples[0] if samples else 1),
            axes=form.axes,
            Description=json.dumps(note, allow_nan=False),
            **ome_steps(form.steps),
            **_channels(form),
        )
        return xml.tostring(declaration=True).encode()


def _channels(form: ResultForm) -> dict[str, Any]:
    """Return what OME-XML says of the channels."""
    if "C" not in form.axes or not form.channels:
        return {}
    told: dict[str, Any] = {
        "Name": [each.name or f"channel {n}" for n, each in enumerate(form.channels, 1)]
    }
    if all(each.colour for each in form.channels):
        packed = [int(f"{colour_hex(each)}FF", 16) for each in form.channels]
        # Signed, of 32 bits.
        told["Color"] = [one - 2**32 if one >= 2**31 else one for one in packed]
    return {"Channel": told}


def colour_hex(channel: Channel) -> str:
    """Return the colour of a channel as six hexadecimal digits, white where unknown."""
    return "".join(f"{round(255 * part):02X}" for part in channel.colour or (1, 1, 1))
