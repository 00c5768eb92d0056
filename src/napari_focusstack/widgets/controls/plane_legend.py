"""A colour bar of planes and depth, from near to far; a click chooses a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtGui import QMouseEvent, QPaintEvent


#: Names of the planes of a pair.
PAIR_NAMES = {1: "foreground", 2: "background"}


class Legend(QWidget):
    """Colours of planes from near to far, with their numbers and depths; the chosen one is framed.

    The planes of a pair are the foreground and the background.
    """

    #: Emitted with the plane that was clicked.
    clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        #: Colour of each plane, counted from 1, the nearest.
        self.colours: dict[int, QColor] = {}
        #: Depth of each plane behind the nearest; empty where it is not known.
        self.depths: dict[int, str] = {}
        self.unit = ""
        self.chosen = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setVisible(False)

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        rows = 3.6 if self.depths else 2.6
        return QSize(280, round(rows * self.fontMetrics().height()))

    def offer(
        self, colours: Mapping[int, Any], depths: Sequence[float] = (), unit: str = ""
    ) -> None:
        """Show the colours (R, G, B, A), 0..1, of planes; hide where there are fewer than two.

        Parameters
        ----------
        colours : mapping
            By plane, counted from 1, the nearest.
        depths : sequence of float
            Distance of each plane behind the nearest.
        unit : str
            Its unit; empty where the distance is not known.
        """
        self.colours = {
            plane: QColor.fromRgbF(*np.asarray(colour, float).tolist())
            for plane, colour in colours.items()
        }
        known = unit and len(colours) > 2
        written = {plane: f"{depth:.4g}" for plane, depth in enumerate(depths, 1)}
        self.depths = written if known else {}
        self.unit = unit
        what = "foreground or background" if len(colours) == 2 else "planes from near to far"
        self.setToolTip(f"{what}; click one to show it and to paint with it")
        self.setVisible(len(colours) > 1)
        self.updateGeometry()
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
        for plane, colour in self.colours.items():
            swatch = QRectF((plane - 1) * wide, 1, wide, 1.2 * line)
            gap = 1 if wide > 6 else 0
            painter.fillRect(swatch.adjusted(0, 0, -gap, 0), colour)
            if plane == self.chosen:
                painter.setPen(QPen(text, 2))
                painter.drawRect(swatch.adjusted(1, 1, -2, -1))
        painter.setPen(text)
        self._write(painter, self.names(), 1.3 * line)
        if self.depths:
            last = {count: f"{self.depths[count]} {self.unit}"}
            self._write(painter, self.depths | last, 2.3 * line)

    def names(self) -> dict[int, str]:
        """Return what is written below each colour: its number, and which end is near."""
        count = len(self.colours)
        if count == 2:
            return PAIR_NAMES
        return {plane: str(plane) for plane in self.colours} | {1: "1 near", count: f"far {count}"}

    def _write(self, painter: QPainter, names: Mapping[int, str], top: float) -> None:
        """Write a row of names below the colours: the first, the last, and what fits between."""
        metrics, count = self.fontMetrics(), max(1, len(self.colours))
        wide, line = self.width() / count, metrics.height()
        taken: list[tuple[float, float]] = []
        for plane in (1, count, *range(2, count)):
            width = metrics.horizontalAdvance(names.get(plane, ""))
            left = min(max(0.0, (plane - 0.5) * wide - width / 2), self.width() - width)
            space = line / 3
            if all(left > end + space or left + width < start - space for start, end in taken):
                taken.append((left, left + width))
                painter.drawText(
                    QRectF(left, top, width + 1, line), Qt.AlignmentFlag.AlignLeft, names[plane]
                )
