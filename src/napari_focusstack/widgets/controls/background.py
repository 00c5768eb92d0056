"""One short piece of work at a time beside the GUI, without a progress bar."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Callable


class Background(QObject):
    """Runs a function in a thread, and hands on its result in the GUI's thread.

    Parameters
    ----------
    parent : QObject
        With which it is deleted.
    """

    _ended = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._threads = ThreadPoolExecutor(1, "background")
        self._running: Future[Any] | None = None
        self._done: Callable[[Future[Any]], None] = lambda _: None
        self._ended.connect(self._hand_on)

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._running is not None

    def run(self, work: Callable[[], Any], done: Callable[[Future[Any]], None]) -> None:
        """Run a function, after what runs now; then call `done` with what came of it."""
        self.finish()
        self._done = done
        self._running = self._threads.submit(work)
        self._running.add_done_callback(self._tell)

    def finish(self) -> None:
        """Wait for what runs, and hand on its result at once."""
        if self._running is not None:
            wait([self._running])
            self._hand_on(self._running)

    def drop(self) -> None:
        """Hand on nothing of what runs."""
        self._running = None

    def _tell(self, ended: Future[Any]) -> None:
        with suppress(RuntimeError):  # Qt has deleted this object meanwhile
            self._ended.emit(ended)

    def _hand_on(self, ended: Future[Any]) -> None:
        if ended is self._running:
            self._running = None
            self._done(ended)
