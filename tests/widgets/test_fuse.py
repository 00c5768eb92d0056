"""The dock on a viewer without a window: what its buttons make of layers."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

import napari_focusstack as nfs
from napari_focusstack.io.writer import read_record, write_image
from napari_focusstack.networks.inference import Progress
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.widgets import session, weights_list
from napari_focusstack.widgets.fuse import FuseWidget
from napari_focusstack.widgets.panel import GIVEN

SCALE = (2.0, 0.5, 0.5)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def planes(make_scene):
    return np.stack(make_scene(3.0, side=96).planes())


@pytest.fixture
def stack(viewer, planes):
    return viewer.add_image(
        planes,
        rgb=True,
        name="stack",
        scale=SCALE,
        units=("um",) * 3,
        axis_labels=("z", "y", "x"),
        translate=(0.0, 3.0, 4.0),
    )


@pytest.fixture
def dock(viewer, stack, qtbot, fsb_weights, keb_weights):
    widget = FuseWidget(viewer)
    qtbot.addWidget(widget)
    for network, path in (("fsb", fsb_weights), ("keb", keb_weights)):
        weights_list.add_weights(network, path)
        widget.weights[network].value = str(path)
    widget.foreground["crf"].value = False
    widget.psf.value = "reblur"
    return widget


def press(qtbot, dock, name):
    """Press a button and wait until its task has ended."""
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


def paint(dock, y, x, label):
    """Paint a stroke and let the dock follow it."""
    layer = dock.session.labels
    layer.paint((y, x), label)
    dock.follow_brush()


@pytest.fixture
def fused(dock, qtbot):
    assert press(qtbot, dock, "run_all") == ""
    return dock


def test_run_all_adds_the_foreground_and_the_fused_image(fused, viewer, planes, fsb_weights):
    assert [layer.name for layer in viewer.layers] == ["stack", "stack fused", "stack foreground"]
    image = viewer.layers["stack fused"]
    again = nfs.fuse(list(planes), psf="reblur", crf=False, fsb_weights=str(fsb_weights))
    np.testing.assert_array_equal(image.data, again.image)
    np.testing.assert_array_equal(viewer.layers["stack foreground"].data == 1, again.labels == 1)
    assert f"sigma {again.sigma_px:.2f} px" in fused.figures.text()


def test_layers_lie_over_their_source(fused, viewer):
    for name in ("stack fused", "stack foreground"):
        layer = viewer.layers[name]
        assert tuple(layer.scale) == SCALE[1:]
        assert tuple(layer.translate) == (3.0, 4.0)
        assert [str(unit) for unit in layer.units] == ["micrometer"] * 2
        assert layer.axis_labels == ("y", "x")


def test_the_fused_layer_carries_the_full_record(fused, viewer):
    told = viewer.layers["stack fused"].metadata["focusstack"]["record"]
    assert told["parameters"]["psf"] == "reblur"
    assert told["found"]["sigma_px"] == fused.session.psf.sigma_px
    assert len(told["weights"]["fsb"]) == 64


def test_steps_one_by_one_make_what_run_all_makes(dock, qtbot, viewer):
    for step in ("segment", "estimate", "fuse"):
        assert press(qtbot, dock, step) == ""
    one_by_one = viewer.layers["stack fused"].data.copy()
    press(qtbot, dock, "run_all")
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, one_by_one)
    assert len(viewer.layers) == 3


def test_a_stroke_is_followed_and_undone(fused, viewer):
    image, labels = viewer.layers["stack fused"], viewer.layers["stack foreground"]
    before = image.data.copy()
    labels.brush_size = 9
    paint(fused, 8, 8, 1)
    assert (image.data[8, 8] == fused.session.canvas.pair.sources[0][8, 8]).all()
    changed = np.argwhere((image.data != before).any(-1))
    assert len(changed) > 9
    assert changed.max() < 60  # only what the stroke's blur reaches
    labels.undo()
    fused.follow_brush()
    np.testing.assert_array_equal(image.data, before)
    labels.redo()
    fused.follow_brush()
    assert (image.data != before).any()


def test_what_follows_the_brush_is_what_fusing_anew_gives(fused, qtbot, viewer):
    paint(fused, 8, 8, 1)
    paint(fused, 48, 48, 0)
    followed = viewer.layers["stack fused"].data.copy()
    assert press(qtbot, fused, "fuse") == ""
    difference = np.abs(viewer.layers["stack fused"].data.astype(int) - followed)
    assert difference.max() <= 1


def test_the_brush_is_not_followed_when_the_switch_is_off(fused, viewer):
    before = viewer.layers["stack fused"].data.copy()
    fused.live.value = False
    paint(fused, 8, 8, 1)
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, before)
    assert fused.session.fixes.painted[8, 8]


def test_segmenting_again_keeps_what_was_painted_and_it_can_be_dropped(fused, qtbot, viewer):
    labels = viewer.layers["stack foreground"]
    found = labels.data.copy()
    paint(fused, 8, 8, 1)
    painted = labels.data.copy()
    for button in ("segment", "run_all"):
        press(qtbot, fused, button)
        np.testing.assert_array_equal(labels.data, painted)
    press(qtbot, fused, "drop_fixes")
    np.testing.assert_array_equal(labels.data, found)
    labels.undo()  # even that can be undone
    np.testing.assert_array_equal(labels.data, painted)


def test_two_layers_are_a_near_and_a_far_plane(dock, qtbot, viewer, stack, planes):
    for name, plane in zip(("near", "far"), planes, strict=True):
        viewer.add_image(plane, rgb=True, name=name)
    press(qtbot, dock, "run_all")
    one_stack = viewer.layers["stack fused"].data.copy()
    dock.stack.value, dock.far.value = "near", "far"
    assert press(qtbot, dock, "run_all") == ""
    np.testing.assert_array_equal(viewer.layers["near fused"].data, one_stack)


def test_a_given_sigma_is_used_in_px_and_in_units(dock, qtbot):
    dock.sigma_px.value = 4.0
    assert dock.psf.value == GIVEN
    assert dock.sigma_unit.value == 2.0
    dock.sigma_unit.value = 1.25
    press(qtbot, dock, "run_all")
    assert dock.session.psf.sigma_px == 2.5
    assert dock.parameters().psf == 2.5
    press(qtbot, dock, "estimate")  # asks for an estimate again
    assert dock.psf.value != GIVEN
    assert dock.sigma_px.value != 2.5


def test_what_was_removed_can_be_shown(dock, qtbot, viewer):
    dock.with_diffusion.value = True
    press(qtbot, dock, "run_all")
    removed = viewer.layers["stack diffusion"]
    canvas = dock.session.canvas
    expected = (canvas.initial.astype(np.float32) - canvas.image).mean(2)
    np.testing.assert_allclose(removed.data, expected)
    assert removed.contrast_limits[0] == -removed.contrast_limits[1]


def test_elimination_none_selects_source_pixels(dock, qtbot, viewer, planes):
    dock.elimination["elimination"].value = "none"
    press(qtbot, dock, "run_all")
    image = viewer.layers["stack fused"].data
    assert ((image == planes[0]) | (image == planes[1])).all()
    assert "every pixel is a source pixel" in dock.figures.text()


def test_settings_are_copied_as_python_that_repeats_the_run(fused, qtbot, viewer):
    press(qtbot, fused, "copy_python")
    text = QApplication.clipboard().text()
    names = {"nfs": nfs, "viewer": viewer}
    exec(text, names)
    np.testing.assert_array_equal(names["result"].image, viewer.layers["stack fused"].data)


def test_settings_are_copied_as_a_command_that_repeats_the_run(
    fused, qtbot, viewer, planes, tmp_path, monkeypatch
):
    from napari_focusstack.cli import main

    for name, plane in zip(("near.png", "far.png"), planes, strict=True):
        write_image(tmp_path / name, plane)
    press(qtbot, fused, "copy_command")
    words = QApplication.clipboard().text()
    assert words.startswith("napari-focusstack fuse stack.tif -o 'stack fused.tif'")
    import shlex

    monkeypatch.chdir(tmp_path)
    options = shlex.split(words)[2:]
    assert main(["fuse", "near.png", "far.png", *options[1:]]) == 0
    told = read_record(tmp_path / "stack fused.tif")["parameters"]
    assert FuseParameters(**told) == fused.parameters()


def test_settings_are_loaded_from_a_layer(fused, qtbot, viewer):
    made_with = fused.parameters()
    fused.sigma_px.value = 9.0
    fused.elimination["elimination"].value = "subtract"
    fused.input["near"].value = "last"
    assert fused.parameters() != made_with
    viewer.layers.selection.active = viewer.layers["stack fused"]
    assert "loaded" in press(qtbot, fused, "load_settings")
    assert fused.parameters() == made_with


def test_a_layer_without_settings_is_named(dock, qtbot, viewer, stack):
    viewer.layers.selection.active = stack
    assert press(qtbot, dock, "load_settings").startswith("layer 'stack' holds no settings")


@pytest.fixture
def slow(monkeypatch):
    """Make segmentation take for ever, in small steps."""

    def matte(self):
        import time

        while True:
            time.sleep(0.02)
            yield Progress("segment", 0, 9)

    monkeypatch.setattr("napari_focusstack.pair.Pair.matte", matte)


@pytest.mark.parametrize("button", ["segment", "run_all", "fuse"])
def test_a_cancelled_step_leaves_every_layer_as_it_was(dock, qtbot, viewer, slow, button):
    dock.buttons[button].click()
    qtbot.waitUntil(lambda: "segment 0/9" in dock.tasks.bar.format())
    dock.tasks.cancel_button.click()
    assert not dock.tasks.busy
    assert "nothing was changed" in dock.tasks.message.text()
    qtbot.wait(100)
    assert [layer.name for layer in viewer.layers] == ["stack"]


def test_a_second_step_is_refused_while_one_runs(dock, qtbot, slow):
    dock.buttons["segment"].click()
    assert not dock.buttons["fuse"].isEnabled()
    dock.tasks.cancel()
    assert dock.buttons["fuse"].isEnabled()


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (np.zeros((40, 40), np.uint8), "single image of 2 axes"),
        (np.arange(3 * 40 * 40, dtype=np.uint8).reshape(3, 40, 40), "3 planes were given"),
        (np.full((2, 40, 40), np.nan, np.float32), "NaN"),
        (np.zeros((2, 40, 40), np.uint8), "constant"),
        (np.arange(2 * 40 * 40, dtype=np.int64).reshape(2, 40, 40), "of type int64"),
    ],
)
def test_what_cannot_be_fused_is_said_in_one_sentence(dock, qtbot, viewer, layer, sentence):
    viewer.add_image(layer, name="odd", rgb=False)
    dock.stack.value = "odd"
    told = press(qtbot, dock, "run_all")
    assert sentence in told
    assert "\n" not in told
    assert [each.name for each in viewer.layers] == ["stack", "odd"]


def test_a_multiscale_layer_is_refused(dock, qtbot, viewer, planes):
    viewer.add_image([planes, planes[:, ::2, ::2]], rgb=True, multiscale=True, name="pyramid")
    dock.stack.value = "pyramid"
    assert "multiscale" in press(qtbot, dock, "run_all")


def test_transparent_pixels_are_refused_and_an_opaque_channel_is_dropped(
    dock, qtbot, viewer, planes
):
    opaque = np.concatenate([planes, np.full((*planes.shape[:3], 1), 255, np.uint8)], -1)
    see_through = opaque.copy()
    see_through[0, :9, :9, 3] = 0
    for name, data in (("opaque", opaque), ("see-through", see_through)):
        viewer.add_image(data, rgb=True, name=name)
        dock.stack.value = name
        told = press(qtbot, dock, "run_all")
        assert ("transparent" in told) == (name == "see-through")
    assert viewer.layers["opaque fused"].data.shape == (96, 96, 3)


def test_dask_layers_are_read(dock, qtbot, viewer, planes):
    import dask.array as da

    viewer.add_image(da.from_array(planes), rgb=True, name="lazy")
    dock.stack.value = "lazy"
    assert press(qtbot, dock, "run_all") == ""
    assert viewer.layers["lazy fused"].data.shape == (96, 96, 3)


def test_without_a_layer_one_is_asked_for(viewer, qtbot):
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    assert "open a focal stack first" in press(qtbot, dock, "run_all")


def test_a_stack_removed_while_it_is_fused_leaves_no_trace_of_an_error(dock, qtbot, viewer):
    dock.buttons["run_all"].click()
    viewer.layers.remove("stack")
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert "stack fused" in viewer.layers


def test_labels_that_were_removed_come_back(fused, qtbot, viewer):
    viewer.layers.remove("stack foreground")
    fused.follow_brush()
    press(qtbot, fused, "segment")
    assert "stack foreground" in viewer.layers


def test_labels_of_another_shape_are_refused(fused, viewer):
    viewer.layers["stack foreground"].data = np.zeros((8, 8), np.uint8)
    fused.follow_brush()
    assert "shape (8, 8)" in fused.tasks.message.text()


def test_a_dock_that_is_closed_ends_its_step(viewer, stack, qtbot, slow, qapp):
    dock = FuseWidget(viewer)
    dock.buttons["segment"].click()
    worker = dock.tasks._worker
    with qtbot.waitSignal(worker.finished):
        dock.deleteLater()
    assert "stack fused" not in viewer.layers


def test_opened_metadata_choose_axis_and_end(viewer, qtbot, planes):
    told = {"focusstack": {"focus_axis": 1, "near": "last"}}
    viewer.add_image(planes[None], rgb=True, name="t", metadata=told)
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    assert dock.axis.value == 1
    assert dock.input["near"].value == "last"


def test_new_weights_are_on_the_list_at_once(dock, tmp_path, fsb_weights):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(fsb_weights.read_bytes())
    weights_list.add_weights("fsb", path)
    assert str(path) in dock.weights["fsb"].choices


def test_the_foreground_is_shown_and_the_rest_is_see_through(fused, viewer):
    labels = viewer.layers["stack foreground"]
    assert set(np.unique(labels.data)) == {0, 1}
    assert labels.get_color(1)[3] == 1
    assert session.NEAR_COLOUR == "#ff9e1f"


def test_moving_a_slider_along_the_focus_axis_forgets_nothing(fused, qtbot, viewer):
    paint(fused, 8, 8, 1)
    viewer.dims.set_current_step(0, 1)
    press(qtbot, fused, "fuse")
    assert [layer.name for layer in viewer.layers] == ["stack", "stack fused", "stack foreground"]
    assert fused.session.fixes.painted[8, 8]


def test_the_time_point_that_is_shown_is_fused(viewer, qtbot, planes, dock):
    later = np.stack([planes, planes[:, ::-1]])
    viewer.add_image(later, rgb=True, name="movie")
    viewer.add_image(np.zeros((2, 2, 2, 96, 96), np.uint8), name="other", visible=False)
    dock.stack.value, dock.axis.value = "movie", 1
    viewer.dims.set_current_step(1, 1)  # axis 0 is the other layer's own
    source = dock.source()
    np.testing.assert_array_equal(source.planes()[0], planes[0, ::-1])


def test_both_layers_carry_the_record_and_neither_is_offered_as_a_stack(fused, viewer):
    for name in ("stack fused", "stack foreground"):
        assert viewer.layers[name].metadata["focusstack"]["record"]["parameters"]
    assert tuple(fused.stack.choices) == ("stack",)


def test_what_was_removed_follows_the_brush_too(dock, qtbot, viewer):
    dock.with_diffusion.value = True
    press(qtbot, dock, "run_all")
    paint(dock, 8, 8, 1)
    canvas = dock.session.canvas
    expected = (canvas.initial.astype(np.float32) - canvas.image).mean(2)
    np.testing.assert_allclose(viewer.layers["stack diffusion"].data, expected)


def test_sigma_in_units_follows_the_chosen_layer(dock, viewer, planes):
    dock.sigma_px.value = 4.0
    viewer.add_image(planes, rgb=True, name="fine", scale=(1, 0.1, 0.1), units=("um",) * 3)
    dock.stack.value = "fine"
    assert dock.sigma_unit.value == pytest.approx(0.4)
