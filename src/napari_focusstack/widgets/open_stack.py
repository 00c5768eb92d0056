"""The *Open focal stack* dock, for files that name their axes wrongly or not at all."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledRangeSlider

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import SPELLINGS, UNKNOWN
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import IMAGE_SUFFIXES
from napari_focusstack.io.reading.stack_axes import UNNAMED
from napari_focusstack.io.reading.stack_header import StackHeader
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.plugin.layer_data import Choice, choose, layers_of
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.controls.dock_title import title_dock
from napari_focusstack.widgets.controls.eliding import NARROWEST_DOCK_PX, elide
from napari_focusstack.widgets.controls.plane_preview import PlanePreview
from napari_focusstack.widgets.controls.preload import preload_layers
from napari_focusstack.widgets.controls.task_bar import TaskBar
from napari_focusstack.widgets.controls.workers import create_worker
from napari_focusstack.widgets.controls.wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from napari.components import ViewerModel
    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from napari_focusstack.plugin.layer_data import LayerData


#: What is said until a file is chosen.
HINT = "Drop a file or the folder of a focal stack here, or choose it."
#: Units of the z step.
LENGTHS = (UNKNOWN, *(unit for unit in SPELLINGS if unit not in ("ms", "s", "min")))
#: Menu entries of named axes.
AXIS_TITLES = {
    "Z": "Z (depth)",
    "T": "T (time)",
    "C": "C (channel)",
    "S": "S (colours)",
    "X": "X (planes stored last)",
}


class OpenStackWidget(QWidget):
    """Chooses a file or folder and its focus axis, shows a plane, and opens the stack.

    Parameters
    ----------
    napari_viewer : napari.components.ViewerModel
        Gets the layers.
    """

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        title_dock(self, "Open focal stack")
        self._stacks: list[StackHeader] = []
        self.source = QLabel(HINT)
        wrap(self.source)
        self.files_button = QPushButton("Files…")
        self.files_button.setToolTip("a file that holds a stack, or the images of all planes")
        self.files_button.clicked.connect(self._ask_files)
        self.folder_button = QPushButton("Folder…")
        self.folder_button.setToolTip(
            "a folder with one image per plane, sorted by number, or an OME-Zarr"
        )
        self.folder_button.clicked.connect(self._ask_folder)
        self.series, self.focus = QComboBox(), QComboBox()
        self.near, self.channel = QComboBox(), QComboBox()
        _fill(self.near, [("find out", "auto"), ("the first", "first"), ("the last", "last")])
        self.planes = QLabeledRangeSlider(Qt.Orientation.Horizontal)
        self.z_step = QDoubleSpinBox()
        self.z_step.setDecimals(4)
        self.z_step.setRange(0.0001, 1_000_000)
        self.z_step.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self.unit = QComboBox()
        self.unit.addItems(LENGTHS)
        self.preview = PlanePreview()
        self.open_button = QPushButton("Open")
        self.open_button.setToolTip("read the chosen planes and add their layers")
        self.open_button.clicked.connect(self.open)
        self.task = TaskBar()
        self.task.busy_changed.connect(self._enable)
        self.rows, self.chosen = QFormLayout(), QWidget()
        self._lay_out()
        self.setAcceptDrops(True)
        self.series.currentIndexChanged.connect(self._show_series)
        self.focus.currentIndexChanged.connect(self._show_focus)
        self.channel.currentIndexChanged.connect(self._show_preview)
        self.planes.sliderReleased.connect(self._show_preview)
        self._enable()
        self._preloading = create_worker(preload_layers, _start_thread=False, _ignore_errors=True)
        QTimer.singleShot(0, self._preloading.start)  # once the dock is shown

    @property
    def stack(self) -> StackHeader | None:
        """The chosen series, as its file describes it; None before a file is chosen."""
        index = self.series.currentIndex()
        return self._stacks[index] if 0 <= index < len(self._stacks) else None

    @property
    def choice(self) -> Choice:
        """What the user chose for that series."""
        first, last = self.planes.value()
        return Choice(
            focus=self.focus.currentData(),
            near=self.near.currentData(),
            channel=self.channel.currentData(),
            planes=(first - 1, last - 1),
            z_step=self.z_step.value(),
            unit=self.unit.currentText(),
        )

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files and folders while nothing is read."""
        if event is not None and event.mimeData().hasUrls() and not self.task.busy:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Offer what is dropped."""
        if event is not None:
            event.acceptProposedAction()
            self.inspect([url.toLocalFile() for url in event.mimeData().urls()])

    def inspect(self, paths: Sequence[str | Path]) -> None:
        """Read the headers of a file, a folder or the images of a stack, and offer their series."""
        chosen = [Path(path) for path in paths]
        self.task.run(partial(_inspection, chosen), partial(self._show_stacks, chosen))

    def open(self) -> None:
        """Read the chosen planes and add their layers to the viewer."""
        if self.stack is not None:
            made: list[Layer] = []
            self.task.run(
                partial(_reading, self.stack, self.choice),
                lambda _: self._show_opened(made),
                pieces=partial(self._adding, made),
            )

    def _adding(self, made: list[Layer], layers: list[LayerData]) -> Iterator[None]:
        """Make layers and add them to the viewer; the GUI goes on at each yield."""
        # all are made before the first is added, so that an error leaves no layer behind
        made += [Layer.create(*each) for each in layers]
        for layer in made:
            yield
            self._viewer.add_layer(layer)

    def _show_opened(self, made: list[Layer]) -> None:
        # where longer stacks are open, the slider may be past the end of this one
        (first, last), dims = made[0].extent.world[:, 0], self._viewer.dims
        slider = dims.ndim - made[0].ndim
        if not first <= dims.point[slider] <= last:
            dims.set_point(slider, (first + last) / 2)
        names = ", ".join(layer.name for layer in made)
        self.task.say(f"opened {names}: {made[0].data.shape[0]} planes")

    def _ask_files(self) -> None:
        names = " ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)
        paths, _ = QFileDialog.getOpenFileNames(self, "Focal stack", "", f"Images ({names})")
        if paths:
            self.inspect(paths)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of planes")
        if path:
            self.inspect([path])

    def _show_stacks(self, paths: list[Path], stacks: list[StackHeader]) -> None:
        self._stacks = stacks
        stacks[0].warn()  # napari shows warnings
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        self.source.setText(f"{paths[0].name}{more}")
        self.source.setToolTip(str(paths[0]))
        _fill(self.series, [(_title(stack), number) for number, stack in enumerate(stacks)])
        known = [number for number, stack in enumerate(stacks) if stack.focus_axis is not None]
        self.series.setCurrentIndex(known[0] if known else 0)
        self._show_series()

    def _show_series(self, *_: object) -> None:
        stack = self.stack
        if stack is None:
            return
        axes = _axes(stack)
        _fill(self.focus, [(AXIS_TITLES.get(axis, f"{axis} (unnamed)"), axis) for axis in axes])
        if stack.focus_axis is not None:
            self.focus.setCurrentIndex(axes.index(stack.axes[stack.focus_axis]))
        names = [one.name or f"channel {number}" for number, one in enumerate(stack.channels, 1)]
        channels = [("all", None), *((name, number) for number, name in enumerate(names))]
        _fill(self.channel, channels)
        self._show_focus()

    def _show_focus(self, *_: object) -> None:
        stack, axis = self.stack, self.focus.currentData()
        if stack is not None and axis is not None:
            at = stack.axes.index(axis)
            self.planes.setRange(1, stack.shape[at])
            self.planes.setValue((1, stack.shape[at]))
            known = stack.units[at] in LENGTHS
            self.z_step.setValue(stack.scale[at] if known else 1.0)
            self.unit.setCurrentText(stack.units[at] if known else UNKNOWN)
        self._show_preview()
        self._enable()

    def _show_preview(self, *_: object) -> None:
        if self.stack is None or self.focus.currentData() is None:
            self.preview.clear()
        else:
            self.preview.ask(self.stack, self.choice)

    def _enable(self, *_: object) -> None:
        ready = self.stack is not None and self.focus.count() > 0
        self.open_button.setEnabled(ready and not self.task.busy)
        for button in (self.files_button, self.folder_button):
            button.setEnabled(not self.task.busy)
        self.chosen.setVisible(self.stack is not None)
        has_channels = self.stack is not None and bool(self.stack.channels)
        is_asked = has_channels and self.focus.currentData() != "C"
        for widget in (self.channel, self.rows.labelForField(self.channel)):
            widget.setVisible(is_asked)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.files_button)
        buttons.addWidget(self.folder_button)
        for title, widget, tip in (
            ("series", self.series, "which image of the file, with its axes, shape and type"),
            ("focus axis", self.focus, "axis along which focus changes"),
            ("nearest plane", self.near, "which end of the focus axis is nearest to the lens"),
            ("channel", self.channel, "one channel, or all, with a layer for each"),
            ("planes", self.planes, "first and last plane to open"),
            ("z step", self.z_step, "distance between planes"),
            ("unit", self.unit, "of the z step; pixel if it is not known"),
        ):
            widget.setToolTip(tip)
            self.rows.addRow(title, widget)
        shrink = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.series.setSizeAdjustPolicy(shrink)  # its long entries must not widen the dock
        column = QVBoxLayout(self.chosen)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.rows)
        column.addWidget(self.preview)
        column.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.source)
        layout.addLayout(buttons)
        layout.addWidget(self.chosen)
        layout.addWidget(self.task)
        layout.addStretch(1)
        elide(self)
        self.setMinimumWidth(NARROWEST_DOCK_PX)


def _inspection(paths: list[Path]) -> Generator[Progress, None, list[StackHeader]]:
    yield Progress("looking at the files", 0, 1)
    stacks = find_stacks(paths)
    if not any(_axes(stack) for stack in stacks):
        raise InputError(f"{paths[0]} holds one plane only; choose a stack or several planes.")
    return stacks


def _reading(stack: StackHeader, choice: Choice) -> Generator[Progress, None, list[LayerData]]:
    yield Progress("reading the planes", 0, 1)
    chosen, data = choose(stack, pixels(stack), choice)
    layers = layers_of(chosen, data, choice.near)
    if stack.focus_axis is None or choice.focus != stack.axes[stack.focus_axis]:
        for _, meta, _ in layers:
            meta["metadata"]["focusstack"]["file_axis"] = choice.focus
    if stack.channels and choice.focus != "C":
        for channel, (_, meta, _) in enumerate(layers, (choice.channel or 0) + 1):
            meta["metadata"]["focusstack"]["channel"] = channel
    return layers


def _axes(stack: StackHeader) -> str:
    """Return the axes along which focus may change."""
    sizes = zip(stack.axes, stack.shape, strict=True)
    axes = "".join(axis for axis, size in sizes if axis not in "YXS" and size > 1)
    return f"{axes}X" if set(axes) & set(UNNAMED) else axes


def _title(stack: StackHeader) -> str:
    """Return the menu entry of a series: number, axes, shape and type."""
    sizes = " x ".join(str(size) for size in stack.shape)
    return f"{stack.series + 1}: {stack.axes} {sizes} {stack.dtype}"


def _fill(menu: QComboBox, items: Sequence[tuple[str, Any]]) -> None:
    """Replace the entries of a menu without signals."""
    blocked = menu.blockSignals(True)
    menu.clear()
    for title, value in items:
        menu.addItem(title, value)
    menu.blockSignals(blocked)
