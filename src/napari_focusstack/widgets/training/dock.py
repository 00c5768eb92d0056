"""The *Train focus networks* dock: trains FSB, KEB, DEB or MEB on the user's own pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_focusstack.errors import InputError
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.dock_title import title_dock
from napari_focusstack.widgets.controls.eliding import NARROWEST_DOCK_PX, elide
from napari_focusstack.widgets.controls.form import folded
from napari_focusstack.widgets.controls.line_plot import Curve
from napari_focusstack.widgets.controls.task_bar import TaskBar, was_undocked
from napari_focusstack.widgets.controls.verdict_view import Verdict, VerdictView
from napari_focusstack.widgets.training.scene_grid import Preview, mosaic
from napari_focusstack.widgets.training.settings import TrainSettings

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent

    from napari_focusstack.training.trainer import Examples
    from napari_focusstack.widgets.training.run import Step, TrainingRun


#: Number of scenes in the preview (convention).
SCENES = 3
#: Number of steps over which the loss is smoothed (convention).
SMOOTHING_STEPS = 20
#: Shortest time between two drawings of the loss, s (convention).
REDRAW_S = 0.2


class TrainWidget(QWidget):
    """Trains a network, shows its progress, and offers its weights in the *Fuse focal stack* dock.

    Parameters
    ----------
    napari_viewer : ViewerModel
        Its selected image layers can serve as photos.
    """

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = TrainSettings(napari_viewer)
        title_dock(self, "Train focus networks")
        self.run: TrainingRun | None = None
        self.status, self.figures = QLabel(), QLabel()
        self.figures.setWordWrap(True)
        self.verdict = VerdictView()
        self.curve = Curve("steps", "loss")
        self.preview = Preview()
        self.scatter = Curve("true sigma (px)", "estimated sigma (px)")
        self.start_button = QPushButton("Start")
        self.start_button.setToolTip("train with these settings")
        self.pause_button = QPushButton("Pause")
        self.pause_button.setToolTip("pause the training until pressed again")
        self.pause_button.setCheckable(True)
        self.save_button = QPushButton("Save weights")
        self.save_button.setToolTip(
            "write the averaged weights now; the dock that fuses then offers them"
        )
        self.task = _TrainingBar()
        self.setAcceptDrops(True)
        self._lay_out()
        self.start_button.clicked.connect(self.start)
        self.pause_button.toggled.connect(self._pause)
        self.save_button.clicked.connect(self.save)
        self.task.busy_changed.connect(self._show_busy)
        weights_menu.changed.connect(self.settings.refresh)
        self._forget()
        self._show_busy(False)

    def _lay_out(self) -> None:
        self.folded = folded("Settings", self.settings)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        hint = QLabel("Drop a folder or pictures here, or choose them below.")
        hint.setWordWrap(True)
        hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        hint.setStyleSheet("border: 1px dashed gray; padding: 8px")
        column.addWidget(hint)
        column.addWidget(self.settings.purpose)
        for part in (
            self.folded,
            self.verdict,
            self.curve,
            self.figures,
            self.preview,
            self.scatter,
        ):
            column.addWidget(part)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        buttons = QHBoxLayout()
        for button in (self.start_button, self.pause_button, self.save_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        layout.addLayout(buttons)
        layout.addWidget(self.status)
        layout.addWidget(self.task)
        elide(self)
        self.setMinimumWidth(NARROWEST_DOCK_PX)

    def changeEvent(self, event: QEvent | None) -> None:
        """Stop the training where the dock is closed."""
        if was_undocked(self, event):
            self.task.cancel()
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop the training where the widget is closed as a window."""
        self.task.cancel()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept folders and files while nothing is trained."""
        if event is not None and event.mimeData().hasUrls() and not self.task.busy:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Train with what is dropped."""
        if event is None:
            return
        event.acceptProposedAction()
        try:
            self.settings.take([Path(url.toLocalFile()) for url in event.mimeData().urls()])
            self.task.say("")
        except InputError as error:
            self.task.say(str(error), error=True)

    def start(self) -> None:
        """Begin a training with the settings of the form."""
        try:
            run = self.settings.run()
        except InputError as error:
            self.task.say(str(error), error=True)
            return
        self._forget()
        self.run = self.task.training = run
        self.folded.collapse(animate=False)
        self.task.run(run.steps, self._end, self._show)

    def save(self) -> None:
        """Write the averaged weights; during a training, after the present step."""
        if self.run is None:
            return
        if self.task.busy:
            self.run.save()
            self.task.say("The weights are written after this step.")
            return
        try:
            self.run.write()
            self._announce()
        except InputError as error:
            self.task.say(str(error), error=True)

    def _pause(self, paused: bool) -> None:
        self.pause_button.setText("Resume" if paused else "Pause")
        if self.run is not None:
            self.run.pause(paused)

    def _show_busy(self, busy: bool) -> None:
        self.settings.setEnabled(not busy)
        self.start_button.setEnabled(not busy)
        self.pause_button.setEnabled(busy)
        self.pause_button.setChecked(False)
        self.save_button.setEnabled(self.run is not None and self.run.training is not None)
        self.settings.refresh()
        if not busy and not self.losses:
            self.folded.expand(animate=False)

    def _forget(self) -> None:
        """Clear what is shown of an earlier run."""
        self.losses: list[tuple[int, float, float]] = []
        self._drawn_at = 0.0
        self.curve.clear()
        self.scatter.clear()
        self.figures.clear()
        self.verdict.show_verdict(None)
        self.status.clear()
        for part in (self.curve, self.preview, self.scatter):
            part.hide()

    def _show(self, step: Step) -> None:
        """Show the progress of a run after a step."""
        self.save_button.setEnabled(True)
        if step.saved:
            self._announce()
        if step.problem:
            self.task.say(step.problem, error=True)
        for number, loss in step.history.items():
            self._note(number, loss)
        if step.loss is not None:
            self._note(step.done, step.loss)
            smooth = self.losses[-1][2]
            self.status.setText(f"loss {smooth:.4g}")
        if self.losses and time.monotonic() - self._drawn_at > REDRAW_S:
            self._draw()
        if step.comparison is not None:
            better = step.comparison.outcome != "worse" and step.comparison.held_back > 0
            self.verdict.show_verdict(Verdict(better, step.comparison.sentence))
        if step.scores:
            named = (
                f"{name.replace('_', ' ').replace('iou', 'IoU')} {value:.4f}"
                for name, value in step.scores.items()
            )
            figures = ", ".join(named)
            self.figures.setText(f"validation after step {step.done}: {figures}")
        if step.examples is not None:
            self._show_examples(step.examples)

    def _note(self, number: int, loss: float) -> None:
        """Note the loss of a step, and the mean of it and those before it."""
        smooth = self.losses[-1][2] if self.losses else 0.0
        smooth += (loss - smooth) / min(SMOOTHING_STEPS, len(self.losses) + 1)
        self.losses.append((number, loss, smooth))

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        if self.losses:
            steps, losses, smooth = zip(*self.losses, strict=True)
            self.curve.set("loss", steps, losses)
            self.curve.set("smoothed", steps, smooth)
            self.curve.show()

    def _show_examples(self, examples: Examples) -> None:
        if examples.truth.ndim > 1:
            self.preview.show_pixels(mosaic(examples, SCENES))
            self.preview.show()
            return
        truth, answer = examples.truth.tolist(), examples.answer.tolist()
        ends = [min(truth), max(truth)]
        self.scatter.set("scenes", truth, answer, dots=True)
        self.scatter.set("estimated = true", ends, ends)
        self.scatter.show()

    def _announce(self) -> None:
        """Say that the weights are written, and put them on the lists of weights."""
        assert self.run is not None
        assert self.run.training is not None
        weights_menu.add_weights(self.run.parameters.network, self.run.output)
        self.task.say(f"Written after {self.run.training.step} steps: {self.run.output}")

    def _end(self, _: object) -> None:
        """Say how a run has ended, and where its files are."""
        assert self.run is not None
        assert self.run.training is not None
        self._draw()
        self.status.setText(f"loss {self.losses[-1][2]:.4g}" if self.losses else "")
        step, total = self.run.training.step, self.run.parameters.steps
        if step == total:
            self._announce()
        elif self.run.checkpoint.exists():
            self.task.say(f"Stopped after {step} of {total} steps; to go on: {self.run.checkpoint}")
        else:
            self.task.say("Stopped before the first step; nothing was written.")


class _TrainingBar(TaskBar):
    """A task bar that lets a cancelled training end its step and write its checkpoint."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.training: TrainingRun | None = None
        self.cancel_button.setToolTip("stop after this step; the checkpoint is written")

    def cancel(self, *_: object) -> None:
        """Stop the run after its step, or at once while it still reads pictures."""
        if self.busy and self.training is not None and self.training.training is not None:
            self.training.stop()
            self.say("Stopping after this step; the checkpoint is written.")
        else:
            super().cancel()
