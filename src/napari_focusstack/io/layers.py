"""What the plugin's manifest names: reader, writer and sample data, without napari itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.axis_names import axis_letters
from napari_focusstack.errors import InputError
from napari_focusstack.io.calibration import UNKNOWN, unit_name
from napari_focusstack.io.focal_stack import (
    find_stacks,
    focus_axis,
    is_tiff,
    letters,
    opened,
    plane_size,
)
from napari_focusstack.io.layer_tiff import note_in, write_tiff
from napari_focusstack.io.reader import images_in
from napari_focusstack.io.tiff import check_end, image_series
from napari_focusstack.io.written_layer import layers_as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tifffile import TiffFile

    from napari_focusstack.io.layer_data import LayerData

#: Letters of leading axes in the order they are given to those whose names tell none.
SPARE_AXES = "ZTCQIJ"


@contextlib.contextmanager
def _said_past_napari() -> Iterator[None]:
    """Raise what is wrong with a layer as OSError, so that it is seen.

    Of a ValueError, such as InputError, napari only says that there is no valid writer.
    """
    try:
        yield
    except InputError as error:
        raise OSError(str(error)) from error


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader if the path is a focal stack, told from headers and names alone.

    Parameters
    ----------
    path : str or list of str
        A TIFF with an axis along which focus may change (depth, unnamed, or time, of two planes or
        more), or written by :func:`write_layer`; a folder of two or more images of one size; or a
        list of such images.

    Returns
    -------
    callable or None
        :func:`read_layers`, also for a damaged TIFF, of which it says what is wrong; None leaves
        the path to napari's other readers.
    """
    paths = _paths(path)
    if len(paths) == 1 and is_tiff(paths[0]):
        return read_layers if _claims_tiff(paths[0]) else None
    try:
        files = images_in(paths[0]) if len(paths) == 1 else paths
        claimed = (
            len(files) > 1
            and plane_size(files[0]) == plane_size(files[-1])
            and not (is_tiff(files[0]) and _has_planes(files[0]))
        )
    except (InputError, OSError):
        return None
    return read_layers if claimed else None


def read_layers(path: str | list[str]) -> list[LayerData]:
    """Read the first focal stack of a file, a folder, or a list of plane images.

    Parameters
    ----------
    path : str or list of str
        As :func:`get_reader` takes it; several images are put in natural order (z2 before z10).

    Returns
    -------
    list of LayerData
        From `napari_focusstack.io.layer_data.layers_of`; lazy beyond
        `napari_focusstack.io.stack_pixels.EAGER_BYTES`. What :func:`write_layer` wrote has the
        axes that its layer had, and lies where that did ("translate"). Where there are several
        channels, "focusstack" tells which, from 1 ("channel").

    Raises
    ------
    InputError
        If a file is cut short, damaged, or unlike the others.

    Examples
    --------
    >>> import tempfile, tifffile
    >>> path = str(Path(tempfile.mkdtemp()) / "stack.tif")
    >>> tifffile.imwrite(path, np.zeros((5, 32, 48), np.uint16), metadata={"axes": "ZYX"})
    >>> data, meta, layer_type = get_reader(path)(path)[0]
    >>> data.shape, meta["axis_labels"], meta["units"], layer_type
    ((5, 32, 48), ('z', 'y', 'x'), ('pixel', 'pixel', 'pixel'), 'image')
    """
    stacks = find_stacks(_paths(path))
    stack = next((one for one in stacks if one.focus_axis is not None), stacks[0])
    layers = layers_as_written(stack)
    for channel, (_, meta, _) in enumerate(layers if len(layers) > 1 else (), 1):
        meta["metadata"]["focusstack"]["channel"] = channel
    return layers


