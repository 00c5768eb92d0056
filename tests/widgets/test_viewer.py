"""The dock in a real napari: windows, canvas, files."""

import json
import os
import sys
import time
from functools import partial

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_focusstack.io import samples
from napari_focusstack.networks.inference import Progress
from napari_focusstack.widgets import weights_list

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
        weights_list.add_weights(network, path)
        dock.weights[network].value = str(path)
    dock.foreground["crf"].value = False
    dock.psf.value = "reblur"
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

    monkeypatch.setattr("napari_focusstack.pair.Pair.matte", matte)
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
    assert shown == [f"{sigma_px:.4f} px", f"{0.65 * sigma_px:.4f} um"]
    assert all(box.native.isVisible() for box in (fused.sigma_px, fused.sigma_unit))


def test_the_canvas_follows_the_brush_and_undo(fused, viewer, qtbot):
    image, labels = viewer.layers["pair fused"], viewer.layers["pair foreground"]
    labels.opacity = 0
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
    qtbot.waitUntil(lambda: "segment 0/9" in dock.tasks.bar.format())
    dock.tasks.cancel_button.click()
    qtbot.waitUntil(lambda: endless == [True])
    assert [layer.name for layer in viewer.layers] == ["pair"]
    assert dock.buttons["run_all"].isEnabled()


def test_closing_napari_ends_the_step(dock, viewer, qtbot, endless):
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: "segment 0/9" in dock.tasks.bar.format())
    viewer.close()
    qtbot.waitUntil(lambda: endless == [True])


def test_closing_the_dock_ends_the_step(dock, viewer, qtbot, endless):
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: "segment 0/9" in dock.tasks.bar.format())
    viewer.window.remove_dock_widget(dock)
    qtbot.waitUntil(lambda: endless == [True])
    assert [layer.name for layer in viewer.layers] == ["pair"]


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
    press(qtbot, fused, "load_settings")
    assert fused.parameters() == made_with


def test_the_dock_fits_a_small_screen(dock, viewer):
    outer = dock.parent()
    assert outer.minimumSizeHint().height() <= SCREEN_PX
    assert dock.sizeHint().height() <= SCREEN_PX
    assert 320 <= dock.sizeHint().width() <= 400
    viewer.window.resize(1000, SCREEN_PX)
    QApplication.processEvents()
    assert viewer.window.geometry()[3] == SCREEN_PX
