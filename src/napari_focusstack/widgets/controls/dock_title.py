"""One title for a dock, whichever way it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QLabel

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


class _Titled(QObject):
    """Names the dock around a widget each time that it is shown: napari may have made it anew."""

    def __init__(self, widget: QWidget, title: str) -> None:
        super().__init__(widget)
        self.title = title
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Name the dock."""
        if event is not None and event.type() == QEvent.Type.Show:
            dock = dock_of(watched)
            if dock is not None:
                dock.setWindowTitle(self.title)
                bar = dock.titleBarWidget()
                for label in [] if bar is None else bar.findChildren(QLabel):
                    label.setText(self.title)
        return False


def title_dock(widget: QWidget, title: str) -> None:
    """Give the dock around a widget a title without the name of the plugin.

    The menu and the console of napari add different names, and a narrow dock would cut them.
    """
    _Titled(widget, title)


def dock_of(widget: QObject | None) -> QDockWidget | None:
    """Return the dock around a widget, if it is docked: napari hands out a proxy of it."""
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parent()
    return widget
