"""Python may end while a worker runs."""

import subprocess
import sys
import warnings

import pytest

from napari_focusstack.widgets.controls.workers import beside_the_gui

CODE = """
import time
from qtpy.QtWidgets import QApplication
from napari_focusstack.widgets.controls.workers import create_worker

app = QApplication([])
create_worker(time.sleep, 0.5, _start_thread=True)
"""


def test_a_script_that_ends_while_a_worker_runs_does_not_abort():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_warned_of_beside_the_gui_is_warned_of_in_its_thread(qtbot):
    with pytest.warns(UserWarning, match="the order is assumed"):
        beside_the_gui(lambda: warnings.warn("the order is assumed", stacklevel=2))


def test_a_thread_that_computes_in_python_soon_gives_way_to_the_gui():
    assert sys.getswitchinterval() <= 0.001
