"""The form of a training: pictures, recipe, first weights, output."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, FileEdit, Label
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QWidget

from napari_focusstack.errors import InputError
from napari_focusstack.training.config import PURPOSES, TrainParameters
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.device_menu import DeviceMenu
from napari_focusstack.widgets.controls.form import field_widget, folded
from napari_focusstack.widgets.controls.wrapping import wrap
from napari_focusstack.widgets.training.run import TrainingRun, checkpoint_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magicgui.widgets import Widget
    from napari.components import ViewerModel


#: Menu entries: where photos come from, and what a training starts from.
FOLDER, FILES, LAYERS = "a folder", "picture files", "selected layers"
FRESH, FILE = "nothing (afresh)", "a file ..."
#: What the dock says of the networks that it does not offer.
OTHERS = (
    "The networks that choose source pixels and weigh what was computed cannot be trained here."
)
#: Fields of the recipe that are always visible; the others are folded away.
MAIN = ("network", "steps", "validate_every", "batch", "learning_rate")


class TrainSettings(QWidget):
    """A row for each value that a :class:`TrainingRun` needs.

    Parameters
    ----------
    viewer : ViewerModel
        Its selected image layers can serve as photos.
    """

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.recipe = {each.name: field_widget(each) for each in fields(TrainParameters)}
        # a function: magicgui goes back to the first list when the parent changes
        self.recipe["network"].choices = lambda _: [
            (f"{purpose.finds} ({name.upper()})", name) for name, purpose in PURPOSES.items()
        ]
        self.recipe["network"].tooltip = "what to train; its weights are chosen under Advanced"
        self.recipe["steps"].label = "steps in all"
        self.device = DeviceMenu()
        self.source = ComboBox(
            label="photos from",
            choices=[FOLDER, FILES, LAYERS],
            tooltip="photos of any kind serve, for scenes are made of them; drop a folder or "
            "pictures on this dock, or select image layers",
        )
        self.folder = _file_edit(
            "folder",
            FileDialogMode.EXISTING_DIRECTORY,
            "holds pictures; or photos/, and optionally shapes/ (grey masks) and cutouts/ (RGBA)",
        )
        self.files = FileEdit(
            label="pictures",
            mode=FileDialogMode.EXISTING_FILES,
            tooltip="pictures, of which parts are cut",
        )
        self.files.choose_btn.text = "..."
        #: What the chosen network is for, to be shown beside the form.
        self.purpose = QLabel()
        wrap(self.purpose)
        self.start = ComboBox(
            label="start from",
            choices=lambda _: self._start_choices(),
            tooltip="weights at the first step; trained weights need fewer steps",
        )
        self.start_file = _file_edit(
            "weights file", FileDialogMode.EXISTING_FILE, "weights that a training wrote"
        )
        self.epochs = Label(label="")
        wrap(self.epochs.native)
        self.epochs.native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.output = _file_edit(
            "write to",
            FileDialogMode.OPTIONAL_FILE,
            "file for the weights; the checkpoint is written beside it",
        )
        self.resume = CheckBox(
            label="",
            text="resume",
            tooltip="continue the training of that file from its checkpoint",
        )
        self._default_output: Path | None = None
        self._checkpoint: tuple[Path, bool] | None = None
        self._lay_out()
        watched = [self.recipe[name] for name in ("network", "steps", "validate_every")]
        for widget in (*watched, self.source, self.files, self.start, self.output):
            widget.changed.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        names, steps, every, batch, rate = (self.recipe[name] for name in MAIN)
        self._rows = QFormLayout(self)
        for widget in (names, self.source, self.folder, self.files, self.start, self.start_file):
            self._add(widget)
        for widget in (steps, every, self.epochs, batch, rate, self.output, self.resume):
            self._add(widget)
        more = QWidget()
        rest = QFormLayout(more)
        for widget in (*self.recipe.values(), self.device):
            if widget.name not in MAIN:
                rest.addRow(QLabel(widget.label), widget.native)
        for layout in (self._rows, rest):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._rows.addRow(folded("More", more))

    def _add(self, widget: Widget) -> None:
        """Add a labelled row."""
        widget.native.setMinimumWidth(80)
        self._rows.addRow(QLabel(widget.label), widget.native)

    @property
    def network(self) -> str:
        """The chosen network."""
        return str(self.recipe["network"].value)

    def refresh(self, *_: object) -> None:
        """Show the rows and values that the present choices need."""
        self.start.reset_choices()
        sentence = PURPOSES[self.network].sentence
        self.purpose.setText(f"{sentence[0].upper()}{sentence[1:]}. {OTHERS}")
        every = max(1, self.recipe["validate_every"].value)
        self.epochs.value = f"{self.recipe['steps'].value / every:.3g} epochs of {every} steps"
        if _path(self.output) in (Path(), self._default_output):
            self._default_output = weights_menu.user_folder() / f"my-{self.network}.safetensors"
            self.output.value = self._default_output
        checkpoint = checkpoint_beside(_path(self.output))
        exists = checkpoint.is_file()
        if (checkpoint, exists) != self._checkpoint:
            self._checkpoint = checkpoint, exists
            self.resume.value = exists
        count = len(self._files())
        self._rows.labelForField(self.files.native).setText(f"{count} pictures")
        for widget, needed in (
            (self.folder, self.source.value == FOLDER),
            (self.files, self.source.value == FILES),
            (self.start_file, self.start.value == FILE),
            (self.resume, exists),
        ):
            widget.native.setVisible(needed)
            self._rows.labelForField(widget.native).setVisible(needed)

    def run(self) -> TrainingRun:
        """Return a training with the settings of the form.

        Raises
        ------
        InputError
            If a value is missing or cannot be used.
        """
        start: str | None = str(self.start.value)
        if start == FRESH:
            start = None
        elif start == FILE:
            start = str(_path(self.start_file))
            weights_menu.add_weights(self.network, start)
        run = TrainingRun(
            TrainParameters(**{name: widget.value for name, widget in self.recipe.items()}),
            self._source(),
            _path(self.output).absolute(),
            start=start,
            device=self.device.value,
            resume=self.resume.value,
        )
        run.check()
        return run

    def take(self, paths: Sequence[Path]) -> None:
        """Choose a folder, or pictures and all pictures of folders, that were dropped.

        Raises
        ------
        InputError
            If there is no picture among them.
        """
        from napari_focusstack.io.reading.image import IMAGE_SUFFIXES, PLAIN_SUFFIXES

        if len(paths) == 1 and paths[0].is_dir():
            self.source.value, self.folder.value = FOLDER, paths[0]
            return
        inside = [sorted(path.iterdir()) if path.is_dir() else [path] for path in paths]
        files = [each for some in inside for each in some]
        pictures = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        if not pictures:
            raise InputError(
                f"{paths[0].name} is no picture; drop {', '.join(PLAIN_SUFFIXES)}, or a folder "
                "of them."
            )
        self.source.value, self.files.value = FILES, tuple(pictures)

    def _source(self) -> Path | list[Path] | list[tuple[Any, bool]]:
        if self.source.value == FOLDER:
            if self.folder.line_edit.value in ("", "."):
                raise InputError("no data folder is chosen; drop one on this dock, or choose one.")
            return _path(self.folder)
        if self.source.value == FILES:
            if not self._files():
                raise InputError("no pictures are chosen; drop some on this dock.")
            return self._files()
        from napari.layers import Image

        chosen = self.viewer.layers.selection
        layers = [each for each in self.viewer.layers if each in chosen and isinstance(each, Image)]
        if not layers:
            raise InputError("no image layer is selected; select some in the layer list.")
        return [(each.data[0] if each.multiscale else each.data, each.rgb) for each in layers]

    def _files(self) -> list[Path]:
        """Return the chosen pictures."""
        return [Path(path) for path in self.files.value if str(path) not in ("", ".")]

    def _start_choices(self) -> list[tuple[str, str]]:
        return [*weights_menu.named_weights(self.network), (FRESH, FRESH), (FILE, FILE)]


def _file_edit(label: str, mode: FileDialogMode, tooltip: str) -> FileEdit:
    edit = FileEdit(label=label, mode=mode, filter="*.safetensors", tooltip=tooltip)
    edit.choose_btn.text = "..."
    return edit


def _path(edit: FileEdit) -> Path:
    """Return the path in an edit, "." where it is empty."""
    return Path(str(edit.value or ""))
