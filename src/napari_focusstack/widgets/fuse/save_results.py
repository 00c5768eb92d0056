"""Saves the results of a fusion: all of them into a folder, or one into a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_focusstack.errors import InputError
from napari_focusstack.files import TIFF_SUFFIXES, make_folder
from napari_focusstack.io.writing.jpeg import JPEG_SUFFIXES
from napari_focusstack.planes.layer_planes import focus_of
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.surface.mesh_file import MESH_SUFFIXES, mesh_files

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.widgets.session.label_layer import LabelState
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.tasks import Task


#: File types of the dialog, and the suffix that each appends to a name without one. The first
#: writes a folder.
FOLDER = "All results: a folder of this name (*)"
IMAGE_TYPES = {
    "Fused image: OME-TIFF with scale and record (*.ome.tif *.tif)": ".ome.tif",
    "Fused image: PNG with record (*.png)": ".png",
    "Fused image: JPEG (*.jpg)": ".jpg",
}
SURFACE_TYPES = {
    "Surface: OBJ with texture (*.obj)": ".obj",
    "Surface: PLY with colours (*.ply)": ".ply",
}


@dataclass(frozen=True)
class Item:
    """A file to be written.

    Parameters
    ----------
    path : Path
        Its suffix says the format.
    layer : tuple or None
        Data, attributes and type of a layer, as napari passes them to a writer; None for the
        surface.
    place : tuple of int
        Index of the image in the data, for formats that hold one image.
    """

    path: Path
    layer: tuple[Any, dict[str, Any], str] | None = None
    place: tuple[int, ...] = ()


def ask_items(session: Session, parent: QWidget, folder: str) -> list[Item]:
    """Ask where to save which results; return the files to be written, none if cancelled.

    Parameters
    ----------
    session : Session
        With a fused image.
    parent : QWidget
        Of the dialogs.
    folder : str
        Where the dialog begins.

    Raises
    ------
    InputError
        If nothing is fused yet, or the suffix of the name is of no format.
    """
    types = IMAGE_TYPES | (SURFACE_TYPES if has_surface(session) else {})
    offered = str(Path(folder, session.fused_image().name))
    chosen, kind = QFileDialog.getSaveFileName(
        parent, "Save results", offered, ";;".join([FOLDER, *types])
    )
    if not chosen:
        return []
    typed = Path(chosen)
    path = with_suffix(typed, types.get(kind, ""))
    items = items_in(session, path) if kind == FOLDER else [item_of(session, path)]
    # the dialog has asked about the name as it was typed
    there = [file for item in items for file in files_of(item) if file.is_file() and file != typed]
    if there and not may_replace(parent, there):
        return []
    return items


def with_suffix(path: Path, suffix: str) -> Path:
    """Return a path that ends in a suffix of a format: its own one, or the one that is given.

    Examples
    --------
    >>> with_suffix(Path("ant 0.5 mm"), ".ome.tif").name, with_suffix(Path("ant.PNG"), ".jpg").name
    ('ant 0.5 mm.ome.tif', 'ant.PNG')
    """
    known = (*TIFF_SUFFIXES, ".png", *JPEG_SUFFIXES, *MESH_SUFFIXES)
    is_known = path.suffix.lower() in known or not suffix
    return path if is_known else path.with_name(path.name + suffix)


def items_in(session: Session, folder: Path) -> list[Item]:
    """Return all results as files in a folder; the fused image also as a JPEG to look at."""
    image = session.fused_image()
    items = [_item(session, layer, folder / f"{layer.name}.ome.tif") for layer in session.results()]
    items.append(_item(session, image, folder / f"{image.name}.jpg"))
    if has_surface(session):
        items.append(Item(folder / f"{session.source.name} surface.obj"))
    return items


def item_of(session: Session, path: Path) -> Item:
    """Return one result as a file: the fused image, or the surface where the suffix says so."""
    if path.suffix.lower() in MESH_SUFFIXES:
        return Item(path)
    return _item(session, session.fused_image(), path)


def _item(session: Session, layer: Layer, path: Path) -> Item:
    place = session.layers.index(focus_of(layer).get("shows", "fused"))
    return Item(path, layer.as_layer_data_tuple(), place)


def has_surface(session: Session) -> bool:
    """Return whether there is a depth to be saved as a surface."""
    return session.canvas is not None and session.source.count > 2


def files_of(item: Item) -> Sequence[Path]:
    """Return all files that an item writes."""
    return mesh_files(item.path) if item.layer is None else [item.path]


def may_replace(parent: QWidget, paths: Sequence[Path]) -> bool:
    """Ask whether existing files may be replaced."""
    names = ", ".join(path.name for path in paths)
    answer = QMessageBox.question(parent, "Save results", f"Replace {names} in {paths[0].parent}?")
    return bool(answer == QMessageBox.StandardButton.Yes)


def saving(items: Sequence[Item], session: Session) -> Task:
    """Return the task that writes files one by one, each whole or not at all.

    Its result is their number. It raises InputError if a file cannot be written, or cannot hold the
    pixels.
    """
    canvas, state = session.canvas, session.state
    pixel_size = session.source.beside()["scale"]

    def task() -> Generator[Progress, None, int]:
        for number, item in enumerate(items):
            yield Progress("saving", number, len(items))
            make_folder(item.path.parent)
            if item.layer is None:
                _write_surface(item.path, canvas, state, pixel_size)
            else:
                _write(item)
        return len(items)

    return task


def _write(item: Item) -> None:
    from napari_focusstack.io.writing.image import write_image
    from napari_focusstack.io.writing.jpeg import write_jpeg
    from napari_focusstack.plugin.writer import write_layer

    assert item.layer is not None
    data, attributes, _ = item.layer
    suffix = item.path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        try:
            write_layer(str(item.path), data, attributes)
        except OSError as error:  # so that napari shows it where napari saves
            raise InputError(str(error)) from error
        return
    image = np.asarray(data[item.place])
    record = attributes["metadata"].get("focusstack", {}).get("record")
    if suffix in JPEG_SUFFIXES:
        write_jpeg(item.path, as_displayed(image, attributes["contrast_limits"]), record=record)
    else:
        write_image(item.path, image, record=record)


def as_displayed(image: np.ndarray, limits: Sequence[float]) -> np.ndarray:
    """Return pixels as 8 bits: as they are, or other types stretched between contrast limits."""
    if image.dtype == np.uint8:
        return image
    low, high = limits
    shades = (image.astype(np.float32) - low) / max(high - low, 1e-12)
    return (shades.clip(0, 1) * 255).round().astype(np.uint8)


def _write_surface(
    path: Path, canvas: Canvas | None, state: LabelState, pixel_size: Sequence[float]
) -> None:
    from napari_focusstack.surface.mesh_file import write_mesh
    from napari_focusstack.surface.triangulation import surface_of
    from napari_focusstack.widgets.session.result_pictures import result_of

    if canvas is None:
        raise InputError("there is no depth to be saved as a surface; press Fuse first.")
    result = result_of(canvas, state)
    write_mesh(path, surface_of(result.depth, result.image, pixel_size), result.image)
