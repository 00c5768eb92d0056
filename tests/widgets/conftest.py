from types import SimpleNamespace

import pytest
from npe2 import PluginManifest
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QLabel, QToolButton, QWidget

from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.fuse import preferences as fuse_preferences
from napari_focusstack.widgets.fuse.dock import FuseWidget


@pytest.fixture(scope="session")
def default_preferences():
    manifest = PluginManifest.from_distribution("napari-focusstack")
    offered = manifest.contributions.configurations["fusing"].properties
    return {name: each.default for name, each in offered.items()}


@pytest.fixture(autouse=True)
def preferences(monkeypatch, default_preferences):
    """Preferences as they are at first, for each test its own; those of napari are left alone."""
    own = SimpleNamespace(**default_preferences)
    monkeypatch.setattr(fuse_preferences, "preferred", lambda: own)
    return own


@pytest.fixture
def open_stack_dock(qtbot, deb_weights, keb_weights):
    """Opens the dock over a viewer's stacks, with networks that need no time."""

    def opened(viewer):
        dock = FuseWidget(viewer)
        qtbot.addWidget(dock)
        for network, path in (("deb", deb_weights), ("keb", keb_weights)):
            weights_menu.add_weights(network, path)
            dock.weights[network].value = str(path)
        dock.psf.value = "reblur"
        return dock

    return opened


@pytest.fixture
def cut_off():
    """Names the visible controls of a widget whose text is cut, neither wrapped nor elided."""

    def named(widget):
        return [
            f"{type(each).__name__} {each.text()!r}: {needed} px in {each.width()}"
            for kind in (QLabel, QCheckBox, QAbstractSpinBox, QToolButton)
            for each in widget.findChildren(kind)
            if each.isVisible() and (needed := _needed_px(each)) > each.width()
        ] + [
            f"{type(each).__name__} ends at {right} of {widget.width()} px"
            for each in widget.findChildren(QWidget)
            if each.isVisible()
            and (right := each.mapTo(widget, each.rect().topRight()).x()) >= widget.width()
        ]

    return named


def _needed_px(control):
    """Return the width of a control's text; that of its longest word where lines are wrapped."""
    if isinstance(control, QLabel) and control.wordWrap():
        words = control.text().split()
        lines = control.heightForWidth(control.width())
        if lines > control.height():
            return control.sizeHint().width()
        return max((control.fontMetrics().horizontalAdvance(word) for word in words), default=0)
    if isinstance(control, QAbstractSpinBox):
        return control.fontMetrics().horizontalAdvance(control.text())
    return control.sizeHint().width()
