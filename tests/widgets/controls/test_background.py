"""Short work beside the GUI."""

import threading

import pytest
from qtpy.QtCore import QObject

from napari_focusstack.widgets.controls.background import Background


@pytest.fixture
def parent(qapp):
    return QObject()


@pytest.fixture
def background(parent):
    return Background(parent)


def test_work_runs_in_another_thread_and_its_result_comes_to_this_one(background, qtbot):
    came, here = [], threading.get_ident
    background.run(here, lambda ended: came.append((ended.result(), here())))
    qtbot.waitUntil(lambda: bool(came))
    worked, told = came[0]
    assert worked != told == here()
    assert not background.busy


def test_what_runs_can_be_waited_for_and_is_handed_on_once(background, qtbot):
    came = []
    background.run(lambda: 1, came.append)
    background.finish()
    assert [each.result() for each in came] == [1]
    qtbot.wait(50)
    assert len(came) == 1


def test_of_what_is_dropped_nothing_is_handed_on(background, qtbot):
    came, go = [], threading.Event()
    background.run(go.wait, came.append)
    background.drop()
    go.set()
    qtbot.wait(50)
    assert came == []
