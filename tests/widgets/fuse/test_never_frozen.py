"""The GUI goes on while the dock works: what is slow runs in the thread of the fusion."""

import importlib
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QTimer

#: Longest turn, s of the GUI thread's own time, so that a busy machine does not matter. Of 0.22 s
#: that were measured, napari takes most, to add a layer. Estimates take seconds.
MOST_S = 0.4


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
    importlib.import_module("pandas")  # as the dock does in a thread
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
