from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_focusstack.widgets.controls.form import folded
from napari_focusstack.widgets.controls.wrapping import wrap

TEXT = "a sentence that is much longer than a narrow dock is wide, so that it takes some lines"


def test_as_many_lines_as_a_text_has_are_shown_in_a_folded_section(qtbot):
    around, label = QWidget(), QLabel(TEXT)
    wrap(label)
    section = folded("Section", label)
    QVBoxLayout(around).addWidget(section)
    qtbot.addWidget(around)
    around.resize(200, 400)
    around.show()
    section.expand(animate=False)
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))
    assert label.height() > 3 * label.fontMetrics().height()
    label.setText(f"{TEXT}, and then some more lines because it goes on: {TEXT}")
    qtbot.waitUntil(lambda: label.height() >= label.heightForWidth(label.width()))
    label.setText("a word")
    qtbot.waitUntil(lambda: label.height() < 2 * label.fontMetrics().height())
