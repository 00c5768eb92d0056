"""Menus and buttons in a narrow dock."""

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget

from napari_focusstack.widgets.controls.eliding import NARROWEST_PX, elide

TEXT = "equalise, fill hot pixels"


@pytest.fixture
def controls(qtbot):
    """A menu and a button with a long text, in a widget."""
    around = QWidget()
    layout = QVBoxLayout(around)
    for control in (QComboBox(), QPushButton(TEXT)):
        layout.addWidget(control)
    around.findChild(QComboBox).addItem(TEXT)
    elide(around)
    qtbot.addWidget(around)
    return around


def pixels(widget):
    """Return what a widget draws, (Y, X, 4)."""
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGBA8888)
    data = image.constBits().asarray(image.sizeInBytes())
    return np.array(data, np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)


@pytest.mark.parametrize("kind", [QComboBox, QPushButton])
def test_a_text_that_does_not_fit_ends_before_the_edge(controls, kind):
    controls.resize(120, 80)
    controls.show()
    control = controls.findChild(kind)
    assert control.width() >= NARROWEST_PX
    plain = kind()
    plain.addItem(TEXT) if kind is QComboBox else plain.setText(TEXT)
    plain.resize(control.size())
    assert (pixels(control) != pixels(plain)).any()
    metrics = control.fontMetrics()
    assert metrics.horizontalAdvance(TEXT) > control.width()


@pytest.mark.parametrize("kind", [QComboBox, QPushButton])
def test_a_text_that_fits_is_drawn_as_ever(controls, kind):
    controls.resize(500, 80)
    controls.show()
    control = controls.findChild(kind)
    plain = kind()
    plain.addItem(TEXT) if kind is QComboBox else plain.setText(TEXT)
    plain.resize(control.size())
    np.testing.assert_array_equal(pixels(control), pixels(plain))


def test_a_button_as_wide_as_it_asks_for_has_its_text_whole(controls):
    controls.resize(500, 80)
    controls.show()
    button = controls.findChild(QPushButton)
    # as narrow as styles make buttons: the text alone, and what the style draws around it
    button.setStyleSheet("QPushButton { padding: 4px; border: 0px }")
    button.setFixedSize(button.sizeHint())
    plain = QPushButton(TEXT)
    plain.setStyleSheet(button.styleSheet())
    plain.setFixedSize(button.size())
    np.testing.assert_array_equal(pixels(button), pixels(plain))
