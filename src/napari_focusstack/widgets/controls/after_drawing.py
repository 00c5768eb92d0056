"""What is done once the GUI has drawn what was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

#: Time in which the GUI begins to draw what was changed, ms.
DRAWN_MS = 20


class AfterDrawing(QObject):
    """Does something after the GUI has drawn what was changed, in a turn of its event loop.

    Qt draws first and then serves its timers, in one turn. A timer that ran out meanwhile would add
    to the time in which the GUI answers nobody, so another one is started.

    Parameters
    ----------
    do : callable
        What is done.
    parent : QObject
        With which it is deleted.
    """

    def __init__(self, do: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._drawing, self._next_turn = QTimer(self), QTimer(self)
        for timer, interval_ms in ((self._drawing, DRAWN_MS), (self._next_turn, 0)):
            timer.setSingleShot(True)
            timer.setInterval(interval_ms)
        self._drawing.timeout.connect(self._next_turn.start)
        self._next_turn.timeout.connect(do)

    def start(self) -> None:
        """Do it soon, and only once where this is called again before."""
        self._next_turn.stop()
        self._drawing.start()

    def stop(self) -> None:
        """Do not do it."""
        self._drawing.stop()
        self._next_turn.stop()
