"""The dock in a real napari: windows, canvas, files."""

import json
import os
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QLabel,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionComboBox,
)
from superqt import QCollapsible

from napari_focusstack.networks.tiled_fsb import Progress
from napari_focusstack.samples import pair as samples
from napari_focusstack.samples import stacks as sample_stacks
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.dock_title import dock_of
from napari_focusstack.widgets.controls.eliding import NARROWEST_DOCK_PX
from napari_focusstack.widgets.controls.verdict_view import Finding, Verdict
from napari_focusstack.widgets.fuse.panel import GIVEN

NO_SCREEN = os.environ.get("QT_QPA_PLATFORM") == "offscreen" or (
    sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
)
pytestmark = [
    pytest.mark.skipif(NO_SCREEN, reason="napari's canvas needs a screen: install Xvfb"),
    pytest.mark.slow,
]
PLUGIN = "napari-focusstack"
SCALE, UNITS = (2.0, 0.65, 0.65), ("um",) * 3
#: Least height of screens that users of microscopes have.
SCREEN_PX = 700
#: A small screen, and the narrowest dock, px.
SMALL_WINDOW_PX, NARROW_PX = (1280, SCREEN_PX), 300


@pytest.fixture
def viewer(make_napari_viewer, monkeypatch):
    """Napari with a small sample pair that has a scale."""
    monkeypatch.setattr(samples, "sample_pair", partial(samples.sample_pair, (96, 128)))
    viewer = make_napari_viewer(show=True)
    viewer.open_sample(PLUGIN, "pair")
    viewer.layers.remove("truth")
    viewer.layers["pair"].scale, viewer.layers["pair"].units = SCALE, UNITS
    viewer.reset_view()
    return viewer


