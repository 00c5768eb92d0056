"""What napari builds once is there before its first layers, so that they take no time."""

import subprocess
import sys

CODE = """
import sys, threading, time
import numpy as np
import pint
from napari.components import ViewerModel
from napari_focusstack.widgets.controls import preload

units = pint.get_application_registry()
before = {before}
thread = threading.Thread(target=preload.preload_layers)
thread.start()
thread.join()
assert "torch" not in sys.modules
viewer, began = ViewerModel(), time.thread_time()
viewer.add_image(np.zeros((2, 8, 8)), units=("um",) * 3)
viewer.add_labels(np.zeros((2, 8, 8), int), units=("um",) * 3)
taken = time.thread_time() - began
assert viewer.layers.extent.units[0] == units("um").units
assert before is None or before == units("um").units
assert not preload.FUSION_LOADED.is_set()
print(taken)
"""
#: The first layers take 0.9 s where nothing is loaded.
MOST_S = 0.15


def _first_layers_s(before):
    code = CODE.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_the_first_layers_take_no_time_once_all_is_loaded():
    assert _first_layers_s("None") < MOST_S


def test_units_that_are_in_use_stay_as_they_are():
    assert _first_layers_s('units("um").units') < MOST_S
