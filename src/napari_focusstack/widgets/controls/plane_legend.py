"""A strip with the colour of each plane's label; a click chooses a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QMouseEvent, QPaintEvent


class Legend(QWidget):
    """Colours of planes from near to far, with a frame around the chosen one."""

    #: Emitted with the plane that was clicked.
    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        #: Colour of each plane, counted from 1, the nearest.
        self.colours: dict[int, QColor] = {}
        self.chosen = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("planes from near to far; click one to show it and to paint with it")
        self.setVisible(False)

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        return QSize(280, round(2.6 * self.fontMetrics().height()))

    def offer(self, colours: Mapping[int, Any]) -> None:
        """Show the colours (R, G, B, A), 0..1, of planes; hide where there are fewer than two."""
        self.colours = {
            plane: QColor.fromRgbF(*np.asarray(colour, float).tolist())
            for plane, colour in colours.items()
        }
        self.setVisible(len(colours) > 1)
        self.update()

    def choose(self, plane: int) -> None:
        """Frame a plane."""
        self.chosen = plane
        self.update()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose the plane under the mouse."""
        if event is not None and self.colours:
            count = len(self.colours)
            at = int(event.position().x() * count / max(1, self.width()))
            self.clicked.emit(min(max(at, 0), count - 1) + 1)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the colours, and below them as many of the numbers as there is room for."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line, count = self.fontMetrics().height(), max(1, len(self.colours))
        wide = self.width() / count
        text = self.palette().windowText().color()
        widest = self.fontMetrics().horizontalAdvance(f"{count} ")
        every = max(1, -(-widest // max(1, int(wide))))
        for plane, colour in self.colours.items():
            swatch = QRectF((plane - 1) * wide, 1, wide, 1.2 * line)
            painter.fillRect(swatch.adjusted(0, 0, -1, 0), colour)
            if plane == self.chosen:
                painter.setPen(QPen(text, 2))
                painter.drawRect(swatch.adjusted(1, 1, -2, -1))
            if (plane - 1) % every == 0:
                painter.setPen(text)
                below = swatch.translated(0, 1.3 * line).adjusted(-line, 0, line, 0)
                painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, str(plane))
