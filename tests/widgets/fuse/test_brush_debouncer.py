"""The image follows once the brush has settled."""

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtWidgets import QWidget

from napari_focusstack.widgets.fuse.brush_debouncer import BrushDebouncer


@pytest.fixture
def settled():
    return []


@pytest.fixture
def brush(qtbot, settled):
    parent = QWidget()
    qtbot.addWidget(parent)
    yield BrushDebouncer(parent, lambda: settled.append(True))
    parent.close()  # it lives until here, and its timer with it


@pytest.fixture
def labels():
    return Labels(np.zeros((8, 8), np.uint8))


def test_several_strokes_are_followed_once(qtbot, brush, settled, labels):
    brush.watch(labels)
    for column in range(4):
        labels.paint((2, column), 1)
    assert settled == []  # not during the strokes
    qtbot.waitUntil(lambda: settled == [True])
    labels.undo()
    qtbot.waitUntil(lambda: settled == [True, True])


def test_only_the_watched_layer_is_followed(qtbot, brush, settled, labels):
    other = Labels(np.zeros((8, 8), np.uint8))
    brush.watch(labels)
    brush.watch(other)
    labels.paint((2, 2), 1)
    assert not brush._timer.isActive()
    other.paint((2, 2), 1)
    assert brush._timer.isActive()
    qtbot.waitUntil(lambda: settled == [True])
    brush.watch(None)
    other.paint((5, 5), 1)
    assert not brush._timer.isActive()


def test_other_changes_can_ask_to_follow_too(qtbot, brush, settled):
    brush.touched(True)
    qtbot.waitUntil(lambda: settled == [True])
