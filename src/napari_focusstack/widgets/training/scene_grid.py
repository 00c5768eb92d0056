"""Estimates of FSB on validation scenes, as rows of pictures below titles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QImage, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent

    from napari_focusstack.training.trainer import Examples


#: Titles of the columns of :func:`mosaic`.
TITLES = ("near", "far", "true mask", "found mask")
#: Distance between pictures, px.
GAP_PX = 4


class Preview(QWidget):
    """A picture as wide as the widget, below evenly spaced titles.

    Parameters
    ----------
    titles : sequence of str
        From left to right.
    """

    def __init__(self, titles: Sequence[str] = TITLES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.titles = titles
        self.image = QImage()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_pixels(self, pixels: np.ndarray) -> None:
        """Show (Y, X, 4) uint8, RGBA."""
        rows, columns, _ = pixels.shape
        rgba = QImage.Format.Format_RGBA8888
        # a copy, because Qt does not keep the bytes
        self.image = QImage(pixels.tobytes(), columns, rows, 4 * columns, rgba).copy()
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        """Return the height that shows the whole picture."""
        rows, columns = self.image.height(), self.image.width()
        return self.fontMetrics().height() + width * rows // max(1, columns)

    def sizeHint(self) -> QSize:
        """Return a size that fits a dock."""
        return QSize(280, self.heightForWidth(280))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw titles and picture."""
        if self.image.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(self.palette().windowText().color())
        line, part = self.fontMetrics().height(), self.width() / len(self.titles)
        for index, title in enumerate(self.titles):
            box = QRectF(index * part, 0, part, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, title)
        height = self.heightForWidth(self.width()) - line
        painter.drawImage(QRectF(0, line, self.width(), height), self.image)


def mosaic(examples: Examples, count: int) -> np.ndarray:
    """Return the first scenes of a validation of FSB as rows, with the columns of :data:`TITLES`.

    Parameters
    ----------
    examples : Examples
        Scenes, with true and estimated alpha.
    count : int
        Number of rows.

    Returns
    -------
    ndarray, (Y, X, 4) uint8
        RGBA; the gaps are transparent.
    """
    columns = [
        part[:count].float().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
        for part in (examples.near, examples.far, examples.truth, examples.answer)
    ]
    scenes = np.stack(columns, 1).clip(0, 1)
    pixels = np.pad((scenes * 255).round().astype(np.uint8), [(0, 0)] * 4 + [(0, 1)])
    pixels[..., 3] = 255
    gap = [(0, 0), (0, 0), (0, GAP_PX), (0, GAP_PX), (0, 0)]
    rows, pictures, height, width, _ = (padded := np.pad(pixels, gap)).shape
    return padded.swapaxes(1, 2).reshape(rows * height, pictures * width, 4)
