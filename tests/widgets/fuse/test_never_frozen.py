"""The GUI goes on while the dock works: what is slow runs in a thread.

A turn of the event loop is measured by the time that the GUI's thread computes in it, so that a
busy machine does not matter.
"""

import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

from napari_focusstack.widgets.controls.preload import preload_fusion

#: Longest turn, s; 0.03 were measured. Of napari it holds the layers, but no window and no canvas.
MOST_S = 0.06
#: Fresh process: a sample is opened before anything has loaded torch, then the dock, then fused.
FIRST_SAMPLE = """
import json, sys
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari.components import ViewerModel
from npe2 import PluginManager
sys.path.insert(0, {here!r})
from test_never_frozen import Pulse
from functools import partial
from napari_focusstack.samples import pair
from napari_focusstack.widgets.fuse.dock import FuseWidget

pair.sample_pair = partial(pair.sample_pair, (96, 128))
PluginManager.instance().discover()
viewer = ViewerModel()
pulse, turns = Pulse(), {{}}
assert "torch" not in sys.modules
viewer.open_sample("napari-focusstack", "pair")
app.processEvents()
turns["the sample"] = pulse.longest
dock = FuseWidget(viewer)
app.processEvents()
pulse.restart()
dock.stack.value = "pair"
dock.buttons["run_all"].click()
while dock.tasks.busy:
    app.processEvents()
app.processEvents()
assert "pair fused" in viewer.layers
turns["the run"] = pulse.longest
print(json.dumps(turns), flush=True)
# Widgets end before the interpreter does: Qt may crash on those that are left to it.
dock.close()
dock.deleteLater()
del dock
app.processEvents()
app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
"""


class Pulse:
    """Measures the longest turn of the event loop by the time that the GUI thread computes."""

    def __init__(self):
        self.longest, self._last = 0.0, time.thread_time()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(0)

    def _beat(self):
        now = time.thread_time()
        self.longest, self._last = max(self.longest, now - self._last), now

    def restart(self):
        self.longest, self._last = 0.0, time.thread_time()


@pytest.fixture
def large(make_focal_stack):
    """A stack of three planes of 2.4 megapixels."""
    planes = np.stack(make_focal_stack(3, 1.0, side=128).planes(grey=True))
    return np.tile(planes, (1, 12, 12))


def test_no_turn_of_the_event_loop_takes_long_from_run_all_to_the_last_layer(
    qtbot, large, open_stack_dock
):
    preload_fusion()  # as the dock does in a thread
    viewer = ViewerModel()
    viewer.add_image(large, name="large", contrast_limits=(0, 255))
    dock = open_stack_dock(viewer)
    dock.with_depth.value = dock.with_diffusion.value = True
    pulse = Pulse()
    qtbot.wait(50)
    pulse.restart()
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=300_000)
    qtbot.wait(50)
    assert "large fused" in viewer.layers
    assert pulse.longest < MOST_S


def test_the_image_follows_strokes_while_the_event_loop_goes_on(qtbot, large, open_stack_dock):
    viewer = ViewerModel()
    viewer.add_image(large, name="large", contrast_limits=(0, 255))
    dock = open_stack_dock(viewer)
    dock.input["register"].value = "off"
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=300_000)
    labels, image = dock.session.labels, dock.session.image
    labels.brush_size = 50
    threads = []
    work = dock.session.canvas.paint

    def painted(*given):
        threads.append(threading.get_ident())
        time.sleep(0.3)  # as in a larger stack
        return work(*given)

    dock.session.canvas.paint = painted
    qtbot.wait(50)
    pulse = Pulse()
    for column in (300, 400, 500, 600):
        before = image.data.copy()
        labels.paint((300, column), 3)
        qtbot.wait(50)
    qtbot.waitUntil(lambda: (image.data != before).any() and not dock.steps.repainter.busy)
    qtbot.wait(50)
    assert pulse.longest < MOST_S
    assert threading.get_ident() not in threads
    assert len(threads) == 2  # the first stroke, and then all that were painted meanwhile
    assert (image.data[300, [300, 400, 500, 600]] == large[2, 300, [300, 400, 500, 600]]).all()


def test_opening_the_first_sample_does_not_stop_the_event_loop(tmp_path):
    here = __file__.rpartition("/")[0]
    code = FIRST_SAMPLE.format(here=here)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    turns = json.loads(done.stdout.splitlines()[-1])
    assert max(turns.values()) < MOST_S, turns
