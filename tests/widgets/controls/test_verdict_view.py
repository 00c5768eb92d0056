"""A verdict in the dock: its sentence, its colour, its buttons."""

import pytest
from qtpy.QtCore import QRect, Qt
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_focusstack.widgets.controls.task_bar import TaskBar
from napari_focusstack.widgets.controls.verdict_view import (
    DOUBTFUL_COLOUR,
    GOOD_COLOUR,
    Finding,
    Verdict,
    VerdictView,
)

TWIN = Finding("Plane 4 shows what another shows", "Leave out plane 4", "leave_out", (4,))


@pytest.fixture
def view(qtbot):
    view = VerdictView()
    qtbot.addWidget(view)
    return view


def test_without_a_verdict_nothing_is_shown(view):
    view.show_verdict(Verdict(True, "Good."))
    view.show_verdict(None)
    assert view.isHidden()
    assert view.sentence.text() == ""


@pytest.mark.parametrize(("is_good", "colour"), [(True, GOOD_COLOUR), (False, DOUBTFUL_COLOUR)])
def test_the_colour_tells_good_from_doubtful(view, is_good, colour):
    view.show_verdict(Verdict(is_good, "As it is."))
    assert not view.isHidden()
    assert colour in view.sentence.styleSheet()


def test_a_finding_with_a_remedy_has_a_button_that_asks_for_it(view, qtbot):
    view.show_verdict(Verdict(False, "Doubtful.", (TWIN, Finding("Planes are missing"))))
    (button,) = view.buttons
    assert button.text() == "Leave out plane 4"
    with qtbot.waitSignal(view.acted) as heard:
        button.click()
    assert heard.args == [TWIN]


def test_a_new_verdict_replaces_the_findings(view):
    view.show_verdict(Verdict(False, "Doubtful.", (TWIN,)))
    view.show_verdict(Verdict(True, "Good."))
    assert view.buttons == []
    assert view.layout().count() == 1


def test_what_the_sentence_says_is_not_said_again(view):
    missing = Finding("Planes are missing")
    view.show_verdict(Verdict(False, f"Doubtful: plane 4{TWIN.text[7:]}.", (TWIN, missing)))
    shown = [label.text() for label in view.findChildren(QLabel)]
    assert TWIN.text not in shown
    assert missing.text in shown
    assert [button.text() for button in view.buttons] == [TWIN.remedy]
    view.show_verdict(Verdict(False, "Doubtful: planes are missing.", (missing,)))
    assert view.layout().count() == 1


def test_all_lines_are_shown_where_other_docks_leave_little_height(qtbot):
    around, tasks, view = QWidget(), TaskBar(), VerdictView()
    column = QVBoxLayout(around)
    column.addWidget(tasks)
    column.addWidget(view)
    column.addWidget(QScrollArea(), 1)
    qtbot.addWidget(around)
    around.resize(250, 1)
    around.show()
    tasks.say("what a step has said before, which takes two lines of a narrow dock")
    view.show_verdict(Verdict(False, "Doubtful: planes seem to be missing. " * 4, (TWIN,)))
    lines = view.sentence.fontMetrics().height()
    qtbot.waitUntil(lambda: view.sentence.height() > 4 * lines)
    qtbot.waitUntil(lambda: view.height() >= view.minimumSizeHint().height())
    bottom = view.sentence.geometry().bottom()
    assert view.buttons[0].parentWidget().geometry().top() > bottom


def test_no_line_is_left_empty_below_the_sentence(view, qtbot):
    view.resize(300, 200)
    view.show()
    words = "Doubtful: the planes differ in light, and some show something else; leave these out."
    for length in range(40, len(words)):
        view.show_verdict(Verdict(False, words[:length]))
        sentence = view.sentence
        qtbot.waitUntil(lambda: view.sentence.minimumHeight() > 0)
        room = QRect(0, 0, sentence.contentsRect().width(), 1000)
        wraps = int(Qt.TextFlag.TextWordWrap)
        text = sentence.fontMetrics().boundingRect(room, wraps, sentence.text())
        assert sentence.heightForWidth(sentence.width()) - text.height() < 8, length
