"""Menus and buttons of a narrow dock end in an ellipsis where their text does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QPushButton,
    QStyle,
    QStyleOptionButton,
    QStyleOptionComboBox,
    QStylePainter,
)

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


#: Narrowest menu or button, px: some letters and the ellipsis.
NARROWEST_PX = 44
#: Narrowest dock, px: its labels are readable, and its menus and buttons say enough.
NARROWEST_DOCK_PX = 280
#: Space between the entries of a menu and its edges, px.
PADDING_PX = 8


class _Elider(QObject):
    """Draws the menus and buttons that it watches, as their style does, but never cuts a text."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Draw a widget whose text does not fit."""
        if event is not None and event.type() == QEvent.Type.Paint:
            if isinstance(watched, QComboBox):
                return _draw_menu(watched)
            if isinstance(watched, QPushButton):
                return _draw_button(watched)
        return False


def elide(parent: QWidget) -> None:
    """Let all menus and buttons within a widget shrink, and end in an ellipsis then."""
    elider = _Elider(parent)
    for kind in (QComboBox, QPushButton):
        for widget in parent.findChildren(kind):
            widget.setMinimumWidth(NARROWEST_PX)
            widget.installEventFilter(elider)


def _draw_menu(menu: QComboBox) -> bool:
    """Draw a menu with a shortened text; tell whether that was needed."""
    option = QStyleOptionComboBox()
    menu.initStyleOption(option)
    field = menu.style().subControlRect(
        QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, menu
    )
    text = _elided(menu, option.currentText or "", field.width())
    if text == menu.currentText():
        return False
    entries = menu.view()  # are as wide as they need
    entries.setMinimumWidth(entries.sizeHintForColumn(0) + 2 * PADDING_PX)
    option.currentText = text
    painter = QStylePainter(menu)
    painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
    painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
    return True


def _draw_button(button: QPushButton) -> bool:
    """Draw a button with a shortened text; tell whether that was needed."""
    option = QStyleOptionButton()
    button.initStyleOption(option)
    text = option.text or ""
    around = button.sizeHint().width() - button.fontMetrics().horizontalAdvance(text)
    text = _elided(button, text, button.width() - around)
    if text == button.text():
        return False
    option.text = text
    QStylePainter(button).drawControl(QStyle.ControlElement.CE_PushButton, option)
    return True


def _elided(widget: QWidget, text: str, width_px: int) -> str:
    """Return a text that ends in an ellipsis where it is wider than a number of px."""
    shortened: str = widget.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width_px)
    return shortened
