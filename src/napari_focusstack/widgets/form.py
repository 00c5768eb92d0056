"""Turn a parameter dataclass into widgets: one row per field, its help text as the tooltip."""

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magicgui.widgets.bases import ValueWidget

#: Largest number that a spin box of a field takes.
MOST = 1_000_000


def field_widget(each: Field) -> ValueWidget:
    """Return the widget for one field: a menu where it has choices, else what its default asks for.

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
            return SpinBox(min=0, max=MOST, **given)
        case float():
            # A fine step gives the box its decimals; then steps adapt to the value.
            box = FloatSpinBox(min=0, max=MOST, step=1e-6, **given)
            box.step = None
            return box
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
        Fields, in the order wanted.
    """
    known = {each.name: each for each in fields(kind)}
    return Container(widgets=[field_widget(known[name]) for name in names], labels=True)


def values(container: Container) -> dict[str, Any]:
    """Return what a form says, by field name; an empty text is None."""
    return {
        widget.name: widget.value if widget.value != "" else None
        for widget in container
        if hasattr(widget, "value")
    }
