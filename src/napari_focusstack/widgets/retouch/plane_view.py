"""A second view that shows one plane beside the fused image, with its zoom and its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QTransform
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_focusstack.widgets.session.look import Look

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image
    from qtpy.QtGui import QMouseEvent, QPaintEvent, QWheelEvent


#: Zoom of a step of the mouse wheel: 120 eighths of a degree (convention).
ZOOM_STEP = 1.25
#: Line around the brush, and background of the caption: legible on any picture.
BRUSH_COLOUR, CAPTION_COLOUR = QColor("#ffcc00"), QColor(0, 0, 0, 150)
#: Between the middle of the canvas and of the view, screen px: no more than what a title bar and
#: some sliders make where one stands beside the other.
MOST_ASKEW_PX = 100
#: Length of the arms of the cursor's cross, screen px.
ARM_PX = 6


class PlaneView(QWidget):
    """Shows a plane at the place and zoom of napari's canvas; the wheel and drags move both.

    A circle shows where the brush is in the canvas.

    Parameters
    ----------
    viewer : ViewerModel
        Its camera and cursor are followed.
    """

    #: Emitted with +1 or -1 where the wheel turns while Ctrl is held: the next plane, or the last.
    stepped = Signal(int)

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.plane: np.ndarray | None = None
        self.over: Image | None = None
        self.caption = ""
        self.brush_px = 1.0
        self._dragged: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 120)
        self.setToolTip("wheel: zoom; drag: move; Ctrl and wheel: next plane")
        self._events = (
            viewer.scene.camera.events.center,
            viewer.scene.camera.events.zoom,
            viewer.cursor.events.position,
        )
        for event in self._events:
            event.connect(self._moved)

    def sizeHint(self) -> QSize:
        """Return a size that shows as much as the canvas on a small screen."""
        return QSize(380, 380)

    def leave(self) -> None:
        """Follow the viewer no more."""
        for event in self._events:
            event.disconnect(self._moved)
        self.show_plane(None, None)

    def show_plane(
        self, plane: np.ndarray | None, over: Image | None, caption: str = "", brush_px: float = 1.0
    ) -> None:
        """Show a plane as it would look in napari.

        Parameters
        ----------
        plane : ndarray or None
            Shape (Y, X) or (Y, X, 3); None shows the caption alone.
        over : Image or None
            Layer of the fused image; its place, contrast and colours are used.
        caption : str
            Said in a corner.
        brush_px : float
            Diameter of the brush, px of the plane.
        """
        self.plane, self.over, self.caption, self.brush_px = plane, over, caption, brush_px
        self.update()

    # ---- geometry

    def to_screen(self) -> QTransform:
        """Return the transform from columns and rows of the plane to this widget's px."""
        over = self.over
        assert over is not None
        camera, index = self.viewer.scene.camera, [0.0] * (over.ndim - 2)
        at = self.middle
        middle = np.array([at.y(), at.x()])

        def screen(row: float, column: float) -> np.ndarray:
            world = np.array(over.data_to_world([*index, row, column])[-2:])
            centre = np.array(camera.center[-2:])
            place: np.ndarray = (world - centre) * camera.zoom + middle
            return place

        origin = screen(0, 0)
        down, right = screen(1, 0) - origin, screen(0, 1) - origin
        return QTransform(right[1], right[0], down[1], down[0], origin[1], origin[0])

    @property
    def middle(self) -> QPointF:
        """Where the centre of the camera is shown: as high in the window as in the canvas."""
        middle = QPointF(self.width() / 2, self.height() / 2)
        canvas = self.window().findChild(QOpenGLWidget)
        if canvas is not None:
            centre = canvas.mapTo(self.window(), canvas.rect().center())
            row = self.mapFrom(self.window(), centre).y()
            if abs(row - middle.y()) < MOST_ASKEW_PX:
                middle.setY(row)
        return middle

    @property
    def cursor_at(self) -> QPointF | None:
        """Place of the canvas's cursor, columns and rows of the plane."""
        if self.over is None or not self.viewer.cursor.position:
            return None
        row, column = self.over.world_to_data(self.viewer.cursor.position)[-2:]
        return QPointF(float(column), float(row))

    # ---- events

    def _moved(self, _: Any = None) -> None:
        if self.plane is not None and self.isVisible():
            self.update()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom around the mouse; with Ctrl, step to another plane."""
        if event is None or self.plane is None:
            return
        turns = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.stepped.emit(1 if turns > 0 else -1)
            return
        camera = self.viewer.scene.camera
        at = event.position() - self.middle
        factor = ZOOM_STEP**turns
        self._move_centre(at * (1 / camera.zoom - 1 / (camera.zoom * factor)))
        camera.zoom *= factor

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to move both views."""
        if event is not None:
            self._dragged = event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move both views."""
        if event is not None and self._dragged is not None:
            zoom = self.viewer.scene.camera.zoom
            self._move_centre((self._dragged - event.position()) * (1 / zoom))
            self._dragged = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Leave both views where they are."""
        self._dragged = None

    def _move_centre(self, by: QPointF) -> None:
        """Move the camera, in world units."""
        camera = self.viewer.scene.camera
        *others, row, column = camera.center
        camera.center = (*others, row + by.y(), column + by.x())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the part of the plane that the canvas shows, the brush and the caption."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._background())
        if self.plane is not None and self.over is not None:
            to_screen = self.to_screen()
            back, invertible = to_screen.inverted()
            if invertible:
                self._draw_plane(painter, to_screen, back.mapRect(QRectF(self.rect())))
                self._draw_brush(painter, to_screen)
                painter.resetTransform()
        if self.caption:
            self._draw_caption(painter)

    def _draw_caption(self, painter: QPainter) -> None:
        """Draw the caption in a corner, on as many lines as it needs."""
        wraps = int(Qt.TextFlag.TextWordWrap)
        room = self.rect().adjusted(12, 9, -12, -9)
        lines = painter.fontMetrics().boundingRect(room, wraps, self.caption)
        painter.fillRect(lines.adjusted(-6, -3, 6, 3), CAPTION_COLOUR)
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(lines, wraps, self.caption)

    def _background(self) -> QColor:
        """Return the colour of napari's canvas, which is light in a light theme."""
        from napari.utils.theme import get_theme

        return QColor(get_theme(self.viewer.theme).canvas.as_hex())

    def _draw_plane(self, painter: QPainter, to_screen: QTransform, seen: QRectF) -> None:
        """Draw the rows and columns that are seen, as finely as the screen can show."""
        assert self.plane is not None
        assert self.over is not None
        rows, columns = self.plane.shape[:2]
        # the centre of the first pixel lies at 0
        top, bottom = max(0, int(seen.top())), min(rows, int(seen.bottom()) + 2)
        left, right = max(0, int(seen.left())), min(columns, int(seen.right()) + 2)
        if top >= bottom or left >= right:
            return
        zoom = abs(to_screen.determinant()) ** 0.5
        stride = max(1, int(1 / (zoom * self.devicePixelRatioF())))
        part = np.asarray(self.plane[top:bottom:stride, left:right:stride])
        colours = Look.of(self.over).colours(part)
        height, width = colours.shape[:2]
        image = QImage(colours.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        painter.setTransform(to_screen)
        smooth = zoom < 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(
            QRectF(left - 0.5, top - 0.5, width * stride, height * stride),
            image,
            QRectF(0, 0, width, height),
        )

    def _draw_brush(self, painter: QPainter, to_screen: QTransform) -> None:
        """Draw a cross where the canvas has its cursor, and the brush around it."""
        at = self.cursor_at
        if at is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(BRUSH_COLOUR, 1.5)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setTransform(to_screen)
        painter.drawEllipse(at, self.brush_px / 2, self.brush_px / 2)
        painter.resetTransform()
        middle = to_screen.map(at)
        for arm in (QPointF(ARM_PX, 0), QPointF(0, ARM_PX)):
            painter.drawLine(middle - arm, middle + arm)
