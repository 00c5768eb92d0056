"""Tells when the brush has settled, so that the image is fused again once for several strokes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_focusstack.widgets.session.brush_strokes import strokes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels
    from qtpy.QtWidgets import QWidget


#: Time without a stroke after which the image follows, ms (convention: about one screen frame).
SETTLE_MS = 20


class BrushDebouncer:
    """Waits until nothing has been painted for some milliseconds.

    Parameters
    ----------
    parent : QWidget
        Widget with which the timer is deleted.
    settled : callable
        Called without arguments once :meth:`touched` has not been called for some milliseconds.
    """

    def __init__(self, parent: QWidget, settled: Callable[[], None]) -> None:
        self.labels: Labels | None = None
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(settled)

    def watch(self, labels: Labels | None) -> None:
        """Follow the brush in this Labels layer only; None follows none."""
        if labels is self.labels:
            return
        if self.labels is not None:
            strokes_of(self.labels).off_stroke(self.touched)
        if labels is not None:
            strokes_of(labels).on_stroke(self.touched)
        for event in _strokes(self.labels):
            event.disconnect(self.touched)
        for event in _strokes(labels):
            event.connect(self.touched)
        self.labels = labels

    def touched(self, *_: Any) -> None:
        """Start waiting again: labels were painted, or the image may follow from now on."""
        self._timer.start()


def _strokes(labels: Labels | None) -> tuple[Any, ...]:
    """Return the events that the brush, the eraser and undo emit."""
    if labels is None:
        return ()
    return labels.events.labels_update, labels.events.set_data, labels.events.paint
