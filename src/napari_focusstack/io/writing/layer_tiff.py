"""Writing of a layer as a TIFF with its scale, units, position and record.

The format is OME-TIFF if the name ends in .ome.tif, ImageJ's format if it can hold the pixels, and
tifffile's description of axes otherwise (32-bit labels, 16-bit colours). All are compressed without
loss. A note in JSON is stored in a text of the format: Info of ImageJ, Description of the OME
image, or the description itself.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import PNG_DTYPES, TIFF_SUFFIXES, check_writable, replacing
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.io.reading.record import ATTACHMENTS_TAG
from napari_focusstack.io.writing.photo_tags import add_directories, tiff_tags
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import DTypeLike

    from napari_focusstack.io.reading.photo_metadata import PhotoMetadata


#: Order of axes in ImageJ's format.
IMAGEJ_ORDER = "TZCYXS"
IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
OME_ENDINGS = (".ome.tif", ".ome.tiff")
#: Most pixels of a classic TIFF, bytes: offsets of 32 bits, with 32 MiB left for headers. Larger
#: files are BigTIFF, which ImageJ's format lacks.
MAX_CLASSIC_BYTES = 2**32 - 2**25


def write_tiff(
    path: str | Path,
    data: Any,
    *,
    axes: str,
    scale: Sequence[float],
    units: Sequence[str],
    translate: Sequence[float] = (),
    layer_type: Literal["image", "labels"] = "image",
    record: Mapping[str, Any] | None = None,
    dtype: DTypeLike | None = None,
    photo: PhotoMetadata | None = None,
    attachments: Mapping[str, bytes] | None = None,
) -> None:
    """Write an image, labels or a stack of them.

    An existing file is replaced when the new one is complete.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff; .ome.tif and .ome.tiff make an OME-TIFF.
    data : ndarray, dask Array or similar
        Numbers or bool (written as 0 and 1). It is read plane by plane.
    axes : str
        A letter per axis: Z, T, C or any other, then Y, X, and S for RGB or RGBA. ImageJ's format
        stores them in the order TZCYXS.
    scale : sequence of float
        Distance between neighbours along each axis except S, > 0.
    units : sequence of str
        Unit of each scale, from `napari_focusstack.io.reading.calibration.SPELLINGS`, or "pixel".
    translate : sequence of float, optional
        Position of the first pixel along each axis except S, in units. It is stored in the note,
        and as the origin in ImageJ's format or the position of each plane in OME-TIFF.
    layer_type : {"image", "labels"}
        Stored in the note, so that labels are read as labels again.
    record : mapping, optional
        From `napari_focusstack.provenance.record`;
        `napari_focusstack.io.reading.record.read_record` reads it.
    dtype : dtype, optional
        Type that the data are converted to.
    photo : PhotoMetadata, optional
        EXIF and colour profile, from `napari_focusstack.io.reading.photo_metadata.photo_metadata`.
    attachments : mapping of str to bytes, optional
        Stored in a private tag, which other programs pass over;
        `napari_focusstack.io.reading.record.read_attachments` reads them.

    Raises
    ------
    InputError
        As `napari_focusstack.io.writing.image.write_image`; also if the format cannot hold the
        dtype.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "stack.tif"
    >>> stack = np.zeros((5, 32, 48), np.uint16)
    >>> write_tiff(path, stack, axes="ZYX", scale=(2, 0.65, 0.65), units=("um", "um", "um"))
    """
    from tifffile import OmeXmlError, imwrite

    path = Path(path)
    check_writable(path, suffixes=TIFF_SUFFIXES)
    dtype = np.dtype(dtype or data.dtype).newbyteorder("=")
    dtype = np.dtype(np.uint8) if dtype.kind == "b" else dtype
    sizes = dict(zip(axes, data.shape, strict=True))
    steps = dict(zip(axes.removesuffix("S"), zip(scale, units, strict=True), strict=True))
    positions = {axis: float(at) for axis, at in zip(axes, translate, strict=False) if at}
    note = {"software": SOFTWARE, "layer_type": layer_type, "record": record}
    note |= {"translate": positions, "steps": steps}
    text = json.dumps(note, allow_nan=False)
    stored, bigtiff = axes, math.prod(data.shape) * dtype.itemsize > MAX_CLASSIC_BYTES
    arguments: dict[str, Any]
    if path.name.lower().endswith(OME_ENDINGS):
        metadata = {**ome_steps(steps), "axes": axes, "Description": text}
        metadata |= ome_positions(sizes, steps, positions)
        arguments = {"ome": True, "metadata": metadata}
    elif not bigtiff and _suits_imagej(dtype, axes):
        stored = "".join(sorted(axes, key=IMAGEJ_ORDER.index))
        metadata = {**_imagej(steps, positions), "axes": stored, "Info": text}
        arguments = {"imagej": True, "metadata": metadata}
    else:
        arguments = {"metadata": {**_imagej(steps, positions), "axes": axes, "note": note}}
    resolution = [1 / steps[axis][0] for axis in "XY"]
    with replacing(path) as temporary:
        try:
            imwrite(
                temporary,
                _planes(data, axes, stored, dtype),
                shape=tuple(sizes[axis] for axis in stored),
                dtype=dtype,
                photometric="rgb" if axes.endswith("S") else "minisblack",
                compression="zlib",
                # Fiji cannot decode the floating-point predictor, and labels gain nothing from one.
                predictor=dtype.name in PNG_DTYPES and layer_type == "image",
                resolution=(resolution[0], resolution[1]),
                resolutionunit="none",
                software=SOFTWARE,
                bigtiff=bigtiff,
                **arguments,
                **tiff_tags(photo, _attached(attachments)),
            )
            add_directories(temporary, photo)
        except InputError:  # from planes that are read only now
            raise
        except (ValueError, OmeXmlError) as error:
            raise InputError(
                f"{path} cannot hold {dtype} {data.shape} ({error}); use .tif, or convert it "
                "to uint8, uint16 or float32."
            ) from error


def _attached(attachments: Mapping[str, bytes] | None) -> list[tuple[Any, ...]]:
    """Return attachments as a tag of the first page: code, type (bytes), count, value, once."""
    if not attachments:
        return []
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in attachments.items():
            file.writestr(name, content)
    return [(ATTACHMENTS_TAG, 7, None, archive.getvalue(), True)]


def _planes(data: Any, axes: str, stored: str, dtype: np.dtype) -> Iterator[np.ndarray]:
    """Yield the planes in the order of the stored axes."""
    count = len(axes.rstrip("YXS"))
    order = [axes.index(axis) for axis in stored[:count]]
    for place in np.ndindex(*(data.shape[axis] for axis in order)):
        index = tuple(place[order.index(axis)] for axis in range(count))
        yield np.ascontiguousarray(data[index], dtype)


def _suits_imagej(dtype: np.dtype, axes: str) -> bool:
    """Return whether ImageJ's format can hold a type and axes."""
    if axes.endswith("S"):
        return dtype == np.uint8 and set(axes) <= set(IMAGEJ_ORDER)
    return dtype.name in IMAGEJ_DTYPES and set(axes) <= set(IMAGEJ_ORDER)


