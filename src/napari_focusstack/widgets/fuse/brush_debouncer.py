"""When to fuse again while labels are painted: once the brush rests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Labels
    from qtpy.QtWidgets import QWidget


#: How long the brush rests before the image follows, ms: strokes come in bursts.
SETTLE_MS = 20


class BrushFollower:
    """Waits until nothing is painted any more.

    Parameters
    ----------
    parent : QWidget
        It waits no longer than that is there.
    rested : callable
        Called once the brush, or what else :meth:`moved` tells of, has come to rest.
    """

    def __init__(self, parent: QWidget, rested: Callable[[], None]) -> None:
        self.labels: Labels | None = None
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(rested)

    def watch(self, labels: Labels | None) -> None:
        """Follow the brush in a Labels layer, and in no other."""
        if labels is self.labels:
            return
        for event in _strokes(self.labels):
            event.disconnect(self.moved)
        for event in _strokes(labels):
            event.connect(self.moved)
        self.labels = labels

    def moved(self, *_: Any) -> None:
        """Wait anew: something was painted, or what keeps the image from following has changed."""
        self._timer.start()


def _strokes(labels: Labels | None) -> tuple[Any, ...]:
    """Return the events of what a brush, an eraser or undo does."""
    if labels is None:
        return ()
    return labels.events.labels_update, labels.events.set_data, labels.events.paint
