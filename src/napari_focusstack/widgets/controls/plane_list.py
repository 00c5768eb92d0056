"""The planes of a stack as pictures with tick boxes, and how sharp each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    from qtpy.QtCore import QModelIndex
    from qtpy.QtGui import QKeyEvent, QMouseEvent
    from qtpy.QtWidgets import QWidget


#: Size of a picture and of its tick box, the height of the bar that shows its sharpness, and the
#: gap around each, px.
PICTURE_PX, BOX_PX, BAR_PX, GAP_PX = 64, 15, 5, 3
#: Rows that are visible; the others are scrolled.
ROWS = 2
#: Opacity of planes that are not used.
FAINT = 0.3
#: Colour of ticks and of sharpness; it is readable in dark and light themes.
COLOUR = QColor("#3f9bd8")
_PICTURE, _SHARPNESS = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class PlaneList(QListWidget):
    """Pictures of planes in the order of the slider; those that are used are ticked.

    A click on a box ticks it, with Shift all from the box that was clicked before; the space bar
    ticks, too. A click on a picture asks for that plane to be shown.
    """

    #: Emitted with the numbers of the planes that are ticked, when the user ticks one.
    ticked = Signal(list)
    #: Emitted with the plane whose picture was clicked.
    clicked_plane = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._used: set[int] = set()
        self._framed = 0
        self._last = 0
        self.sharpest = 0.0
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setMovement(QListWidget.Movement.Static)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(_Cell(self))
        self.setToolTip(
            "tick the planes that are used (with Shift a range); click a picture to show its "
            "plane; the bars show how sharp planes are"
        )
        self.setFixedHeight(ROWS * self.cell.height() + 2 * self.frameWidth())

    @property
    def cell(self) -> QSize:
        """Size of a picture with its number and its bar."""
        line = self.fontMetrics().height()
        return QSize(PICTURE_PX + 2 * GAP_PX, PICTURE_PX + line + BAR_PX + 3 * GAP_PX)

    def offer(self, count: int) -> None:
        """List the planes of another stack, without pictures, all of them used."""
        self.clear()
        self.sharpest, self._last = 0.0, 0
        self._used = set(range(1, count + 1))
        for number in range(1, count + 1):
            QListWidgetItem(str(number), self)

    def choose(self, used: Collection[int]) -> None:
        """Tick the planes that are used, and no others."""
        self._used = set(used)
        self.viewport().update()

    def frame(self, number: int) -> None:
        """Frame the plane that is shown."""
        self._framed = number
        self.viewport().update()

    def show_picture(self, number: int, pixels: np.ndarray, sharpness: float) -> None:
        """Show a plane: pixels (Y, X, 3) uint8, and its sharpness."""
        item = self.item(number - 1)
        if item is None:
            return
        height, width, _ = pixels.shape
        image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        keep, smooth = (
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        ratio = self.devicePixelRatioF()
        side = round(PICTURE_PX * ratio)
        picture = QPixmap.fromImage(image).scaled(side, side, keep, smooth)
        picture.setDevicePixelRatio(ratio)
        item.setData(_PICTURE, picture)
        item.setData(_SHARPNESS, sharpness)
        self.sharpest = max(self.sharpest, sharpness)
        self.viewport().update()

    def is_used(self, number: int) -> bool:
        """Whether a plane is ticked."""
        return number in self._used

    def is_framed(self, number: int) -> bool:
        """Whether a plane is the one that is shown."""
        return number == self._framed

    def sharpness(self, number: int) -> float | None:
        """Sharpness of a plane in that of the sharpest, 0..1; None where it is not known yet."""
        value = self.item(number - 1).data(_SHARPNESS)
        return None if value is None else float(value) / (self.sharpest or 1.0)

    def box(self, number: int) -> QRect:
        """Return the tick box of a plane."""
        cell = self.visualItemRect(self.item(number - 1))
        return QRect(cell.left() + GAP_PX + 2, cell.top() + GAP_PX + 2, BOX_PX, BOX_PX)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Tick a box, or ask for a plane."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position().toPoint()
        item = self.itemAt(at)
        if item is None:
            return
        self.setCurrentItem(item)
        number = self.row(item) + 1
        around = self.box(number).adjusted(-4, -4, 4, 4)
        if around.contains(at):
            self._tick(number, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            self.clicked_plane.emit(number)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Tick the current plane with the space bar."""
        if event is not None and event.key() == Qt.Key.Key_Space and self.currentRow() >= 0:
            self._tick(self.currentRow() + 1, to_last=False)
        elif event is not None:
            super().keyPressEvent(event)

    def _tick(self, number: int, to_last: bool) -> None:
        """Tick a plane, or take its tick away; with all others up to the last one clicked."""
        ends = sorted((number, self._last or number)) if to_last else (number, number)
        changed = set(range(ends[0], ends[1] + 1))
        used = self._used - changed if number in self._used else self._used | changed
        self._last = number
        if used:  # of no plane nothing can be made
            self.choose(used)
            self.ticked.emit(sorted(used))


class _Cell(QStyledItemDelegate):
    """Draws a plane: its picture with a tick box, its number, and a bar for its sharpness."""

    def __init__(self, planes: PlaneList) -> None:
        super().__init__(planes)
        self._planes = planes

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of all cells."""
        return self._planes.cell

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw a plane."""
        if painter is None:
            return
        planes, number = self._planes, index.row() + 1
        used, sharpness = planes.is_used(number), planes.sharpness(number)
        text = planes.palette().windowText().color()
        cell = QRectF(option.rect).adjusted(GAP_PX, GAP_PX, -GAP_PX, -GAP_PX)
        frame = QRectF(cell.left(), cell.top(), PICTURE_PX, PICTURE_PX)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if used else FAINT)
        picture = index.data(_PICTURE)
        if picture is None:
            painter.fillRect(frame, QColor(128, 128, 128, 60))
        else:
            size = picture.deviceIndependentSize()
            corner = frame.center() - QPointF(size.width() / 2, size.height() / 2)
            painter.drawPixmap(corner, picture)
        line = QRectF(frame.left(), frame.bottom() + 1, frame.width(), option.fontMetrics.height())
        painter.setPen(text)
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, str(number))
        if sharpness is not None:
            bar = QRectF(frame.left(), line.bottom(), frame.width(), BAR_PX)
            painter.fillRect(bar, QColor(128, 128, 128, 80))
            bar.setWidth(sharpness * bar.width())
            painter.fillRect(bar, COLOUR)
        painter.setOpacity(1.0)
        if planes.is_framed(number):
            painter.setPen(QPen(text, 2))
            painter.drawRect(frame.adjusted(-1, -1, 1, 1))
        _draw_box(painter, QRectF(planes.box(number)), used)
        painter.restore()


def _draw_box(painter: QPainter, box: QRectF, is_ticked: bool) -> None:
    """Draw a tick box that is visible on any picture."""
    painter.setPen(QPen(QColor("white"), 1.5))
    painter.setBrush(COLOUR if is_ticked else QColor(0, 0, 0, 150))
    painter.drawRoundedRect(box, 3, 3)
    if is_ticked:
        painter.setPen(QPen(QColor("white"), 2))
        ends = [QPointF(0.22, 0.52), QPointF(0.43, 0.73), QPointF(0.8, 0.28)]
        painter.drawPolyline(QPolygonF([box.topLeft() + end * box.width() for end in ends]))
