"""One long task at a time beside the GUI: progress, cancel, errors as one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget
from superqt.utils import GeneratorWorker

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class _Worker(GeneratorWorker):
    """Closes its generator in its own thread, so that a task which is left cleans up there."""

    def __init__(self, steps: Generator[Any, None, Any]) -> None:
        def run() -> Generator[Any, None, Any]:
            return (yield from steps)

        super().__init__(run)
        self.steps = steps

    def work(self) -> Any:
        """Run to the end, or to the yield after :meth:`quit`."""
        try:
            result = super().work()
            # superqt drops a RuntimeError as that of a deleted worker; torch raises them too.
            if isinstance(result, RuntimeError) and self.steps.gi_frame is None:
                raise result
            return result
        finally:
            self.steps.close()


def parted(widget: QWidget, event: QEvent | None) -> bool:
    """Tell whether a dock was closed: napari takes the widget out of it and lets it go."""
    moved = event is not None and event.type() == QEvent.Type.ParentChange
    return moved and widget.parent() is None


class TaskBar(QWidget):
    """A progress bar with a Cancel button that runs generators in a thread.

    A task is a generator that yields progress (an object with ``step``, ``done`` and ``total``) and
    returns its result. Cancelling leaves it at once: what it yields or returns afterwards is
    dropped, and its thread ends at the next yield. So it is when the bar is destroyed.
    """

    #: Emitted with True when a task begins and with False when it has ended, however it ended.
    busy_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._worker: _Worker | None = None
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("stop the running step; layers stay as they are")
        self.cancel_button.clicked.connect(self.cancel)
        self.message = QLabel()
        self.message.setWordWrap(True)
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
    ) -> None:
        """Run a task in a thread.

        Parameters
        ----------
        task : callable
            Returns the generator, which runs in the thread, so it must not touch layers.
        done : callable
            Called in the GUI's thread with the generator's result, unless it failed or was
            cancelled. An InputError that it raises is shown.
        progress : callable, optional
            Called in the GUI's thread with each thing the generator yields.
        """
        if self.busy:
            self.say("A step is running; wait for it or cancel it first.", error=True)
            return
        worker = _Worker(task())

        def mine(follow: Callable[..., None]) -> Callable[..., None]:
            # A worker that is left goes on to its next yield; nobody listens any more.
            def heard(*values: Any) -> None:
                if self._worker is worker and not worker.abort_requested:
                    follow(*values)

            return heard

        def returned(result: Any) -> None:
            self._end("")
            try:
                done(result)
            except InputError as error:
                self.say(str(error), error=True)

        def yielded(step: Any) -> None:
            self._show(step)
            if progress is not None:
                progress(step)

        worker.yielded.connect(mine(yielded))
        worker.returned.connect(mine(returned))
        worker.errored.connect(mine(self._fail))
        # Not self.cancel: Qt has forgotten an object's methods by the time it is destroyed.
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
        """Leave the running task, if any."""
        if self._worker is not None:
            self._worker.quit()
            self._end("Cancelled; nothing was changed.")

    def say(self, text: str, *, error: bool = False) -> None:
        """Show a sentence under the bar."""
        self.message.setText(text)
        self.message.setStyleSheet("color: #e0503c" if error else "")
        self.message.setVisible(bool(text))

    def _show(self, step: Any) -> None:
        self.bar.setRange(0, step.total)
        self.bar.setValue(step.done)
        self.bar.setFormat(f"{step.step} {step.done}/{step.total}")

    def _fail(self, error: Exception) -> None:
        self._end("")
        if isinstance(error, InputError):
            self.say(str(error), error=True)
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
