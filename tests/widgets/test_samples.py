"""Samples are rendered in a thread, so that napari's window goes on to be drawn."""

import threading
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager
from qtpy.QtCore import QTimer

from napari_focusstack.errors import InputError
from napari_focusstack.plugin import samples as rendered
from napari_focusstack.widgets import samples
from napari_focusstack.widgets.controls import workers


def test_the_event_loop_goes_on_while_a_sample_is_rendered(qtbot, monkeypatch):
    threads, beats = [], []

    def slow():
        threads.append(threading.current_thread())
        time.sleep(0.2)
        return [(np.ones((4, 4)), {"name": "slow"}, "image")]

    monkeypatch.setattr(rendered, "pair_layers", slow)
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.monotonic()))
    timer.start(10)
    ((_, meta, _),) = samples.pair_layers()
    assert meta["name"] == "slow"
    assert threads[0] is not threading.main_thread()
    assert len(beats) > 5


def test_what_goes_wrong_in_the_thread_is_raised(qtbot, monkeypatch):
    def fail():
        raise InputError("no room for it; free some.")

    monkeypatch.setattr(rendered, "stack_layers", fail)
    with pytest.raises(InputError, match="no room"):
        samples.stack_layers()


def test_without_a_gui_samples_are_rendered_at_once(monkeypatch):
    monkeypatch.setattr(workers.QApplication, "instance", lambda: None)
    PluginManager.instance().discover()
    (layer,) = ViewerModel().open_sample("napari-focusstack", "microscopy")
    np.testing.assert_array_equal(layer.data, rendered.microscopy_layers()[0][0])
