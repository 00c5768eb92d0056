"""Write a layer as a TIFF that keeps its scale, its units and the record of how it was made.

ImageJ's own format where it can hold the pixels, OME-TIFF where the name ends in .ome.tif, and
tifffile's description of axes for the rest (32-bit labels, 16-bit colours), all compressed without
loss. A note in JSON lies where each format has room for text: ImageJ's Info, the Description of the
OME image, or the description itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.calibration import UNKNOWN, ome_root
from napari_focusstack.io.writer import PNG_DTYPES, TIFF_SUFFIXES, check_writable, replacing
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tifffile import TiffFile

IMAGEJ_ORDER = "TZCYXS"
IMAGEJ_DTYPES = ("uint8", "uint16", "float32")
OME_ENDINGS = (".ome.tif", ".ome.tiff")


def write_tiff(
    path: str | Path,
    data: np.ndarray,
    *,
    axes: str,
    scale: Sequence[float],
    units: Sequence[str],
    layer_type: Literal["image", "labels"] = "image",
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write an image, labels or a stack of them; an existing file is replaced only at the end.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff; .ome.tif and .ome.tiff make an OME-TIFF.
    data : ndarray
        Numbers or bool (written as 0 and 1).
    axes : str
        A letter per axis: Z, T, C or any other, then Y, X, and S for RGB or RGBA. ImageJ's format
        stores them in the order TZCYXS.
    scale : sequence of float
        Distance between neighbours along each axis but S, > 0.
    units : sequence of str
        Unit of each scale, from `napari_focusstack.io.calibration.SPELLINGS`, or "pixel".
    layer_type : {"image", "labels"}
        Kept in the note, so that labels are read as labels again.
    record : mapping, optional
        From `napari_focusstack.provenance.record`; `napari_focusstack.io.writer.read_record`
        finds it.

    Raises
    ------
    InputError
        As `napari_focusstack.io.writer.write_image`, and if the format cannot hold the dtype.

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
    data = data.astype(np.uint8) if data.dtype == bool else data
    note = {"software": SOFTWARE, "layer_type": layer_type, "record": record}
    text = json.dumps(note, allow_nan=False)
    steps = dict(zip(axes.removesuffix("S"), zip(scale, units, strict=True), strict=True))
    given: dict[str, Any]
    if path.name.lower().endswith(OME_ENDINGS):
        given = {"ome": True, "metadata": {**_ome(steps), "axes": axes, "Description": text}}
    elif _suits_imagej(data, axes):
        order = sorted(axes, key=IMAGEJ_ORDER.index)
        data = data.transpose([axes.index(axis) for axis in order])
        given = {"imagej": True, "metadata": {**_imagej(steps), "axes": "".join(order)}}
        given["metadata"]["Info"] = text
    else:
        given = {"metadata": {**_imagej(steps), "axes": axes, "note": note}}
    resolution = [1 / steps[axis][0] for axis in "XY"]
    with replacing(path) as temporary:
        try:
            imwrite(
                temporary,
                np.ascontiguousarray(data),
                photometric="rgb" if axes.endswith("S") else "minisblack",
                compression="zlib",
                # Fiji cannot undo the floating-point predictor, and labels gain nothing from one.
                predictor=data.dtype.name in PNG_DTYPES and layer_type == "image",
                resolution=(resolution[0], resolution[1]),
                resolutionunit="none",
                software=SOFTWARE,
                **given,
            )
        except (ValueError, OmeXmlError) as error:
            raise InputError(
                f"{path} cannot hold {data.dtype} {data.shape} ({error}); use .tif, or convert it "
                "to uint8, uint16 or float32."
            ) from error


def note_in(tiff: TiffFile) -> dict[str, Any] | None:
    """Return the note that `write_tiff` left, or None where a TIFF is not its work.

    Parameters
    ----------
    tiff : TiffFile
        Any TIFF.

    Returns
    -------
    dict or None
        Keys "software", "layer_type" and "record", which may be None.
    """
    if tiff.pages.first.software != SOFTWARE:
        return None
    if tiff.is_imagej:
        text = (tiff.imagej_metadata or {}).get("Info", "null")
    elif tiff.is_ome:
        text = ome_root(tiff.ome_metadata).findtext("{*}Image/{*}Description", "null")
    else:
        return (tiff.shaped_metadata or ({},))[0].get("note")
    return json.loads(text)


def _suits_imagej(data: np.ndarray, axes: str) -> bool:
    if axes.endswith("S"):
        return data.dtype == np.uint8 and set(axes) <= set(IMAGEJ_ORDER)
    return data.dtype.name in IMAGEJ_DTYPES and set(axes) <= set(IMAGEJ_ORDER)


def _imagej(steps: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
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
    return meta


def _ome(steps: Mapping[str, tuple[float, str]]) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for axis, (step, unit) in steps.items():
        if axis in "XYZ":
            meta[f"PhysicalSize{axis}"] = step
            meta[f"PhysicalSize{axis}Unit"] = {"um": "µm", "inch": "in"}.get(unit, unit)
        elif axis == "T" and unit != UNKNOWN:
            meta["TimeIncrement"], meta["TimeIncrementUnit"] = step, unit
    return meta
