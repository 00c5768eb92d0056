"""A small picture of the middle plane of a focal stack, read in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QLabel

from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.plugin.layer_data import choose
from napari_focusstack.widgets.controls.workers import create_worker

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent
    from qtpy.QtWidgets import QWidget

    from napari_focusstack.io.reading.stack_header import StackHeader
    from napari_focusstack.plugin.layer_data import Choice


#: Height of the picture, px (convention).
HEIGHT_PX = 180


class PlanePreview(QLabel):
    """Shows the plane that was requested last; answers to earlier requests are dropped."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT_PX)
        self.setMinimumWidth(1)  # or it could not get narrower than its picture
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._request_id = 0
        self._plane = QPixmap()

    def ask(self, stack: StackHeader, choice: Choice) -> None:
        """Read and show the middle plane of a choice."""
        self._request_id += 1
        worker = create_worker(
            _answer, self._request_id, stack, choice, _start_thread=False, _ignore_errors=True
        )
        # methods, not lambdas: Qt disconnects methods when the widget is deleted
        worker.returned.connect(self._show)
        worker.errored.connect(self._fail)
        worker.start()

    def clear(self) -> None:
        """Show nothing."""
        self._request_id += 1
        super().clear()

    def _show(self, answer: tuple[int, np.ndarray]) -> None:
        request_id, plane = answer
        if request_id != self._request_id:
            return
        height, width = plane.shape[:2]
        image = QImage(plane.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._plane = QPixmap.fromImage(image)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the plane as large as fits."""
        super().resizeEvent(event)
        if not self.pixmap().isNull():
            self._fit()

    def _fit(self) -> None:
        shape = Qt.AspectRatioMode.KeepAspectRatio
        self.setPixmap(self._plane.scaled(self.width(), HEIGHT_PX, shape))

    def _fail(self, _: Exception) -> None:
        # the error message appears when the file is opened
        self.setText("no preview")


def _answer(request_id: int, stack: StackHeader, choice: Choice) -> tuple[int, np.ndarray]:
    """Return the middle plane with the request that it answers."""
    return request_id, middle_plane(stack, choice)


def middle_plane(stack: StackHeader, choice: Choice) -> np.ndarray:
    """Read the middle plane, its contrast stretched to its 0.2nd and 99.8th percentile.

    Parameters
    ----------
    stack : StackHeader
        As read from the file; no other plane is read.
    choice : Choice
        What the user chose; where that is all channels, the first is shown.

    Returns
    -------
    ndarray of uint8, (Y, X, 3)
        Every n-th pixel, so that Y is less than four times :data:`HEIGHT_PX`.
    """
    chosen, data = choose(stack, pixels(stack, eager_bytes=0), choice)
    data = data[len(data) // 2]
    while data.ndim > 2 + chosen.rgb:
        data = data[0]
    stride = max(1, data.shape[0] // (2 * HEIGHT_PX))
    plane = np.asarray(data)[::stride, ::stride].astype(np.float32)
    plane = plane[..., :3] if chosen.rgb else plane[..., None]
    low, high = np.nanpercentile(plane, (0.2, 99.8))
    values = np.nan_to_num((plane - low) / max(high - low, 1e-12)).clip(0, 1) * 255
    return np.broadcast_to(values, (*values.shape[:2], 3)).astype(np.uint8)
