"""Python may end while a worker runs."""

import subprocess
import sys

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
