"""The record of a run: read from a layer or a file, or written as a line that repeats the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.reproduce import as_command, as_python, layer_as_python, read_settings
from napari_focusstack.planes.layer_planes import focus_of
from napari_focusstack.widgets.session.label_layer import labels_name
from napari_focusstack.widgets.session.result_layers import moved_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Layer
    from qtpy.QtWidgets import QWidget

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.widgets.session.session import Session


#: Files that hold a record.
RECORD_FILES = "Results and reports (*.tif *.tiff *.png *.json)"
#: Why a copied command lacks the labels.
NO_LABELS = "it leaves out what was painted, for it takes labels of one time point and channel only"
#: What has to be in files before a copied command can run.
SAVE_FIRST = "before you run it, save {}"


def record_of_layer(layer: Layer | None) -> Mapping[str, Any]:
    """Return the record of a layer, or of the file that it came from.

    Raises
    ------
    InputError
        If there is no layer, or no record.
    """
    if layer is None:
        raise InputError("no layer is selected; select one that a fusion made.")
    record: Mapping[str, Any] | None = focus_of(layer).get("record")
    if record is None and layer.source.path:
        record = read_settings(layer.source.path)
    if record is None:
        raise InputError(f"layer {layer.name!r} holds no settings; select one that a fusion made.")
    return record


def ask_record(parent: QWidget) -> tuple[Mapping[str, Any], str] | None:
    """Return the record in a file that the user chooses, and its name; None if none is chosen.

    Raises
    ------
    InputError
        If the file holds no record.
    """
    path, _ = QFileDialog.getOpenFileName(parent, "Settings of a fusion", "", RECORD_FILES)
    return (read_settings(path), Path(path).name) if path else None


def python_of(session: Session, parameters: FuseParameters) -> str:
    """Return Python for napari's console that repeats a run, and adds the image as a layer."""
    source = session.source
    planes = source.expressions(parameters.near)
    is_layer = planes == [layer_as_python(source.name)]  # its metadata have the positions
    positions = None if is_layer else source.positions
    beside = source.beside()
    if session.layers.region is not None:
        beside["translate"] = moved_to(session.layers.region, beside)
    # matrices as lists, which need no import
    plain = {name: list(map(_as_list, each)) for name, each in beside.items()}
    over = ", ".join(f"{name}={value!r}" for name, value in plain.items())
    return "\n".join(
        [
            as_python(parameters, planes, session.painted_labels(), positions),
            f'viewer.add_image(result.image, name="{source.name} fused", {over})',
        ]
    )


def command_of(session: Session, parameters: FuseParameters) -> tuple[str, str]:
    """Return a line for a shell that repeats a run, and a note of what is to be done first, or "".

    It fuses all time points and channels of a file, with the focus of the session's channel.
    """
    source, labels = session.source, None
    painted = session.is_painted
    unsaved = source.without_files()
    if painted and not source.is_one_of_many:
        labels = f"{labels_name(source)}.ome.tif"  # as *Save…* names it
        unsaved[str(session.labels.name)] = labels
    output = f"{source.name} fused.tif"
    line = as_command(
        parameters, source.files(), output, labels, source.channel, source.axis_letter
    )
    saves = " and ".join(f"layer {name!r} as {file!r}" for name, file in unsaved.items())
    notes = [SAVE_FIRST.format(saves)] if saves else []
    if painted and labels is None:
        notes.append(NO_LABELS)
    return line, "; ".join(notes)


def _as_list(value: Any) -> Any:
    """Return the row of a matrix as a list, and all else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value
