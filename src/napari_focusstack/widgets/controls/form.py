"""Turn a parameter dataclass into widgets: one row per field, in sections that fold away."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatSpinBox,
    LineEdit,
    SpinBox,
)
from qtpy.QtGui import QIcon
from superqt import QCollapsible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magicgui.widgets.bases import ValueWidget
    from qtpy.QtWidgets import QWidget


#: Signs before the title of a folded section and of an open one.
FOLD_SIGNS = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}\N{BLACK DOWN-POINTING SMALL TRIANGLE}"
#: Distance between the rows of a section, px.
SPACING_PX = 4
#: Largest number that the box of a field takes (convention).
LARGEST_NUMBER = 1_000_000


def field_widget(each: Field) -> ValueWidget:
    """Return the widget for one field: a menu of its choices, or what fits the default's type.

    Parameters
    ----------
    each : dataclasses.Field
        Made by :func:`napari_focusstack.parameters.option`, so that it carries help and choices.
    """
    given: dict[str, Any] = {
        "name": each.name,
        "label": each.name.replace("_", " ").replace(" px", " (px)"),
        "tooltip": each.metadata.get("help", ""),
        "value": None if each.default is MISSING else each.default,
    }
    choices = each.metadata.get("choices")
    if choices:
        return ComboBox(choices=list(choices), **given)
    match each.default:
        case bool():
            return CheckBox(**{**given, "text": given["label"], "label": ""})
        case int():
            return SpinBox(min=0, max=LARGEST_NUMBER, **given)
        case float():
            return number_box(1e-6, max=LARGEST_NUMBER, **given)
        case str():
            return LineEdit(**given)
    return LineEdit(**{**given, "value": ""})


def form(kind: type, names: Sequence[str]) -> Container:
    """Return a container with a row for each named field of a parameter dataclass.

    Parameters
    ----------
    kind : type
        Dataclass, such as :class:`napari_focusstack.parameters.FuseParameters`.
    names : sequence of str
        Names of fields, in the order of the rows.
    """
    known = {each.name: each for each in fields(kind)}
    return Container(widgets=[field_widget(known[name]) for name in names], labels=True)


def values(container: Container) -> dict[str, Any]:
    """Return the values of a form by field name; an empty text is None."""
    return {
        widget.name: widget.value if widget.value != "" else None
        for widget in container
        if hasattr(widget, "value")
    }


def number_box(finest: float, **given: Any) -> FloatSpinBox:
    """Return a box for a number of 0 or more, with the decimals of its finest step."""
    box = FloatSpinBox(min=0, step=finest, **given)
    # the box keeps the decimals, while its steps adapt to the value
    box.step = None
    return box


def folded(title: str, *widgets: QWidget) -> QCollapsible:
    """Return a section that opens on a click."""
    # the icons of QCollapsible are black in every theme; a sign in the text has the text's colour
    section = QCollapsible(expandedIcon=QIcon(), collapsedIcon=QIcon())
    section.setDuration(0)
    section.layout().setContentsMargins(0, 0, 0, 0)
    section.layout().setSpacing(0)
    section.content().layout().setContentsMargins(8, SPACING_PX, 0, SPACING_PX)
    section.content().layout().setSpacing(SPACING_PX)
    for widget in widgets:
        section.addWidget(widget)

    def name(opened: bool) -> None:
        section.setText(f"{FOLD_SIGNS[opened]}  {title}")

    section.toggled.connect(name)
    section.toggleButton().setToolTip("open, or fold away")
    name(False)
    return section
