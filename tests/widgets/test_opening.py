"""Opening the dock costs what napari has not paid yet, and nothing heavy."""

import os
import subprocess
import sys

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QSlider

from napari_focusstack.widgets.fuse.dock import FuseWidget
from napari_focusstack.widgets.open_stack import OpenStackWidget
from napari_focusstack.widgets.training.dock import TrainWidget

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
#: Which thread imports a module: that of the GUI, or one beside it.
THREAD = """
import sys, threading
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication

app = QApplication([])
threads = []

class Noting:
    def find_spec(self, module, *_):
        if module.endswith((".dock", ".open_stack")):
            threads.append(threading.current_thread())

sys.meta_path.insert(0, Noting())
manager = PluginManager.instance()
manager.discover()
dock = manager.commands.get("napari-focusstack.{command}")
print(dock.__name__, "main" if threading.main_thread() in threads else "beside", len(threads))
"""
#: What napari imports for its first Labels layer, after the dock has loaded what it needs.
LABELS = """
import sys
import numpy as np
from napari.components import ViewerModel
from napari_focusstack.widgets.controls.device_menu import _devices

_devices()
viewer = ViewerModel()
before = set(sys.modules)
viewer.add_labels(np.zeros((8, 8), int))
print(len(set(sys.modules) - before))
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
    assert "napari_focusstack" in (found := imported_by("fuse.dock", "FuseWidget"))
    assert not found & HEAVY


def test_opening_the_open_stack_dock_imports_nothing_heavy():
    assert "napari_focusstack" in (found := imported_by("open_stack", "OpenStackWidget"))
    assert not found & HEAVY


@pytest.mark.parametrize(
    ("command", "name"),
    [("fuse", "FuseWidget"), ("open", "OpenStackWidget"), ("train", "TrainWidget")],
)
def test_napari_finds_each_dock_and_loads_it_beside_the_gui(command, name):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", THREAD.format(command=command)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.stdout.split()[:2] == [name, "beside"]
    assert int(done.stdout.split()[2]) > 0


def test_the_first_labels_need_no_import_in_the_thread_of_the_gui():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LABELS], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == 0


@pytest.mark.parametrize("kind", [FuseWidget, OpenStackWidget, TrainWidget])
def test_every_control_says_what_it_does(qtbot, kind):
    dock = kind(ViewerModel())
    qtbot.addWidget(dock)
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider)
    controls = [each for kind in kinds for each in dock.findChildren(kind)]
    assert len(controls) > 10
    for control in controls:
        said, widget = control.toolTip(), control
        while not said and widget is not dock:  # Qt asks the widget around it
            widget = widget.parent()
            said = widget.toolTip()
        assert said, (type(control).__name__, control.objectName(), control.parent())
