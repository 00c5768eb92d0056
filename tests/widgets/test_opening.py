"""Opening the dock costs what napari has not paid yet, and nothing heavy."""

import os
import subprocess
import sys

#: Libraries that take long to import, or that a viewer without our layers never needs.
HEAVY = {"PIL", "dask", "imagecodecs", "pandas", "scipy", "skimage", "tifffile", "torch"}
CODE = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

app = QApplication([])
viewer = ViewerModel()
before = set(sys.modules)
from napari_focusstack.widgets.{module} import {widget}
dock = {widget}(viewer)
print(*(set(sys.modules) - before))
"""


def imported_by(module, widget):
    """Return the libraries that a fresh napari imports when it opens a widget."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE.format(module=module, widget=widget)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_opening_the_fuse_dock_imports_nothing_heavy():
    assert "napari_focusstack" in (found := imported_by("fuse", "FuseWidget"))
    assert not found & HEAVY


def test_opening_the_open_stack_dock_imports_nothing_heavy():
    assert "napari_focusstack" in (found := imported_by("open_stack", "OpenStackWidget"))
    assert not found & HEAVY
