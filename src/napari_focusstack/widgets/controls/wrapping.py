"""Labels that wrap their lines and get the height for it, also within layouts that give none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QLabel

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


class _Height(QObject):
    """Asks for the height that the lines of a label need at its width."""

    def __init__(self, label: QLabel) -> None:
        super().__init__(label)
        #: Text, font and width for which that was asked.
        self._asked: tuple[str, str, int] | None = None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Ask again where the width, the font or the text has changed."""
        kinds = QEvent.Type.Resize, QEvent.Type.Paint
        if event is not None and event.type() in kinds and isinstance(watched, QLabel):
            now = watched.text(), watched.font().key(), watched.width()
            if now != self._asked:
                self._asked = now
                watched.setMinimumHeight(0)  # or it would count for what is needed
                watched.setMinimumHeight(max(0, watched.heightForWidth(now[2])))  # -1 without text
        return False


def wrap(label: QWidget) -> None:
    """Wrap the lines of a label; a section that folds gives it no height of its own accord."""
    assert isinstance(label, QLabel)
    label.setWordWrap(True)
    label.installEventFilter(_Height(label))
