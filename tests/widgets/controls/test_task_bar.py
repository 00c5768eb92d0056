"""A long task beside the GUI: what is shown of it, and how it ends."""

import threading
import time
from time import monotonic

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QThreadPool, QTimer
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.controls.overall_progress import OverallProgress
from napari_focusstack.widgets.controls.task_bar import TaskBar, was_undocked

WAIT_MS = 10_000


@pytest.fixture
def bar(qtbot):
    bar = TaskBar()
    qtbot.addWidget(bar)
    bar.show()
    return bar


@pytest.fixture
def heard(bar):
    """What the bar says of its being busy."""
    heard = []
    bar.busy_changed.connect(heard.append)
    return heard


def wait(qtbot, bar):
    qtbot.waitUntil(lambda: not bar.busy, timeout=WAIT_MS)


def steps(count=3, result="made"):
    for done in range(count):
        yield Progress("fuse", done, count)
    return result


class Endless:
    """A task that goes on until it is left, and tells in which thread it was closed."""

    def __init__(self):
        self.closed_in = None

    def __call__(self):
        try:
            while True:
                time.sleep(0.01)
                yield Progress("segment", 2, 9)
        finally:
            self.closed_in = threading.current_thread()


def begin(qtbot, bar, task, done=lambda _: None):
    """Start a task and wait until it says how far it is."""
    bar.run(task, done)
    qtbot.waitUntil(lambda: bar.message.text() == "finding the foreground", timeout=WAIT_MS)


def test_a_task_runs_in_a_thread_and_its_result_comes_back_to_this_one(qtbot, bar, heard):
    threads, made, seen = [], [], []

    def task():
        threads.append(threading.current_thread())
        return (yield from steps())

    def done(result):
        made.append((result, threading.current_thread(), bar.busy))

    bar.run(task, done, progress=lambda step: seen.append(step.done))
    assert bar.busy
    assert bar.cancel_button.isVisible()
    wait(qtbot, bar)

    here = threading.current_thread()
    assert made == [("made", here, False)]
    assert seen == [0, 1, 2]
    assert heard == [True, False]
    assert not bar.bar.isVisible()
    assert not bar.cancel_button.isVisible()
    assert bar.message.text() == ""


def test_a_step_may_know_better_how_long_the_task_takes(qtbot, bar):
    bar._overall = OverallProgress("", monotonic() - 10.0)
    bar._step = ""
    bar._show(Progress("training", 1, 4, seconds_left=42.0))
    assert bar.bar.format() == "%p%, 42 s left"
    bar._show(Progress("training", 1, 4))
    assert bar.bar.format() == "%p%, 30 s left"


def test_the_bar_shows_how_far_the_whole_task_is(qtbot, bar):
    begin(qtbot, bar, Endless())
    assert 0.1 < bar.bar.value() / bar.bar.maximum() < 0.3
    assert bar.bar.text().endswith("%")
    bar.cancel()


def test_a_result_is_shown_piece_by_piece_while_the_gui_goes_on(qtbot, bar):
    seen = []

    def pieces(result):
        for number in range(3):
            QTimer.singleShot(0, lambda number=number: seen.append(f"gui {number}"))
            seen.append((number, bar.busy))
            yield

    bar.run(steps, lambda result: seen.append((result, bar.busy)), pieces=pieces)
    wait(qtbot, bar)
    pieces_shown = [each for each in seen if not isinstance(each, str)]
    assert pieces_shown == [(0, True), (1, True), (2, True), ("made", False)]
    assert seen.index("gui 0") < seen.index((2, True))


def test_what_cannot_be_shown_is_said(qtbot, bar):
    def pieces(result):
        yield
        raise InputError("too large; crop it.")

    bar.run(steps, pytest.fail, pieces=pieces)
    wait(qtbot, bar)
    assert bar.message.text() == "too large; crop it."


def test_a_cancelled_task_is_left_within_a_second_and_closes_in_its_own_thread(qtbot, bar, heard):
    task, made = Endless(), []
    begin(qtbot, bar, task, made.append)
    began = time.monotonic()
    bar.cancel_button.click()
    assert not bar.busy
    assert heard == [True, False]
    assert bar.message.text() == "Cancelled; nothing was changed."
    qtbot.waitUntil(lambda: task.closed_in is not None, timeout=1000)
    assert time.monotonic() - began < 1
    assert task.closed_in is not threading.current_thread()
    qtbot.wait(50)
    assert made == []


def test_a_task_that_cannot_stop_at_once_is_left_all_the_same(qtbot, bar):
    go_on, made = threading.Event(), []

    def deaf():
        yield Progress("segment", 2, 9)
        go_on.wait(WAIT_MS / 1000)
        return "too late"

    begin(qtbot, bar, deaf, made.append)
    bar.cancel()
    assert not bar.busy
    bar.run(steps, made.append)
    go_on.set()
    wait(qtbot, bar)
    assert QThreadPool.globalInstance().waitForDone(WAIT_MS)
    qtbot.wait(50)
    assert made == ["made"]


def test_nothing_to_cancel_says_nothing(bar, heard):
    bar.cancel()
    assert heard == []
    assert bar.message.text() == ""


def test_a_second_task_is_refused_while_one_runs(qtbot, bar):
    made = []
    begin(qtbot, bar, Endless())
    bar.run(steps, made.append)
    assert "A step is running" in bar.message.text()
    bar.cancel()
    qtbot.wait(50)
    assert made == []


def test_what_the_user_can_mend_is_said_in_red(qtbot, bar, heard):
    def task():
        yield Progress("fuse", 0, 1)
        raise InputError("2 planes differ; make them equal.")

    bar.run(task, pytest.fail)
    wait(qtbot, bar)
    assert bar.message.text() == "2 planes differ; make them equal."
    assert "color" in bar.message.styleSheet()
    assert heard == [True, False]
    bar.say("well")
    assert bar.message.styleSheet() == ""


def test_an_error_in_what_is_done_with_the_result_is_said(qtbot, bar):
    def done(result):
        raise InputError(f"{result} cannot be shown; try again.")

    bar.run(steps, done)
    wait(qtbot, bar)
    assert bar.message.text() == "made cannot be shown; try again."


@pytest.mark.parametrize("kind", [RuntimeError, KeyError], ids=lambda kind: kind.__name__)
def test_a_bug_is_said_and_raised_for_napari_to_report(qtbot, bar, kind):
    def task():
        yield Progress("fuse", 0, 1)
        raise kind("odd")

    with qtbot.captureExceptions() as caught:
        bar.run(task, pytest.fail)
        wait(qtbot, bar)
    assert [type(error) for _, error, _ in caught] == [kind]
    assert bar.message.text().startswith(f"{kind.__name__}: ")
    assert not bar.bar.isVisible()


def test_a_bar_that_is_destroyed_ends_its_task(qtbot):
    bar, task = TaskBar(), Endless()
    begin(qtbot, bar, task, pytest.fail)
    bar.deleteLater()
    QCoreApplication.sendPostedEvents(bar, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: task.closed_in is not None, timeout=1000)
    assert QThreadPool.globalInstance().waitForDone(WAIT_MS)


def test_a_widget_taken_out_of_its_dock_was_undocked(qtbot):
    seen = []

    class Docked(QWidget):
        def changeEvent(self, event):
            seen.append(was_undocked(self, event))
            super().changeEvent(event)

    docked, dock = Docked(), QDockWidget()
    for widget in (docked, dock):
        qtbot.addWidget(widget)
    dock.setWidget(docked)
    docked.setEnabled(False)
    assert True not in seen
    docked.setParent(None)
    assert True in seen
