"""What waits for drawing has a turn of the event loop for itself."""

import time

from qtpy.QtCore import QCoreApplication, QObject, QTimer

from napari_focusstack.widgets.controls.after_drawing import DRAWN_MS, AfterDrawing


def test_a_long_drawing_and_what_waits_for_it_are_two_turns(qtbot):
    turns, done, parent, turn = [], [], QObject(), 0

    def draw():
        time.sleep(3 * DRAWN_MS / 1000)  # so that the time to wait is over
        turns.append(turn)

    after = AfterDrawing(lambda: done.append(turn), parent)
    after.start()
    QTimer.singleShot(0, draw)
    while not done:
        QCoreApplication.processEvents()
        turn += 1
    assert done[0] > turns[0]


def test_what_is_asked_for_twice_is_done_once_and_what_is_stopped_never(qtbot):
    done, parent = [], QObject()
    twice, stopped = (AfterDrawing(lambda name=name: done.append(name), parent) for name in "ab")
    twice.start()
    stopped.start()
    qtbot.wait(DRAWN_MS // 2)
    twice.start()
    stopped.stop()
    qtbot.wait(3 * DRAWN_MS)
    assert done == ["a"]
