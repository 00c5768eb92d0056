"""The writers of the napari plugin: images, labels and surfaces."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.bit_mask import mask_to_bytes
from napari_focusstack.io.reading.calibration import UNKNOWN, unit_name
from napari_focusstack.io.writing.layer_tiff import write_tiff
from napari_focusstack.planes.axis_names import axis_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


#: Letters for leading axes without a known name, in the order in which they are assigned.
SPARE_AXES = "ZTCQIJ"


@contextlib.contextmanager
def input_errors_as_oserror() -> Iterator[None]:
    """Raise OSError instead of InputError, so that napari shows the message.

    For a ValueError, such as InputError, napari only reports that there is no valid writer.
    """
    try:
        yield
    except InputError as error:
        raise OSError(str(error)) from error


@input_errors_as_oserror()
def write_layer(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write an image or labels layer as a TIFF with its scale, units, position and record.

    Parameters
    ----------
    path : str
        Ends in .tif or .tiff; .ome.tif makes an OME-TIFF.
    data : array
        Data of the layer. Of a multiscale layer, the finest level is written. A lazy array is read
        plane by plane.
    attributes : mapping
        State of the layer: "rgb", "scale", "translate", "units", "axis_labels", and "metadata". The
        record is the entry "record" of "focusstack" in "metadata", and "photo" holds EXIF and
        colour profile. What labels were painted over is its entry "estimates": by place, in bytes,
        or objects with a method `to_bytes`; "decided" are the pixels that the brush went over.

    Returns
    -------
    list of str
        The path.

    Raises
    ------
    OSError
        With the message of the InputError of `napari_focusstack.io.writing.layer_tiff.write_tiff`.
        No part of a file remains then.

    Examples
    --------
    >>> import tempfile
    >>> path = str(Path(tempfile.mkdtemp()) / "all_in_focus.tif")
    >>> attributes = {"rgb": False, "scale": [0.65, 0.65], "units": ("um", "um")}
    >>> write_layer(path, np.zeros((32, 48), np.uint16), attributes) == [path]
    True
    """
    data = data[0] if attributes.get("multiscale") else data
    # napari does not pass the type of the layer to a writer; only labels have features.
    labels = "features" in attributes
    # few programs open labels of 64 bits
    wide = labels and data.dtype in (np.int64, np.uint64)
    dtype = np.int32 if wide and _greatest(data) < 2**31 else data.dtype
    rgb = bool(attributes.get("rgb"))
    ndim = data.ndim - rgb
    units = attributes.get("units") or (UNKNOWN,) * ndim
    about = (attributes.get("metadata") or {}).get("focusstack") or {}
    write_tiff(
        path,
        data,
        axes=_axes(attributes.get("axis_labels") or (), ndim) + "S" * rgb,
        scale=[abs(float(step)) for step in attributes.get("scale", (1.0,) * ndim)],
        units=[unit_name(unit) for unit in ((units,) * ndim if isinstance(units, str) else units)],
        translate=tuple(attributes.get("translate", ())),
        layer_type="labels" if labels else "image",
        record=about.get("record"),
        dtype=dtype,
        photo=None if labels else about.get("photo"),
        attachments=_attachments(about) if labels else None,
    )
    return [path]


