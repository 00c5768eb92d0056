"""*Fuse many...*: files and folders in a table, fused one by one by the engine of the command."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.controls.overall_progress import duration, words
from napari_focusstack.widgets.controls.task_bar import TaskBar
from napari_focusstack.widgets.open_stack import AXIS_TITLES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from qtpy.QtGui import QDragEnterEvent, QDropEvent
    from qtpy.QtWidgets import QWidget

    from napari_focusstack.batch.job import Outcome
    from napari_focusstack.batch.result_files import Output
    from napari_focusstack.parameters import FuseParameters


#: States of a stack that is not fused yet, and of one whose fusion was stopped.
WAITING, STOPPED = "waiting", "stopped"
#: Colours of what went well and of what failed; legible in a light and in a dark theme.
GOOD, BAD = QColor("#2e9e5b"), QColor("#e0503c")
#: Results that can be written beside the image, as the batch names them.
EXTRAS: dict[Output, str] = {"labels": "planes", "depth": "depth map", "confidence": "confidence"}
#: Choices of the axis along which focus changes, which some files do not name.
AXES = {"as each file says": None, **{title: axis for axis, title in AXIS_TITLES.items()}}
#: What is said during a pause.
PAUSED = "paused; press Resume to go on"
#: Interval at which a paused thread checks whether to go on, s (convention).
POLL_S = 0.05


class Stopped(BaseException):
    """Ends a fusion that the user stopped; no error of a stack."""


@dataclass(frozen=True)
class Item(Progress):
    """A stack is done, or has failed."""

    outcome: Outcome | None = None


class FuseMany(QDialog):
    """Fuses many stacks with the settings of the dock.

    Parameters
    ----------
    parameters : callable
        Returns the settings of the dock.
    folder : str
        Where results are to be written, if that is known.
    """

    #: Emitted from the thread with the progress of the stack that is fused.
    progressed = Signal(object)

    def __init__(
        self, parameters: Callable[[], FuseParameters], folder: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Fuse many stacks")
        self.setAcceptDrops(True)
        self.resize(620, 380)
        self._parameters = parameters
        self.folder = Path(folder) if folder else None
        self.sources: list[Path] = []
        self._pause, self._stop = threading.Event(), threading.Event()
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["stack", "state"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        for column in (0, 1):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.hint = QLabel("Drop files or folders here, or add them above.")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.hint.setWordWrap(True)
        QVBoxLayout(self.table.viewport()).addWidget(self.hint)
        self.target = QLabel()
        self.extras = {name: QCheckBox(text) for name, text in EXTRAS.items()}
        for box in self.extras.values():
            box.setToolTip("write this result beside the image of each stack")
        self.axis = QComboBox()
        self.axis.addItems(AXES)
        self.axis.setToolTip("axis along which focus changes, in all files of the list")
        self.resume = QCheckBox("skip what is done")
        self.resume.setChecked(True)
        self.resume.setToolTip("pass over stacks that were fused before and have not changed")
        self.tasks = TaskBar()
        self.tasks.busy_changed.connect(self._enable)
        self.tasks.cancel_button.clicked.connect(self._stopped)
        self.tasks.cancel_button.setToolTip("stop; stacks that are done stay, the others can go on")
        self.progressed.connect(self._follow)
        self._lay_out()
        self._show_target()
        self._enable()

    def _lay_out(self) -> None:
        self.buttons = {
            name: QPushButton(text)
            for name, text in (
                ("files", "Add files\N{HORIZONTAL ELLIPSIS}"),
                ("folder", "Add folder\N{HORIZONTAL ELLIPSIS}"),
                ("remove", "Remove"),
                ("target", "Write to\N{HORIZONTAL ELLIPSIS}"),
                ("start", "Start"),
                ("pause", "Pause"),
            )
        }
        tips = {
            "files": "each file is a stack; all its time points and channels are fused",
            "folder": "a folder with an image for each plane, or with a stack in each file",
            "remove": "take the chosen stacks off the list",
            "target": "folder of the results",
            "start": "fuse the stacks with the settings of the dock",
            "pause": "pause within the stack that is fused, until pressed again",
        }
        for name, button in self.buttons.items():
            button.setToolTip(tips[name])
            button.setAutoDefault(False)
        self.buttons["pause"].setCheckable(True)
        self.buttons["files"].clicked.connect(self._ask_files)
        self.buttons["folder"].clicked.connect(self._ask_folder)
        self.buttons["remove"].clicked.connect(self._remove)
        self.buttons["target"].clicked.connect(self._ask_target)
        self.buttons["start"].clicked.connect(self.start)
        self.buttons["pause"].toggled.connect(self._set_paused)
        layout = QVBoxLayout(self)
        for row in (
            [self.buttons[name] for name in ("files", "folder", "remove")],
            [self.table],
            [self.buttons["target"], self.target],
            [*self.extras.values(), self.resume],
            [QLabel("focus axis"), self.axis],
            [self.buttons[name] for name in ("start", "pause")],
            [self.tasks],
        ):
            line = QHBoxLayout()
            for widget in row:
                line.addWidget(widget, int(widget in (self.table, self.target, self.tasks)))
            if row[0] not in (self.table, self.tasks):
                line.addStretch(1)
            layout.addLayout(line)

    # ---- the list

    def add(self, paths: Sequence[Path]) -> None:
        """Add files, and folders: one of planes is a stack, another holds a stack in each file."""
        from napari_focusstack.plugin.reader import stacks_in

        for path in (stack for each in paths for stack in stacks_in(each)):
            if path in self.sources:
                continue
            self.sources.append(path)
            row = self.table.rowCount()
            self.table.insertRow(row)
            name = QTableWidgetItem(path.name)
            name.setToolTip(str(path))
            self.table.setItem(row, 0, name)
            self.table.setItem(row, 1, QTableWidgetItem(WAITING))
        if self.sources and self.folder is None:
            self.folder = self.sources[0].parent / "fused"
            self._show_target()
        self._enable()

    def state(self, row: int) -> str:
        """Return what the table says of a stack."""
        return str(self.table.item(row, 1).text())

    def _say(self, row: int, text: str, colour: QColor | None = None) -> None:
        item = QTableWidgetItem(text)
        item.setToolTip(text)
        if colour is not None:
            item.setForeground(colour)
        self.table.setItem(row, 1, item)

    def _remove(self) -> None:
        for row in sorted({index.row() for index in self.table.selectedIndexes()}, reverse=True):
            self.table.removeRow(row)
            del self.sources[row]
        self._enable()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept files and folders."""
        if event is not None and event.mimeData().hasUrls() and not self.tasks.busy:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Add what is dropped."""
        if event is not None:
            self.add([Path(url.toLocalFile()) for url in event.mimeData().urls()])

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Stacks", str(self.folder or ""))
        self.add([Path(path) for path in paths])

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of planes or of stacks")
        if path:
            self.add([Path(path)])

    def _ask_target(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of the results", str(self.folder))
        if path:
            self.folder = Path(path)
            self._show_target()

    def _show_target(self) -> None:
        self.target.setText("" if self.folder is None else str(self.folder))
        self.target.setToolTip(self.target.text())

    # ---- the run

    def start(self) -> None:
        """Fuse all stacks of the list."""
        from napari_focusstack.batch.batch import batch

        assert self.folder is not None
        try:
            # the distance between planes is that of each file
            parameters = replace(self._parameters(), z_step=0.0)
        except InputError as error:
            self.tasks.say(str(error), error=True)
            return
        for row in range(len(self.sources)):
            self._say(row, WAITING)
        self._stop.clear()
        sources, folder, resume = [*self.sources], self.folder, self.resume.isChecked()
        save = [name for name, box in self.extras.items() if box.isChecked()]
        axis = AXES[self.axis.currentText()]

        def task() -> Generator[Item, None, None]:
            outcomes = batch(
                sources,
                folder,
                parameters,
                axis=axis,
                save=save,
                resume=resume,
                progress=self._progress,
            )
            with closing(outcomes):  # type: ignore[type-var]
                try:
                    for number, outcome in enumerate(outcomes, 1):
                        yield Item("fusing the stacks", number, len(sources), outcome=outcome)
                except Stopped:
                    return

        self.tasks.run(task, self._end, self._show)

    def _progress(self, step: Progress) -> None:
        """Tell the table of the progress within a stack; called in the thread."""
        while self._pause.is_set() and not self._stop.is_set():
            time.sleep(POLL_S)
        if self._stop.is_set():
            raise Stopped
        self.progressed.emit(step)

    def _current(self) -> int | None:
        """Return the row that is fused now: the first that is not done."""
        ended = ("done", "failed", "skipped")
        rows = range(len(self.sources))
        return next((row for row in rows if not self.state(row).startswith(ended)), None)

    def _follow(self, step: Progress) -> None:
        row = self._current()
        if row is not None and self.tasks.busy:
            percent = 100 * step.done // max(step.total, 1)
            self._say(row, f"{words(step)}, {percent}%")

    def _show(self, item: Item) -> None:
        outcome = item.outcome
        if outcome is None:
            return
        absolute = [source.absolute() for source in self.sources]
        row = absolute.index(outcome.source)
        if outcome.status == "failed":
            # the row names the stack already
            why = outcome.message.removeprefix(f"{outcome.source} ")
            self._say(row, f"failed: {why}", BAD)
        elif outcome.status == "skipped":
            self._say(row, "skipped: it was done before", GOOD)
        else:
            self._say(row, f"done in {duration(outcome.seconds)}", GOOD)

    def _end(self, _: object) -> None:
        """Say how many stacks are fused."""
        states = [self.state(row) for row in range(len(self.sources))]
        fused = sum(state.startswith(("done", "skipped")) for state in states)
        failed = any(state.startswith("failed") for state in states)
        self.tasks.say(f"{fused} of {len(states)} stacks are in {self.folder}", error=failed)

    def _stopped(self) -> None:
        """Stop; what is fused stays."""
        self._stop.set()
        self._end(None)

    def _set_paused(self, paused: bool) -> None:
        self.buttons["pause"].setText("Resume" if paused else "Pause")
        self._pause.set() if paused else self._pause.clear()
        if self.tasks.busy:
            self.tasks.say(PAUSED if paused else "")

    def _enable(self, *_: object) -> None:
        busy = self.tasks.busy
        for name, button in self.buttons.items():
            button.setEnabled(busy if name == "pause" else not busy)
        self.buttons["start"].setEnabled(bool(self.sources) and not busy)
        self.hint.setVisible(not self.sources)
        self.buttons["pause"].setChecked(False)
        row = self._current()
        if not busy and row is not None and self.state(row) != WAITING:
            self._say(row, STOPPED)

    def done(self, result: int) -> None:
        """Stop where the window is closed."""
        self._stop.set()
        self.tasks.cancel()
        super().done(result)
