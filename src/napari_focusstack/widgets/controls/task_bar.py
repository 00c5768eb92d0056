"""One long task at a time in a thread: progress, cancelling, errors as one sentence."""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_focusstack.errors import InputError
from napari_focusstack.widgets.controls.after_drawing import AfterDrawing
from napari_focusstack.widgets.controls.overall_progress import OverallProgress, duration, words
from napari_focusstack.widgets.controls.workers import GeneratorWorker
from napari_focusstack.widgets.controls.wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


#: Steps of the bar.
BAR_STEPS = 1000


class _Worker(GeneratorWorker):
    """Closes its generator in the worker's thread, so that a cancelled task cleans up there."""

    def __init__(self, steps: Generator[Any, None, Any]) -> None:
        def run() -> Generator[Any, None, Any]:
            return (yield from steps)

        super().__init__(run)
        self.steps = steps

    def work(self) -> Any:
        """Run to the end, or to the yield after :meth:`quit`."""
        try:
            result = super().work()
            # superqt drops RuntimeErrors, which deleted workers raise; torch raises them too
            if isinstance(result, RuntimeError) and self.steps.gi_frame is None:
                raise result
            return result
        finally:
            self.steps.close()


def was_undocked(widget: QWidget, event: QEvent | None) -> bool:
    """Tell whether a dock was closed: napari then takes the widget out of it."""
    new_parent = event is not None and event.type() == QEvent.Type.ParentChange
    return new_parent and widget.parent() is None


class TaskBar(QWidget):
    """A progress bar with a Cancel button that runs generators in a thread.

    A task is a generator that yields :class:`~napari_focusstack.runtime.progress.Progress` and
    returns its result. The bar shows how much of the whole task is done, and how long it will take,
    as the steps say themselves (``seconds_left``) or as it was for those that are done.
    After cancelling, whatever it yields or returns is dropped, and its thread
    ends at the next yield. The same happens when the bar is destroyed.
    """

    #: Emitted with True when a task begins, and with False when it has ended for any reason.
    busy_changed = Signal(bool)
    #: Emitted with the InputError of a task after its sentence was shown.
    refused = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worker: _Worker | None = None
        #: What is done next.
        self._then: Callable[[], None] = lambda: None
        #: Between pieces of a result.
        self._pause = AfterDrawing(lambda: self._then(), self)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        # the button is never cut for the bar
        self.bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("stop the running step; layers stay as they are")
        self.cancel_button.clicked.connect(self.cancel)
        self.message = QLabel()
        wrap(self.message)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.message)
        self._show_idle("")

    @property
    def busy(self) -> bool:
        """Whether a task runs."""
        return self._worker is not None

    def run(
        self,
        task: Callable[[], Generator[Any, None, Any]],
        done: Callable[[Any], None],
        progress: Callable[[Any], None] | None = None,
        *,
        kind: str = "",
        pieces: Callable[[Any], Iterator[None]] | None = None,
    ) -> None:
        """Run a task in a thread.

        Parameters
        ----------
        task : callable
            Returns the generator. It runs in the thread, so it must not change layers.
        done : callable
            Called in the GUI's thread with the generator's result, unless that failed or was
            cancelled. If it raises InputError, the sentence is shown.
        progress : callable, optional
            Called in the GUI's thread with each value that the generator yields.
        kind : str
            Tasks of one kind take similar times for their steps, so the bar learns from them.
        pieces : callable, optional
            Called with the result before `done`; it shows the result piece by piece, and the GUI
            goes on between the pieces.
        """
        if self.busy:
            self.say("A step is running; wait for it or cancel it first.", error=True)
            return
        worker = _Worker(task())
        self._overall = OverallProgress(kind, monotonic())
        self._step = ""

        def while_current(slot: Callable[..., None]) -> Callable[..., None]:
            # a cancelled worker goes on to its next yield, and its signals are ignored
            def guarded(*values: Any) -> None:
                if self._worker is worker and not worker.abort_requested:
                    slot(*values)

            return guarded

        def returned(result: Any) -> None:
            self._overall.finish(monotonic())
            if pieces is None:
                finish(result)
            else:
                show_next(pieces(result), result)

        def show_next(rest: Iterator[None], result: Any) -> None:
            if self._worker is not worker:  # cancelled, or the bar shows another task
                return
            try:
                next(rest)
            except StopIteration:
                finish(result)
            except InputError as error:
                self._end("")
                self.say(str(error), error=True)
            except Exception as error:
                self._fail(error)
            else:
                self._then = partial(show_next, rest, result)
                self._pause.start()

        def finish(result: Any) -> None:
            self._end("")
            try:
                done(result)
            except InputError as error:
                self.say(str(error), error=True)

        def yielded(step: Any) -> None:
            self._show(step)
            if progress is not None:
                progress(step)

        worker.yielded.connect(while_current(yielded))
        worker.returned.connect(while_current(returned))
        worker.errored.connect(while_current(self._fail))
        # not self.cancel: an object's methods are disconnected before it is destroyed
        self.destroyed.connect(worker.quit)
        self._worker = worker
        self.bar.setRange(0, 0)
        self.bar.setFormat("")
        self.bar.setVisible(True)
        self.cancel_button.setVisible(True)
        self.say("")
        self.busy_changed.emit(True)
        worker.start()

    def cancel(self, *_: object) -> None:
        """Cancel the running task, if any."""
        if self._worker is not None:
            self._worker.quit()
            self._end("Cancelled; nothing was changed.")

    def say(self, text: str, *, error: bool = False) -> None:
        """Show a sentence under the bar."""
        self.message.setText(text)
        self.message.setStyleSheet("color: #e0503c" if error else "")
        self.message.setVisible(bool(text))

    def _show(self, step: Any) -> None:
        now = monotonic()
        fraction = self._overall.follow(step, now)
        left = self._overall.seconds_left(now) if step.seconds_left is None else step.seconds_left
        self.bar.setRange(0, BAR_STEPS)
        self.bar.setValue(round(fraction * BAR_STEPS))
        self.bar.setFormat("%p%" if left is None else f"%p%, {duration(left)} left")
        if words(step) != self._step:  # or what was said meanwhile would not be read
            self._step = words(step)
            self.say(self._step)

    def _fail(self, error: Exception) -> None:
        self._end("")
        if isinstance(error, InputError):
            self.say(str(error), error=True)
            self.refused.emit(error)
            return
        self.say(f"{type(error).__name__}: {error}", error=True)
        raise error

    def _end(self, text: str) -> None:
        self._worker = None
        self._show_idle(text)
        self.busy_changed.emit(False)

    def _show_idle(self, text: str) -> None:
        self.bar.setVisible(False)
        self.cancel_button.setVisible(False)
        self.say(text)