@input_errors_as_oserror()
def write_mesh(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write a surface layer in world coordinates, for other programs.

    Parameters
    ----------
    path : str
        Ends in .obj or .ply. An .obj needs a texture, and its material and texture are written
        beside it. A .ply has a colour for each vertex.
    data : tuple of ndarray
        Vertices (V, 3), faces (F, 3), and the value of each vertex.
    attributes : mapping
        State of the layer: "scale", "translate", and "texture" with "texcoords", or "vertex_colors"
        (V, 3 or 4), 0..1. Without both, the values are shown as grey.

    Returns
    -------
    list of str
        The path.

    Raises
    ------
    OSError
        If the surface does not have three axes, if it has no texture for an .obj, or with the
        message of the InputError of `napari_focusstack.surface.mesh_file.write_obj`. No part of a
        file remains then.

    Examples
    --------
    >>> import tempfile
    >>> from napari_focusstack.surface.napari_mesh import napari_surface
    >>> from napari_focusstack.surface.triangulation import surface_of
    >>> image = np.full((4, 5), 128, np.uint8)
    >>> data, look = napari_surface(surface_of(np.zeros((4, 5), np.float32), image), image)
    >>> path = str(Path(tempfile.mkdtemp()) / "ant.ply")
    >>> write_mesh(path, data, look) == [path]
    True
    """
    from napari_focusstack.surface.mesh_file import write_obj, write_ply
    from napari_focusstack.surface.surface import Surface

    vertices, faces, *values = (np.asarray(part) for part in data)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise InputError(
            f"the surface has vertices of the shape {vertices.shape}; give (V, 3), one time point."
        )
    scale = np.asarray(attributes.get("scale", (1.0,) * 3))
    position = np.asarray(attributes.get("translate", (0.0,) * 3))
    texture, texcoords = attributes.get("texture"), attributes.get("texcoords")
    textured = texture is not None and texcoords is not None
    surface = Surface(
        vertices=(vertices * scale + position).astype(np.float32),
        faces=faces.astype(np.int32),
        colours=_sample(texture, texcoords) if textured else _colours(attributes, *values[:1]),
        texcoords=np.asarray(texcoords, np.float32) if textured else np.zeros((0, 2), np.float32),
        jump=np.inf,
    )
    if Path(path).suffix.lower() != ".obj":
        write_ply(path, surface)
        return [path]
    if not textured:
        raise InputError(f"{path} needs a texture, and the surface has none; use .ply.")
    pixels = _bytes(texture)
    write_obj(path, surface, pixels if pixels.ndim == 2 else pixels[..., :3])
    return [path]


def _attachments(about: Mapping[str, Any]) -> dict[str, bytes]:
    """Return what labels were painted over, and where the brush went, by name."""
    attachments = {
        key: each if isinstance(each, bytes) else each.to_bytes()
        for key, each in (about.get("estimates") or {}).items()
    }
    if (decided := about.get("decided")) is not None and decided.any():
        attachments["decided"] = mask_to_bytes(decided)
    return attachments


def _greatest(labels: Any) -> int:
    """Return the greatest label of (..., Y, X), read plane by plane."""
    planes = (np.asarray(labels[index]) for index in np.ndindex(labels.shape[:-2]))
    return max((int(plane.max(initial=0)) for plane in planes), default=0)


def _bytes(colours: Any) -> np.ndarray:
    """Return colours as 8 bits; floats are 0..1."""
    colours = np.asarray(colours)
    if colours.dtype.kind != "f":
        return colours.astype(np.uint8)
    return (colours.clip(0, 1) * 255).round().astype(np.uint8)


def _sample(texture: Any, texcoords: Any) -> np.ndarray:
    """Return colours (V, 3) or (V,) of a texture at positions (V, 2), u right and v up, 0..1."""
    pixels = _bytes(texture)
    height, width = pixels.shape[:2]
    u, v = np.asarray(texcoords).T
    rows, columns = (1 - v) * height, u * width
    colours = pixels[rows.astype(int).clip(0, height - 1), columns.astype(int).clip(0, width - 1)]
    return colours[:, :3] if colours.ndim == 2 else colours


def _colours(attributes: Mapping[str, Any], values: np.ndarray | None = None) -> np.ndarray:
    """Return the colour of each vertex as 8 bits; without colours, its value as grey."""
    colours = attributes.get("vertex_colors")
    if colours is not None:
        return _bytes(colours)[:, :3]
    assert values is not None
    low, high = attributes.get("contrast_limits") or (0.0, 1.0)
    return _bytes((values.astype(np.float32) - low) / max(high - low, 1e-12))


def _axes(labels: Sequence[str], ndim: int) -> str:
    """Return a letter for each axis: from its label if it has a known one; Y and X are last."""
    letters = ""
    for letter in axis_letters(labels, ndim - 2):
        letters += "?" if letter is None or letter in letters else letter
    for axis in SPARE_AXES:
        if axis not in letters:
            # The last unknown axis first, because depth is usually the axis before the rows.
            letters = axis.join(letters.rsplit("?", 1))
    return letters + "YX"
