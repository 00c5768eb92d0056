"""OME-Zarr (OME-NGFF 0.1 to 0.5, Zarr 2 and 3): images, series of an image, fields of a plate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import UNKNOWN, Channel, unit_name
from napari_focusstack.io.reading.formats.reader import Series
from napari_focusstack.provenance import SOFTWARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


NAME = "OME-Zarr"
SUFFIXES: tuple[str, ...] = (".zarr",)
EXTRA = "zarr"
#: Files that identify a folder as a Zarr.
ZARR_FILES = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
#: Axes of OME-NGFF before version 0.3.
EARLY_AXES = ("t", "c", "z", "y", "x")
LETTERS = {"time": "T", "channel": "C"}


def can_read(path: Path) -> bool:
    """Return whether a folder is a Zarr."""
    try:
        return path.is_dir() and any((path / name).is_file() for name in ZARR_FILES)
    except OSError:
        return False


def series(path: Path) -> list[Series]:
    """Return each image at full resolution. Label images inside an image are not among them."""
    zarr = _zarr()
    try:
        group = zarr.open_group(path, mode="r")
    except (ValueError, TypeError, FileNotFoundError) as error:  # an array, not a group
        raise InputError(
            f"{path} is a Zarr array without OME-NGFF metadata; give the group of an OME-Zarr "
            "image."
        ) from error
    found = [_described(group, at, image) for at, image in _images(group, path)]
    if not found:
        raise InputError(f"{path} holds no OME-Zarr image; give the folder of one.")
    return found


def read(path: Path, series: Series, at: Mapping[str, int]) -> np.ndarray:
    """Read one plane. Only its chunks are decoded."""
    zarr = _zarr()
    group = zarr.open_group(path, mode="r")
    place, _, level = series.place.rpartition("/")
    image = group[place] if place else group
    stored = _letters(_metadata(image)["multiscales"][0])
    if series.axes.endswith("S"):
        stored = stored.replace("C", "S")
    index = tuple(slice(None) if axis in "YXS" else at.get(axis, 0) for axis in stored)
    plane = np.asarray(image[level][index])
    kept = [axis for axis in stored if axis in "YXS"]
    return plane.transpose([kept.index(axis) for axis in "YXS" if axis in kept])


def _zarr() -> Any:
    import zarr

    if not hasattr(zarr.Group, "create_array"):
        raise ImportError(f"zarr {zarr.__version__} is older than version 3")
    return zarr


def _metadata(group: Any) -> Mapping[str, Any]:
    """Return the OME metadata of a group; since version 0.5 they have a key of their own."""
    attributes = dict(group.attrs)
    metadata: Mapping[str, Any] = attributes.get("ome", attributes)
    return metadata


def _images(group: Any, root: Path, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the places and groups of all images: of a group, of a plate, or of a collection."""
    metadata = _metadata(group)
    prefix = f"{place}/" if place else ""
    if "multiscales" in metadata:
        yield place, group
    elif "plate" in metadata or "well" in metadata:
        known = metadata["plate"]["wells"] if "plate" in metadata else metadata["well"]["images"]
        for each in known:
            yield from _images(group[each["path"]], root, prefix + each["path"])
    elif not place:
        # bioformats2raw numbers the series of a file: 10 comes after 9.
        names = [path.name for path in root.iterdir() if can_read(path)]
        for name in sorted(names, key=lambda name: (len(name), name)):
            if name != "labels":
                yield from _images(group[name], root, name)


def _described(root: Any, place: str, group: Any) -> Series:
    """Return the series of an image group."""
    metadata = _metadata(group)
    image = metadata["multiscales"][0]
    datasets = sorted(image["datasets"], key=lambda one: -group[one["path"]].size)
    array, axes = group[datasets[0]["path"]], _letters(image)
    if len(axes) != array.ndim or not set("YX") <= set(axes):
        raise InputError(
            f"{root.store_path} has the axes {axes} for shape {array.shape}; give an OME-Zarr "
            "image with y and x."
        )
    note = dict(group.attrs).get(SOFTWARE, {})
    scale = np.ones(len(axes))
    for owner in (image, datasets[0]):
        for transform in owner.get("coordinateTransformations", ()):
            if transform.get("type") == "scale" and "scale" in transform:
                scale = scale * np.asarray(transform["scale"], float)
    units = [unit_name(axis.get("unit")) for axis in _axes(image)]
    known = zip(axes, scale.tolist(), units, strict=True)
    steps = {
        axis: (step, unit)
        for axis, step, unit in known
        if np.isfinite(step) and step > 0 and (step, unit) != (1.0, UNKNOWN)
    }
    sizes = dict(zip(axes, array.shape, strict=True))
    rgb = note.get("axes", "").endswith("S") and "C" in sizes
    leading = [axis for axis in axes if axis not in ("YXC" if rgb else "YX")]
    return Series(
        reader=NAME,
        place=f"{place}/{datasets[0]['path']}" if place else datasets[0]["path"],
        axes="".join(leading) + ("YXS" if rgb else "YX"),
        shape=(
            *(sizes[axis] for axis in (*leading, "Y", "X")),
            *((sizes["C"],) if rgb else ()),
        ),
        dtype=array.dtype.newbyteorder("="),
        steps=steps,
        channels=() if rgb or "C" not in sizes else _channels(metadata, sizes["C"]),
        note={"layer_type": "labels"} if "image-label" in metadata else note,
    )


def _axes(image: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the axes of an image as mappings with a name; version 0.3 has names alone."""
    axes = image.get("axes", EARLY_AXES)
    return [{"name": axis} if isinstance(axis, str) else axis for axis in axes]


def _letters(image: Mapping[str, Any]) -> str:
    """Return a letter per axis as stored; spatial axes are Z, Y, X from the last backwards."""
    axes = _axes(image)
    spatial = [
        number
        for number, axis in enumerate(axes)
        if axis.get("type", "space" if axis["name"].lower() in "zyx" else "") == "space"
    ]
    letters = dict(zip(spatial[::-1], "XYZ", strict=False))
    named = [axis["name"].lower() for axis in axes]
    if {"y", "x"} <= set(named):  # in any order
        letters = {number: named[number].upper() for number in spatial if named[number] in "zyx"}
    for number, axis in enumerate(axes):
        kind = axis.get("type") or {"t": "time", "c": "channel"}.get(axis["name"].lower(), "")
        if number not in letters:
            letter = LETTERS.get(kind, "Z" if number in spatial else "Q")
            letters[number] = letter if letter not in letters.values() else "I"
    return "".join(letters[number] for number in range(len(axes)))


def _channels(metadata: Mapping[str, Any], count: int) -> tuple[Channel, ...]:
    """Return names and colours of the channels, as the viewer settings of the image have them."""
    known = [
        Channel(each.get("label"), _colour(each.get("color")))
        for each in metadata.get("omero", {}).get("channels", ())
    ]
    return tuple((known + [Channel()] * count)[:count])


def _colour(text: str | None) -> tuple[float, float, float] | None:
    """Return red, green and blue, 0 to 1, of six hexadecimal digits."""
    try:
        red, green, blue = bytes.fromhex((text or "").lstrip("#"))[:3]
    except ValueError:
        return None
    return red / 255, green / 255, blue / 255
