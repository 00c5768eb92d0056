"""A small plot: lines or dots over two labelled axes, in the colours of any theme."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent


#: Colours of the first series, the second, ...; each is visible on black and on white.
COLOURS = ("#3f8fe0", "#e07b39", "#4aa564", "#b06fd0")
#: A series of more points is thinned for the screen (convention).
MAX_POINTS = 2000


class Curve(QWidget):
    """Lines or dots over two labelled axes.

    Parameters
    ----------
    xlabel, ylabel : str
        Quantity and unit of each axis.
    log_y : bool
        Whether the y axis is logarithmic; it leaves out values that are not positive.
    """

    def __init__(
        self, xlabel: str, ylabel: str, *, log_y: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.xlabel, self.ylabel, self.log_y = xlabel, ylabel, log_y
        #: Points (n, 2) of each series, and whether they are dots.
        self.series: dict[str, tuple[np.ndarray, bool]] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        return QSize(280, 10 * self.fontMetrics().height())

    def set(
        self, name: str, xs: Sequence[float], ys: Sequence[float], *, dots: bool = False
    ) -> None:
        """Show a series, and replace the one of that name.

        Parameters
        ----------
        name : str
            For the legend, which is shown for two series or more.
        xs, ys : sequence of float
            Coordinates; a point that is not finite is left out.
        dots : bool
            Whether dots are drawn instead of a line.
        """
        self.series[name] = np.stack([np.asarray(xs, float), np.asarray(ys, float)], 1), dots
        self.update()

    def clear(self) -> None:
        """Show no series."""
        self.series.clear()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw labels, axes, ticks and series."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.palette().windowText().color())
        line = self.fontMetrics().height()
        area = QRectF(self.rect()).adjusted(3.2 * line, 1.6 * line, -line, -2.6 * line)
        painter.drawPolyline(QPolygonF([area.topLeft(), area.bottomLeft(), area.bottomRight()]))
        painter.drawText(QPointF(2, line), self.ylabel)
        below = QRectF(0, area.bottom() + 1.4 * line, area.right(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, self.xlabel)
        drawn = {name: self._drawn(points) for name, (points, _) in self.series.items()}
        points = np.concatenate([*drawn.values(), np.empty((0, 2))])
        if len(points):
            axes = _Axes(area, points)
            self._draw_ticks(painter, axes, line)
            self._draw_series(painter, axes, drawn, line)

    def _draw_ticks(self, painter: QPainter, axes: _Axes, line: float) -> None:
        for value in ticks(axes.low[0], axes.high[0]):
            (at,) = axes.place(np.array([[value, axes.low[1]]]))
            box = QRectF(at.x() - 3 * line, at.y() + 0.2 * line, 6 * line, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, f"{value:.6g}")
        for value in ticks(axes.low[1], axes.high[1]):
            (at,) = axes.place(np.array([[axes.low[0], value]]))
            box = QRectF(0, at.y() - line / 2, at.x() - 0.3 * line, line)
            shown = f"{10**value if self.log_y else value:.3g}"
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, shown)

    def _draw_series(
        self, painter: QPainter, axes: _Axes, drawn: dict[str, np.ndarray], line: float
    ) -> None:
        right = axes.area.right()
        for index, (name, points) in enumerate(drawn.items()):
            painter.setPen(QPen(QColor(COLOURS[index % len(COLOURS)]), 1.5))
            marks = axes.place(points)
            if self.series[name][1]:
                for mark in marks:
                    painter.drawEllipse(mark, 1.5, 1.5)
            else:
                painter.drawPolyline(QPolygonF(marks))
            if len(drawn) > 1:
                right -= self.fontMetrics().horizontalAdvance(name)
                painter.drawText(QPointF(right, line), name)
                right -= line

    def _drawn(self, points: np.ndarray) -> np.ndarray:
        """Return the points to draw, with the logarithm of y on a logarithmic axis."""
        if self.log_y:
            y = np.log10(np.where(points[:, 1] > 0, points[:, 1], np.nan))
            points = np.stack([points[:, 0], y], 1)
        points = points[np.isfinite(points).all(1)]
        return points[:: -(-len(points) // MAX_POINTS) or 1]


class _Axes:
    """Places points (n, 2) in an area of the screen."""

    def __init__(self, area: QRectF, points: np.ndarray) -> None:
        low, high = points.min(0), points.max(0)
        margin = np.where(high > low, 0, np.maximum(1, abs(high)) / 2)
        self.area, self.low, self.high = area, low - margin, high + margin

    def place(self, points: np.ndarray) -> list[QPointF]:
        """Return the positions of points, px."""
        x, y = ((points - self.low) / (self.high - self.low)).T
        left, bottom = self.area.left(), self.area.bottom()
        columns, rows = left + x * self.area.width(), bottom - y * self.area.height()
        return [QPointF(*at) for at in zip(columns, rows, strict=True)]


def ticks(low: float, high: float) -> list[float]:
    """Return two to six round numbers in a range, in steps of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> ticks(0.7, 12.0)
    [5.0, 10.0]
    """
    step = 10.0 ** math.floor(math.log10(high - low))
    step *= next(part for part in (0.2, 0.5, 1, 2) if (high - low) / (part * step) <= 5)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(number * step) for number in range(first, last + 1)]
