"""Write a result rectangle by rectangle, in memory that does not grow with the image.

An OME-TIFF, or where the name ends in .zarr an OME-Zarr, with scale, units, channels and the record
of how it was made; or a PNG with the record alone. A file of that name is replaced only once all
pixels are written.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.writer import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from napari_focusstack.io.calibration import Channel
    from napari_focusstack.io.plane_store import Rectangle

ZARR_SUFFIX = ".zarr"
RESULT_SUFFIXES = (*IMAGE_SUFFIXES, ZARR_SUFFIX)
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


@contextlib.contextmanager
def result_file(path: str | Path, form: ResultForm) -> Iterator[Result]:
    """Open a file for a result; it takes its place when the block ends without an error.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff, in .zarr (which needs the package zarr), or in .png (one plane of
        uint8 or uint16).
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
    suffix = path.suffix.lower()
    opened: AbstractContextManager[Result]
    if suffix == ZARR_SUFFIX:
        from napari_focusstack.io.result_zarr import zarr_result

        opened = zarr_result(path, form)
    elif suffix == ".png":
        from napari_focusstack.io.result_png import png_result

        opened = png_result(path, form)
    else:
        from napari_focusstack.io.result_tiff import tiff_result

        opened = tiff_result(path, form)
    with opened as result:
        yield result


def colour_hex(channel: Channel) -> str:
    """Return the colour of a channel as six hexadecimal digits, white where unknown."""
    return "".join(f"{round(255 * part):02X}" for part in channel.colour or (1, 1, 1))