def open_dock(viewer, fsb_weights, keb_weights):
    """Open the dock as the menu does, with networks that need no time."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Fuse focal stack")
    for network, path in (("fsb", fsb_weights), ("keb", keb_weights)):
        weights_menu.add_weights(network, path)
        dock.weights[network].value = str(path)
    dock.foreground["crf"].value = False
    dock.psf.value, dock.sigma_px.value = GIVEN, 3.25  # of such a mask no blur is plausible
    return dock


@pytest.fixture
def dock(viewer, fsb_weights, keb_weights):
    return open_dock(viewer, fsb_weights, keb_weights)


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)


@pytest.fixture
def fused(viewer, dock, qtbot):
    press(qtbot, dock, "run_all")
    assert dock.tasks.message.text() == ""
    return dock


@pytest.fixture
def endless(monkeypatch):
    """Make segmentation take for ever, in small steps; tells whether it was left."""
    left = []

    def matte(self):
        try:
            while True:
                time.sleep(0.02)
                yield Progress("segment", 0, 9)
        finally:
            left.append(True)

    monkeypatch.setattr("napari_focusstack.fusion.pipeline.Pipeline.segment", matte)
    return left


def canvas(viewer):
    """Return what is drawn, colours from 0 to 255."""
    QApplication.processEvents()
    return viewer.screenshot(flash=False)[..., :3].astype(int)


def test_the_sample_is_fused_and_drawn(fused, viewer):
    assert [layer.name for layer in viewer.layers] == ["pair", "pair fused", "pair foreground"]
    drawn = canvas(viewer)
    assert drawn.std() > 20
    viewer.layers["pair fused"].visible = False
    assert np.abs(canvas(viewer) - drawn).mean() > 1


def test_the_blur_is_shown_in_px_and_in_the_layer_s_unit(fused):
    shown = [box.native.text() for box in (fused.sigma_px, fused.sigma_unit)]
    sigma_px = fused.session.psf.sigma_px
    assert shown == [f"{sigma_px:.4f} px", f"{0.65 * sigma_px:.4f} \N{MICRO SIGN}m"]
    assert all(box.native.isVisible() for box in (fused.sigma_px, fused.sigma_unit))


def test_the_canvas_follows_the_brush_and_undo(fused, viewer, qtbot):
    image, labels = viewer.layers["pair fused"], viewer.layers["pair foreground"]
    labels.visible, labels.opacity = True, 0
    before, drawn = image.data.copy(), canvas(viewer)
    labels.brush_size = 20
    labels.paint((48, 64), 0)
    qtbot.waitUntil(lambda: (image.data != before).any())
    assert np.abs(canvas(viewer) - drawn).max() > 20
    labels.undo()
    qtbot.waitUntil(lambda: (image.data == before).all())
    np.testing.assert_array_equal(canvas(viewer), drawn)


def test_a_step_can_be_cancelled(dock, viewer, qtbot, endless):
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: dock.tasks.message.text() == "finding the foreground")
    dock.tasks.cancel_button.click()
    qtbot.waitUntil(lambda: endless == [True])
    assert [layer.name for layer in viewer.layers] == ["pair"]
    assert dock.buttons["run_all"].isEnabled()


def test_closing_napari_ends_the_step(dock, viewer, qtbot, endless):
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: dock.tasks.message.text() == "finding the foreground")
    viewer.close()
    qtbot.waitUntil(lambda: endless == [True])


def test_closing_the_dock_ends_the_step(dock, viewer, qtbot, endless):
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: dock.tasks.message.text() == "finding the foreground")
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: endless == [True])
    assert [layer.name for layer in viewer.layers] == ["pair"]


def test_a_dock_opened_again_goes_on_with_what_was_painted(
    fused, viewer, qtbot, fsb_weights, keb_weights
):
    labels = viewer.layers["pair foreground"]
    labels.brush_size = 20
    labels.paint((8, 8), 1)
    viewer.window.remove_dock_widget(fused)
    painted = labels.data.copy()
    dock = open_dock(viewer, fsb_weights, keb_weights)
    press(qtbot, dock, "run_all")
    assert [layer.name for layer in viewer.layers] == ["pair", "pair fused", "pair foreground"]
    np.testing.assert_array_equal(labels.data, painted)
    near = viewer.layers["pair"].data[0]
    np.testing.assert_array_equal(viewer.layers["pair fused"].data[4:12, 4:12], near[4:12, 4:12])


def test_saved_layers_come_back_with_scale_units_and_settings(
    fused, viewer, qtbot, tmp_path, fsb_weights, keb_weights
):
    made_with = fused.parameters()
    image, labels = viewer.layers["pair fused"], viewer.layers["pair foreground"]
    data = [image.data.copy(), np.array(labels.data)]
    record = image.metadata["focusstack"]["record"]
    viewer.layers.selection = {image}
    paths = viewer.layers.save(str(tmp_path / "fused.tif"), selected=True, plugin=PLUGIN)
    paths += labels.save(str(tmp_path / "foreground.tif"), plugin=PLUGIN)
    viewer.layers.clear()

    opened = [viewer.open(path, plugin=PLUGIN)[0] for path in paths]
    assert [layer.name for layer in opened] == ["fused", "foreground"]
    for layer, pixels in zip(opened, data, strict=True):
        np.testing.assert_array_equal(layer.data, pixels)
        np.testing.assert_allclose(layer.scale, SCALE[1:])
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 2
    assert opened[0].metadata["focusstack"]["record"] == json.loads(json.dumps(record))

    fused.elimination["elimination"].value = "none"
    viewer.layers.selection.active = opened[0]
    press(qtbot, fused, "load_layer")
    # how far apart planes lie is told by the stack, which is gone
    assert fused.parameters() == replace(made_with, z_step=1.0)


def test_the_dock_fits_a_small_screen(dock, viewer):
    outer = dock.parent()
    assert outer.minimumSizeHint().height() <= SCREEN_PX
    assert dock.sizeHint().height() <= SCREEN_PX
    assert 320 <= dock.sizeHint().width() <= 400
    viewer.window.resize(1000, SCREEN_PX)
    QApplication.processEvents()
    assert viewer.window.geometry()[3] == SCREEN_PX


@pytest.fixture
def stack_dock(make_napari_viewer, monkeypatch, qtbot, deb_weights):
    """The dock over the small sample stack of eight planes, fused."""
    small = partial(sample_stacks.colour_stack, (96, 128))
    monkeypatch.setattr(sample_stacks, "colour_stack", small)
    viewer = make_napari_viewer(show=True)
    viewer.open_sample(PLUGIN, "stack")
    viewer.layers["stack"].scale, viewer.layers["stack"].units = SCALE, UNITS
    viewer.reset_view()
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Fuse focal stack")
    weights_menu.add_weights("deb", deb_weights)
    dock.weights["deb"].value = str(deb_weights)
    dock.psf.value = "reblur"
    press(qtbot, dock, "run_all")
    assert dock.tasks.message.text() == ""
    return dock


def test_a_stack_is_fused_painted_undone_and_saved(stack_dock, qtbot, tmp_path):
    viewer = stack_dock.viewer
    names = [layer.name for layer in viewer.layers]
    assert names == ["stack", "stack fused", "stack depth", "stack confidence", "stack planes"]
    image, labels = viewer.layers["stack fused"], viewer.layers["stack planes"]
    labels.visible, labels.opacity = True, 0
    before, drawn = image.data.copy(), canvas(viewer)
    labels.brush_size = 20
    labels.paint((48, 64), 8)
    qtbot.waitUntil(lambda: (image.data != before).any())
    assert np.abs(canvas(viewer) - drawn).max() > 20
    assert viewer.layers["stack depth"].data[48, 64] == 14.0
    labels.undo()
    qtbot.waitUntil(lambda: (image.data == before).all())
    np.testing.assert_array_equal(canvas(viewer), drawn)

    labels.paint((48, 64), 7)
    painted = np.array(labels.data)
    depth = viewer.layers["stack depth"]
    qtbot.waitUntil(lambda: depth.data[48, 64] == 12.0)
    paths = [
        *labels.save(str(tmp_path / "stack planes.tif"), plugin=PLUGIN),
        *depth.save(str(tmp_path / "stack depth.tif"), plugin=PLUGIN),
    ]
    saved = depth.data.copy()
    viewer.layers.remove(labels)
    viewer.layers.remove(depth)
    opened = [viewer.open(path, plugin=PLUGIN)[0] for path in paths]
    np.testing.assert_array_equal(opened[0].data, painted)
    np.testing.assert_array_equal(opened[1].data, saved)
    np.testing.assert_allclose(opened[1].scale, SCALE[1:])
    assert opened[1].metadata["focusstack"]["record"]["found"]["painted_px"] > 100


def test_the_fused_image_is_removed_while_it_is_retouched(stack_dock, qtbot):
    viewer = stack_dock.viewer
    stack_dock.buttons["retouch"].click()
    qtbot.wait(300)  # until the labels are drawn
    viewer.layers.remove("stack fused")
    qtbot.waitUntil(lambda: not stack_dock.steps.retouch.active)
    qtbot.wait(300)  # OpenGL crashed here where labels were hidden within the removal
    assert not viewer.layers["stack planes"].visible


def test_a_plane_is_picked_with_the_mouse(stack_dock, qtbot):
    viewer, labels = stack_dock.viewer, stack_dock.session.labels
    labels.data[40:60, 50:80] = 6
    stack_dock.buttons["pick_plane"].click()
    assert labels.mode == "pan_zoom"
    view = canvas_widget()
    viewer.scene.camera.center = (0, 50 * SCALE[1], 65 * SCALE[2])
    QApplication.processEvents()
    before = np.array(labels.data)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.rect().center())
    qtbot.waitUntil(lambda: labels.selected_label == 6)
    assert viewer.dims.current_step[0] == 5
    np.testing.assert_array_equal(labels.data, before)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.rect().center() / 2)
    qtbot.waitUntil(lambda: (labels.data != before).any())  # now the click paints
    assert set(np.unique(labels.data[labels.data != before])) == {6}


def test_the_surface_is_drawn_and_taken_away(stack_dock):
    viewer = stack_dock.viewer
    viewer.canvas.overlays.scale_bar.visible = False
    flat = canvas(viewer)
    stack_dock.buttons["show_surface"].click()
    drawn = canvas(viewer)
    assert (drawn.sum(-1) > 0).mean() > 0.1
    colours = [picture[picture.sum(-1) > 0].mean(0) for picture in (flat, drawn)]
    viewer.layers["stack surface"].visible = False
    assert canvas(viewer).max() < canvas(viewer).min() + 60  # nothing else is drawn
    stack_dock.buttons["show_surface"].click()
    assert "stack surface" not in viewer.layers
    assert np.abs(colours[0] - colours[1]).max() < 60
    assert canvas(viewer).std() > 20


def test_the_dock_of_a_stack_fits_a_small_screen(stack_dock):
    viewer = stack_dock.viewer
    viewer.window.resize(1000, SCREEN_PX)
    QApplication.processEvents()
    assert viewer.window.geometry()[3] == SCREEN_PX
    scroll = stack_dock.findChild(QScrollArea)
    assert scroll.widget().width() <= scroll.viewport().width()  # nothing is cut off at the side


def narrow(dock, width_px=NARROW_PX):
    """Give napari a small window, and the dock this width; unfold all of its sections."""
    viewer = dock.viewer
    viewer.window.resize(*SMALL_WINDOW_PX)
    outer = dock_of(dock)
    outer.parentWidget().resizeDocks([outer], [width_px], Qt.Orientation.Horizontal)
    for section in dock.findChildren(QCollapsible):
        section.expand(animate=False)
    for _ in range(5):
        QApplication.processEvents()


def test_nothing_is_cut_in_a_narrow_dock_of_a_stack(stack_dock, cut_off):
    narrow(stack_dock)
    assert stack_dock.width() <= NARROW_PX
    assert cut_off(stack_dock) == []
    figures = stack_dock.figures
    assert figures.height() >= figures.heightForWidth(figures.width())
    assert figures.parentWidget().height() >= figures.height()
    stack_dock.tasks.busy_changed.emit(True)
    stack_dock.tasks.bar.setVisible(True)
    stack_dock.tasks.cancel_button.setVisible(True)
    stack_dock.tasks.say("a step of which there is a lot to say, so that it needs two lines")
    QApplication.processEvents()
    cancel = stack_dock.tasks.cancel_button
    assert cancel.width() >= cancel.sizeHint().width()
    assert cut_off(stack_dock) == []


def test_each_choice_and_button_can_be_read_in_the_narrowest_dock(stack_dock):
    stack_dock.buttons["fuse_series"].show()  # as with a time series
    narrow(stack_dock, NARROWEST_DOCK_PX)
    assert stack_dock.width() == NARROWEST_DOCK_PX
    named = stack_dock.input["near"], stack_dock.input["intensity"], stack_dock.psf
    files = {menu.native for menu in stack_dock.weights.values()}  # have names of any length
    menus = set(stack_dock.findChildren(QComboBox)) - files
    assert {menu.native for menu in named} < menus
    shortened = []
    for menu in menus:
        option = QStyleOptionComboBox()
        menu.initStyleOption(option)
        kind, part = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
        room_px = menu.style().subControlRect(kind, option, part, menu).width()
        entries = [menu.itemText(number) for number in range(menu.count())]
        width_px = menu.fontMetrics().horizontalAdvance
        shortened += [entry for entry in entries if width_px(entry) > room_px]
    assert shortened == []
    shown = [button for button in stack_dock.findChildren(QPushButton) if button.isVisible()]
    assert set(shown) > {stack_dock.buttons["fuse_series"], stack_dock.buttons["copy_command"]}
    assert [each.text() for each in shown if each.width() < each.sizeHint().width()] == []


def test_the_verdict_is_in_view_in_a_narrow_and_low_window(stack_dock):
    narrow(stack_dock)
    texts = [f"Planes {n} show something else, and that is a long story" for n in range(3)]
    findings = tuple(Finding(text, f"Leave out planes {text[7]}", "leave_out") for text in texts)
    stack_dock.verdict.show_verdict(Verdict(False, f"Doubtful: {texts[0]}, and more.", findings))
    for _ in range(5):
        QApplication.processEvents()
    window = stack_dock.window()
    assert window.height() <= SMALL_WINDOW_PX[1]
    for shown in (stack_dock.verdict.sentence, *stack_dock.verdict.buttons):
        corner = shown.mapTo(window, shown.rect().bottomRight())
        assert corner.x() <= window.width()
        assert corner.y() <= window.height()
        assert shown.visibleRegion().boundingRect() == shown.rect()


def test_nothing_is_cut_in_a_narrow_dock_of_a_pair(fused, cut_off):
    narrow(fused)
    assert cut_off(fused) == []
    fused.buttons["retouch"].click()
    assert cut_off(fused) == []


@pytest.mark.parametrize("title", ["Fuse focal stack", "Open focal stack", "Train focus networks"])
def test_a_narrow_dock_has_its_title_whole_and_nothing_cut(viewer, cut_off, title):
    outer, inner = viewer.window.add_plugin_dock_widget(PLUGIN, title)
    viewer.window.resize(*SMALL_WINDOW_PX)
    outer.parentWidget().resizeDocks([outer], [NARROW_PX], Qt.Orientation.Horizontal)
    for _ in range(5):
        QApplication.processEvents()
    label = outer.titleBarWidget().findChild(QLabel)
    assert label.text() == outer.windowTitle() == title
    assert label.sizeHint().width() <= label.width()
    assert inner.width() <= NARROW_PX
    assert cut_off(inner) == []


def test_the_plane_is_shown_as_large_as_the_fused_image(stack_dock):
    narrow(stack_dock)
    stack_dock.buttons["retouch"].click()
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.01)
    view, canvas_px = stack_dock.steps.retouch.view, canvas_widget().width()
    assert view.width() == pytest.approx(canvas_px, abs=30)
    window, drawn = view.window(), canvas_widget()
    height = view.mapTo(window, view.middle.toPoint()).y()
    assert height == pytest.approx(drawn.mapTo(window, drawn.rect().center()).y(), abs=1)


def test_other_docks_keep_their_width_where_the_dock_is_closed_while_retouching(stack_dock, qtbot):
    viewer = stack_dock.viewer
    viewer.window.resize(*SMALL_WINDOW_PX)
    layers = next(
        each
        for each in stack_dock.window().findChildren(QDockWidget)
        if each.windowTitle() == "layer list"
    )
    qtbot.wait(50)
    width = layers.width()
    stack_dock.buttons["retouch"].click()
    qtbot.waitUntil(lambda: stack_dock.steps.retouch.view.isVisible())
    qtbot.wait(50)
    viewer.window.remove_dock_widget(stack_dock)
    qtbot.waitUntil(lambda: abs(layers.width() - width) <= 5)


def test_the_picture_fits_while_it_is_retouched_and_afterwards(stack_dock, qtbot):
    viewer, image = stack_dock.viewer, stack_dock.session.image
    viewer.window.resize(*SMALL_WINDOW_PX)
    qtbot.wait(50)
    viewer.fit_to_view()
    zoom, width = viewer.scene.camera.zoom, stack_dock.width()
    for smaller in (True, False):
        stack_dock.buttons["retouch"].click()
        qtbot.waitUntil(lambda wanted=smaller: (viewer.scene.camera.zoom < 0.9 * zoom) is wanted)
        qtbot.waitUntil(lambda: not image.corner_pixels[0].any())
        np.testing.assert_array_equal(image.corner_pixels[1, -2:], (95, 127))
    assert viewer.scene.camera.zoom == pytest.approx(zoom, rel=0.02)
    assert stack_dock.width() == pytest.approx(width, abs=2)
    viewer.scene.camera.zoom = 5 * zoom
    stack_dock.buttons["retouch"].click()
    qtbot.wait(200)
    assert viewer.scene.camera.zoom == 5 * zoom  # what was zoomed stays so


def canvas_widget():
    return next(
        each
        for each in QApplication.allWidgets()
        if type(each).__name__ == "CanvasBackendDesktop" and each.isVisible()
    )


def test_a_stack_is_retouched_with_keys_and_mouse(stack_dock, qtbot):
    viewer, labels = stack_dock.viewer, stack_dock.session.labels
    image = viewer.layers["stack fused"]
    view = canvas_widget()
    assert not labels.visible
    viewer.dims.set_current_step(0, 2)
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert labels.mode == "paint"
    second = stack_dock.steps.retouch.view
    qtbot.waitUntil(second.isVisible)
    assert second.caption == "plane 3 of 8"
    labels.brush_size = 20
    labels.data[:] = 3  # so that painting changes no label
    image.data[:] = 0
    QApplication.processEvents()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.rect().center())
    qtbot.waitUntil(lambda: image.data.any())
    assert stack_dock.session.state.fixes.painted.any()
    qtbot.keyPress(view, Qt.Key.Key_A)
    assert viewer.layers["stack fused | chosen plane"].visible
    qtbot.keyRelease(view, Qt.Key.Key_A)
    assert not viewer.layers["stack fused | chosen plane"].visible
    qtbot.keyClick(view, Qt.Key.Key_R)
    assert not second.isVisible()
    assert not labels.visible
    qtbot.keyClick(view, Qt.Key.Key_R)  # the second view comes back
    qtbot.waitUntil(second.isVisible)
