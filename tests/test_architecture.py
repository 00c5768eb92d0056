"""Rules on what may import what."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "napari_focusstack"
CORE = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] != "widgets"
)
GUI = {"napari", "qtpy", "superqt", "PyQt5", "PyQt6", "PySide2", "PySide6"}
HEAVY = ["napari", "qtpy", "scipy", "skimage", "torch"]


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """Yield every absolute module name that the source imports, at any depth."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module


def test_imported_modules_finds_every_form():
    source = """
import napari.layers as nl, os
def f():
    from qtpy.QtCore import Qt
    from . import napari
    importlib.import_module("superqt.utils")
    __import__("PyQt6")
"""
    found = {name.partition(".")[0] for name in imported_modules(ast.parse(source))}
    assert found == {"napari", "os", "qtpy", "superqt", "PyQt6"}


def test_core_has_files():
    assert Path("__init__.py") in CORE


@pytest.mark.parametrize("path", CORE, ids=Path.as_posix)
def test_only_widgets_import_napari_or_qt(path):
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    assert not {name for name in imported_modules(tree) if name.partition(".")[0] in GUI}


def test_importing_the_package_is_light():
    code = f"import sys, napari_focusstack; print(*({set(HEAVY)!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_every_public_name_resolves():
    import napari_focusstack

    names = napari_focusstack.__all__
    assert len(names) == len(set(names)) > 0
    for name in names:
        assert getattr(napari_focusstack, name) is not None
    assert set(names) <= set(dir(napari_focusstack))
