"""Griffe extensions: what the API reference shows of docstrings and parameters."""

import ast
import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")


class SphinxRoles(griffe.Extension):
    """Replace Sphinx roles (``:func:`fuse```) by the name that they refer to, as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)


class OptionTexts(griffe.Extension):
    """Take the help text of ``field: type = option(default, text, choices)`` for its docstring."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Set the docstring of a dataclass field, and show its default value alone."""
        call = attr.value
        if not isinstance(call, griffe.ExprCall) or str(call.function) != "option":
            return
        default, text, *_ = call.arguments
        attr.value = default
        if isinstance(text, str):  # and no expression, whose value is not known here
            attr.docstring = griffe.Docstring(ast.literal_eval(text), parent=attr)