@_said_past_napari()
def write_layer(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write an image or labels layer as a TIFF with its scale, units, place and record.

    Parameters
    ----------
    path : str
        Ends in .tif or .tiff; .ome.tif makes an OME-TIFF.
    data : array
        Of the layer; of a pyramid, its finest level is written. A lazy array is read plane by
        plane.
    attributes : mapping
        State of the layer: "rgb", "scale", "translate", "units", "axis_labels", and under
        "metadata", "focusstack", "record" the record of how it was made.

    Returns
    -------
    list of str
        The path written.

    Raises
    ------
    OSError
        With the words of `napari_focusstack.io.layer_tiff.write_tiff`; nothing is left behind then.

    Examples
    --------
    >>> import tempfile
    >>> path = str(Path(tempfile.mkdtemp()) / "all_in_focus.tif")
    >>> attributes = {"rgb": False, "scale": [0.65, 0.65], "units": ("um", "um")}
    >>> write_layer(path, np.zeros((32, 48), np.uint16), attributes) == [path]
    True
    """
    data = data[0] if attributes.get("multiscale") else data
    # A writer of single layers is not told their type; only labels have features.
    labels = "features" in attributes
    # few programs open 64 bits
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
    )
    return [path]


@_said_past_napari()
def write_mesh(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write a surface layer where it lies in the world, for other programs.

    Parameters
    ----------
    path : str
        Ends in .obj, which needs a texture and is written with its material and its texture beside
        it; or in .ply, with a colour for each vertex.
    data : tuple of ndarray
        Vertices (V, 3), faces (F, 3), and the value of each vertex.
    attributes : mapping
        State of the layer: "scale", "translate", and "texture" with "texcoords", or "vertex_colors"
        (V, 3 or 4), 0..1; values are grey from 0 to 1 without them.

    Returns
    -------
    list of str
        The paths written.

    Raises
    ------
    OSError
        If the surface is not of three axes, has no texture for an OBJ, or cannot be written as
        `napari_focusstack.io.mesh.write_obj` says; nothing is left behind then.

    Examples
    --------
    >>> import tempfile
    >>> from napari_focusstack.surface import napari_surface, surface_of
    >>> image = np.full((4, 5), 128, np.uint8)
    >>> data, look = napari_surface(surface_of(np.zeros((4, 5), np.float32), image), image)
    >>> path = str(Path(tempfile.mkdtemp()) / "ant.ply")
    >>> write_mesh(path, data, look) == [path]
    True
    """
    from napari_focusstack.io.mesh import write_obj, write_ply
    from napari_focusstack.surface import Surface

    vertices, faces, *values = (np.asarray(part) for part in data)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise InputError(
            f"the surface has vertices of the shape {vertices.shape}; give (V, 3), one time point."
        )
    scale = np.asarray(attributes.get("scale", (1.0,) * 3))
    place = np.asarray(attributes.get("translate", (0.0,) * 3))
    texture, texcoords = attributes.get("texture"), attributes.get("texcoords")
    textured = texture is not None and texcoords is not None
    surface = Surface(
        vertices=(vertices * scale + place).astype(np.float32),
        faces=faces.astype(np.int32),
        colours=_seen_at(texture, texcoords) if textured else _colours(attributes, *values[:1]),
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


def pair_layers() -> list[LayerData]:
    """Return the near and far plane of the demo scene as layer "pair", the truth hidden."""
    from napari_focusstack.io.samples import sample_pair

    near, far, truth = sample_pair()
    return [
        _sample("pair", np.stack([near, far]), rgb=True),
        _sample("truth", truth, rgb=True, visible=False),
    ]


def stack_layers() -> list[LayerData]:
    """Return an RGB stack of eight planes through four opaque layers as layer "stack"."""
    from napari_focusstack.io.sample_stacks import colour_stack

    return [_sample("stack", colour_stack(), rgb=True)]


def microscopy_layers() -> list[LayerData]:
    """Return a noisy 16-bit stack of nine planes, 2 um apart, as layer "microscopy"."""
    from napari_focusstack.io.sample_stacks import PIXEL_UM, Z_STEP_UM, microscopy_stack

    scale = (Z_STEP_UM, PIXEL_UM, PIXEL_UM)
    return [_sample("microscopy", microscopy_stack(), scale=scale, unit="um")]


def _paths(path: str | list[str]) -> list[Path]:
    return [Path(one) for one in ([path] if isinstance(path, str) else path)]


def _greatest(labels: Any) -> int:
    """Return the greatest of labels (..., Y, X), read plane by plane."""
    planes = (np.asarray(labels[index]) for index in np.ndindex(labels.shape[:-2]))
    return max((int(plane.max(initial=0)) for plane in planes), default=0)


def _bytes(colours: Any) -> np.ndarray:
    """Return colours, 0..1 if they are floats, as 8 bits."""
    colours = np.asarray(colours)
    if colours.dtype.kind != "f":
        return colours.astype(np.uint8)
    return (colours.clip(0, 1) * 255).round().astype(np.uint8)


def _seen_at(texture: Any, texcoords: Any) -> np.ndarray:
    """Return the colour (V, 3) or (V,) of a texture at places (V, 2), u right and v up, 0..1."""
    pixels = _bytes(texture)
    height, width = pixels.shape[:2]
    u, v = np.asarray(texcoords).T
    rows, columns = (1 - v) * height, u * width
    found = pixels[rows.astype(int).clip(0, height - 1), columns.astype(int).clip(0, width - 1)]
    return found[:, :3] if found.ndim == 2 else found


def _colours(attributes: Mapping[str, Any], values: np.ndarray | None = None) -> np.ndarray:
    """Return the colour of each vertex as 8 bits, its value as grey where it has none."""
    given = attributes.get("vertex_colors")
    if given is not None:
        return _bytes(given)[:, :3]
    assert values is not None
    low, high = attributes.get("contrast_limits") or (0.0, 1.0)
    return _bytes((values.astype(np.float32) - low) / max(high - low, 1e-12))


def _claims_tiff(path: Path) -> bool:
    try:
        with opened(path) as tiff:
            if _is_stack(tiff):
                return True
            check_end(tiff)
            return note_in(tiff) is not None
    except InputError:
        return True


def _has_planes(path: Path) -> bool:
    with opened(path) as tiff:
        return _is_stack(tiff)


def _is_stack(tiff: TiffFile) -> bool:
    return any(focus_axis(letters(one), one.shape) is not None for one in image_series(tiff))


def _axes(labels: Sequence[str], ndim: int) -> str:
    """Return a letter for each axis: Y and X last, the others by name where they have one."""
    found = ""
    for letter in axis_letters(labels, ndim - 2):
        found += "?" if letter is None or letter in found else letter
    for axis in SPARE_AXES:
        if axis not in found:
            # From the last: depth is the axis nearest to the plane.
            found = axis.join(found.rsplit("?", 1))
    return found + "YX"


def _sample(
    name: str,
    data: np.ndarray,
    *,
    rgb: bool = False,
    scale: Sequence[float] = (),
    unit: str = UNKNOWN,
    visible: bool = True,
) -> LayerData:
    ndim = data.ndim - rgb
    steps = tuple(scale) or (1.0,) * ndim
    meta: dict[str, Any] = {
        "name": name,
        "rgb": rgb,
        "scale": steps,
        "units": (unit,) * ndim,
        "axis_labels": ("z", "y", "x")[-ndim:],
        "visible": visible,
    }
    if ndim == 3:
        about = {"focus_axis": 0, "z_step": steps[0], "unit": unit, "near": "first"}
        meta["metadata"] = {"focusstack": about}
    return data, meta, "image"