def _imagej(
    steps: Mapping[str, tuple[float, str]], positions: Mapping[str, float]
) -> dict[str, Any]:
    """Return the metadata of ImageJ's format for steps, units and positions."""
    unit = steps["X"][1]
    meta: dict[str, Any] = {"unit": unit}
    if steps["Y"][1] != unit:
        meta["yunit"] = steps["Y"][1]
    if "Z" in steps:
        meta["spacing"] = steps["Z"][0]
        if steps["Z"][1] != unit:
            meta["zunit"] = steps["Z"][1]
    if "T" in steps:
        meta["finterval"], meta["tunit"] = steps["T"]
    for axis in positions.keys() & set("XYZ"):
        # ImageJ stores the pixel index of position 0, not the position of the first pixel.
        meta[f"{axis.lower()}origin"] = -positions[axis] / steps[axis][0]
    return meta


def ome_steps(steps: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
    """Return the distances between pixels, time points and planes as OME metadata."""
    meta: dict[str, Any] = {}
    for axis, (step, unit) in steps.items():
        if axis in "XYZ":
            meta[f"PhysicalSize{axis}"] = step
            meta[f"PhysicalSize{axis}Unit"] = ome_unit(unit)
        elif axis == "T" and unit != UNKNOWN:
            meta["TimeIncrement"], meta["TimeIncrementUnit"] = step, unit
    return meta


def ome_positions(
    sizes: Mapping[str, int],
    steps: Mapping[str, tuple[float, str]],
    positions: Mapping[str, float],
) -> dict[str, Any]:
    """Return the OME metadata of plane positions, for axes that do not begin at 0."""
    leading = [axis for axis in sizes if axis not in "YXS"]
    planes = list(np.ndindex(*(sizes[axis] for axis in leading)))
    metadata: dict[str, Any] = {}
    for axis in [axis for axis in "XYZ" if axis in positions]:
        step, unit = steps[axis]
        along = leading.index(axis) if axis in leading else None
        metadata[f"Position{axis}"] = [
            positions[axis] + (0 if along is None else step * plane[along]) for plane in planes
        ]
        metadata[f"Position{axis}Unit"] = [ome_unit(unit)] * len(planes)
    return {"Plane": metadata} if metadata else {}


def ome_unit(unit: str) -> str:
    """Return the OME name of a unit."""
    return {"um": "µm", "inch": "in"}.get(unit, unit)
