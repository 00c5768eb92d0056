"""The dock on a viewer without a window: what its buttons make of layers."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel, QWidget

import napari_focusstack as nfs
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.pipeline import DOUBTFUL
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.networks.tiled_fsb import Progress
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.plugin.reader import read_layers
from napari_focusstack.plugin.writer import write_layer
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.fuse.dock import FuseWidget
from napari_focusstack.widgets.fuse.panel import GIVEN, STACK_ALONE
from napari_focusstack.widgets.session.depth_colours import plane_colours

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
    settings_of(widget, fsb_weights, keb_weights)
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


def settings_of(dock, fsb_weights, keb_weights):
    """Choose networks and methods that need no time."""
    for network, path in (("fsb", fsb_weights), ("keb", keb_weights)):
        weights_menu.add_weights(network, path)
        dock.weights[network].value = str(path)
    dock.foreground["crf"].value = False
    dock.psf.value = "reblur"


def told(layer):
    """Return the record that a layer carries."""
    return layer.metadata["focusstack"]["record"]


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
    assert f"blur {again.sigma_px:.2f} px" in fused.figures.text()


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
    assert (image.data[8, 8] == fused.session.canvas.stack.sources[0][8, 8]).all()
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
    dock.blend["blend"].value = "none"
    press(qtbot, dock, "run_all")
    image = viewer.layers["stack fused"].data
    assert ((image == planes[0]) | (image == planes[1])).all()
    assert "no halo removed" in dock.figures.text()


def test_settings_are_copied_as_python_that_repeats_the_run(fused, qtbot, viewer):
    press(qtbot, fused, "copy_python")
    text = QApplication.clipboard().text()
    names = {"nfs": nfs, "viewer": viewer}
    exec(text, names)
    np.testing.assert_array_equal(names["result"].image, viewer.layers["stack fused"].data)


def test_settings_are_copied_as_a_command_that_repeats_the_run(
    fused, qtbot, viewer, planes, tmp_path, monkeypatch
):
    from napari_focusstack.commands.main import main

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


def test_the_command_of_a_painted_stack_asks_for_its_labels(fused, qtbot):
    assert "save layer 'stack' as 'stack.tif'" in press(qtbot, fused, "copy_command")
    assert "--labels" not in QApplication.clipboard().text()
    paint(fused, 8, 8, 1)
    assert "'stack foreground' as" in press(qtbot, fused, "copy_command")
    words = QApplication.clipboard().text()
    assert "--labels 'stack foreground.ome.tif'" in words
    assert "--channel" not in words


def test_settings_are_loaded_from_a_layer(fused, qtbot, viewer):
    made_with = fused.parameters()
    fused.sigma_px.value = 9.0
    fused.elimination["elimination"].value = "subtract"
    fused.input["near"].value = "last"
    assert fused.parameters() != made_with
    viewer.layers.selection.active = viewer.layers["stack fused"]
    assert "loaded" in press(qtbot, fused, "load_layer")
    assert fused.parameters() == made_with


def test_a_layer_without_settings_is_named(dock, qtbot, viewer, stack):
    viewer.layers.selection.active = stack
    assert press(qtbot, dock, "load_layer").startswith("layer 'stack' holds no settings")


@pytest.fixture
def slow(monkeypatch):
    """Make segmentation take for ever, in small steps."""

    def matte(self):
        import time

        while True:
            time.sleep(0.02)
            yield Progress("segment", 0, 9)

    monkeypatch.setattr("napari_focusstack.fusion.pipeline.Pipeline.segment", matte)


@pytest.mark.parametrize("button", ["segment", "run_all", "fuse"])
def test_a_cancelled_step_leaves_every_layer_as_it_was(dock, qtbot, viewer, slow, button):
    dock.buttons[button].click()
    qtbot.waitUntil(lambda: dock.tasks.message.text() == "finding the foreground")
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
        (np.arange(40 * 40, dtype=np.uint16).reshape(1, 40, 40), "1 plane was given"),
        (np.full((2, 40, 40), np.nan, np.float32), "NaN"),
        (np.zeros((2, 40, 40), np.uint8), "constant"),
    ],
)
def test_what_cannot_be_fused_is_said_in_one_sentence(dock, qtbot, viewer, layer, sentence):
    viewer.add_image(layer, name="odd", rgb=False)
    dock.stack.value = "odd"
    told = press(qtbot, dock, "run_all")
    assert sentence in told
    assert "\n" not in told
    assert [each.name for each in viewer.layers] == ["stack", "odd"]


def test_of_a_multiscale_layer_the_finest_level_is_fused(fused, qtbot, viewer, planes):
    viewer.add_image([planes, planes[:, ::2, ::2]], rgb=True, multiscale=True, name="pyramid")
    fused.stack.value = "pyramid"
    assert press(qtbot, fused, "run_all") == ""
    image = viewer.layers["stack fused"].data
    np.testing.assert_array_equal(viewer.layers["pyramid fused"].data, image)
    press(qtbot, fused, "copy_python")
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["result"].image, image)


def test_layers_with_an_alpha_channel_are_fused(dock, qtbot, viewer, planes):
    opaque = np.concatenate([planes, np.full((*planes.shape[:3], 1), 255, np.uint8)], -1)
    see_through = opaque.copy()
    see_through[0, :9, :9, 3] = 0
    for name, data in (("opaque", opaque), ("see-through", see_through)):
        viewer.add_image(data, rgb=True, name=name)
        dock.stack.value = name
        assert press(qtbot, dock, "run_all") == ""
        assert viewer.layers[f"{name} fused"].data.shape == (96, 96, 3)


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


def test_the_end_that_one_layer_names_is_not_taken_for_that_of_the_next(viewer, qtbot, planes):
    told = {"focusstack": {"focus_axis": 0, "near": "first"}}
    viewer.add_image(planes, rgb=True, name="sample", metadata=told)
    viewer.add_image(planes, rgb=True, name="mine")
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    dock.stack.value = "sample"
    assert dock.input["near"].value == "first"
    dock.stack.value = "mine"
    assert dock.input["near"].value == "auto"
    dock.stack.value = "sample"
    menu = dock.input["near"].native
    menu.setCurrentIndex(menu.findText("the last"))
    menu.activated.emit(menu.currentIndex())  # as the user does
    dock.stack.value = "mine"
    assert dock.input["near"].value == "last"


def test_new_weights_are_on_the_list_at_once(dock, tmp_path, fsb_weights):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(fsb_weights.read_bytes())
    weights_menu.add_weights("fsb", path)
    assert str(path) in dock.weights["fsb"].choices


def test_the_foreground_is_shown_and_the_rest_is_see_through(fused, viewer):
    labels = viewer.layers["stack foreground"]
    assert set(np.unique(labels.data)) == {0, 1}
    assert labels.get_color(1)[3] == 1
    np.testing.assert_allclose(labels.get_color(1), plane_colours(2)[1], atol=0.01)


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


@pytest.fixture
def reopen(viewer, qtbot, fsb_weights, keb_weights):
    """Opens the dock anew, as after it was closed."""

    def open_again(dock):
        holder = QWidget()
        dock.setParent(holder)
        dock.setParent(None)  # as napari does when a dock is closed
        again = FuseWidget(viewer)
        qtbot.addWidget(again)
        settings_of(again, fsb_weights, keb_weights)
        return again

    return open_again


def test_a_dock_opened_again_goes_on_with_what_was_painted(fused, qtbot, viewer, reopen):
    labels = viewer.layers["stack foreground"]
    labels.brush_size = 9
    found = labels.data.copy()
    paint(fused, 8, 8, 1)
    followed = viewer.layers["stack fused"].data.copy()
    dock = reopen(fused)
    labels.paint((80, 8), 1)  # while no dock looks
    painted = labels.data.copy()

    assert press(qtbot, dock, "fuse") == ""

    names = [layer.name for layer in viewer.layers]
    assert names == ["stack", "stack fused", "stack foreground"]
    image = viewer.layers["stack fused"].data
    near = dock.session.canvas.stack.sources[0]
    assert (image[8, 8] == near[8, 8]).all()
    assert (image[80, 8] == near[80, 8]).all()
    # soft edges and blur are those that were found before
    np.testing.assert_array_equal(image[:40, :40], followed[:40, :40])
    for button in ("segment", "run_all"):
        press(qtbot, dock, button)
        np.testing.assert_array_equal(labels.data, painted)
    paint(dock, 60, 90, 1)
    assert (viewer.layers["stack fused"].data[60, 90] == near[60, 90]).all()
    press(qtbot, dock, "drop_fixes")
    np.testing.assert_array_equal(labels.data, found)


def test_a_closed_dock_leaves_no_wipe_and_follows_no_brush(fused, viewer, reopen):
    before = viewer.layers["stack fused"].data.copy()
    fused.wipe.menu.setCurrentText("far plane")
    fused.wipe.wipe_button.click()
    assert len(viewer.layers) == 4
    reopen(fused)
    assert len(viewer.layers) == 3
    viewer.layers["stack foreground"].paint((8, 8), 1)
    fused.follow_brush()
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, before)


def test_fixes_can_be_dropped_right_after_the_dock_is_opened_again(fused, qtbot, viewer, reopen):
    labels = viewer.layers["stack foreground"]
    found = labels.data.copy()
    paint(fused, 8, 8, 1)
    press(qtbot, reopen(fused), "drop_fixes")
    np.testing.assert_array_equal(labels.data, found)


TURNED = {"rotate": 20, "shear": [0, 0, 0.1], "affine": np.diag([1, 0.9, 1.1, 1])}


def test_results_of_a_turned_layer_are_turned_as_well(qtbot, viewer, dock, planes):
    stack = viewer.add_image(planes, rgb=True, name="turned", translate=(0, 3, 4), **TURNED)
    dock.stack.value = "turned"
    dock.with_depth.value = dock.with_diffusion.value = True
    assert press(qtbot, dock, "run_all") == ""
    dock.wipe.choose("far plane")
    dock.wipe.wipe_button.setChecked(True)
    made = [layer for layer in viewer.layers if layer.name.startswith("turned ")]
    assert len(made) == 6
    for layer in made:
        for corner in ((0, 0), (95, 95)):
            expected = stack.data_to_world((0, *corner))[1:]
            np.testing.assert_allclose(layer.data_to_world(corner), expected, err_msg=layer.name)


def test_two_single_images_of_one_size_are_offered_as_a_pair(dock, qtbot, viewer, planes):
    viewer.layers.clear()
    viewer.add_image(planes[0, :50], rgb=True, name="overview")
    viewer.add_image(planes[0], rgb=True, name="near")
    assert dock.stack.value == "overview"
    viewer.add_image(planes[1], rgb=True, name="far")
    dock.stack.value = "near"
    assert dock.far.value == "far"
    dock.swap.click()
    assert (dock.stack.value, dock.far.value) == ("far", "near")
    dock.far.value = "far"
    assert "'far' is chosen as near and as far plane" in press(qtbot, dock, "run_all")
    viewer.add_image(planes, rgb=True, name="stack")
    dock.stack.value = "stack"
    assert (dock.far.value, dock.far_row.isHidden()) == (STACK_ALONE, True)


def test_where_the_near_plane_is_removed_the_far_one_is_not_both(dock, viewer, planes):
    viewer.layers.clear()
    for name, plane in zip(("near", "far"), planes, strict=True):
        viewer.add_image(plane, rgb=True, name=name)
    assert (dock.stack.value, dock.far.value) == ("near", "far")
    viewer.layers.remove("near")
    assert (dock.stack.value, dock.far.value) == ("far", STACK_ALONE)


def test_what_is_said_of_two_images_goes_when_others_are_chosen(dock, qtbot, viewer, planes):
    for name, plane in zip("abc", (*planes, planes[1, ::-1]), strict=True):
        viewer.add_image(plane, rgb=True, name=name)
    dock.stack.value, dock.far.value = "a", "a"
    assert press(qtbot, dock, "run_all").endswith("choose another as one of them.")
    dock.far.value = "b"
    assert dock.tasks.message.text() == ""
    press(qtbot, dock, "run_all")
    assert dock.verdict.sentence.text()
    dock.far.value = "c"
    assert dock.verdict.sentence.text() == ""


def test_the_first_of_two_images_is_called_the_near_plane(dock, viewer, planes):
    (label,) = dock.stack_row.findChildren(QLabel)
    assert label.text() == "focal stack"
    viewer.add_image(planes[0], rgb=True, name="near")
    dock.stack.value = "near"
    assert label.text() == "near plane"


def test_the_scale_bar_that_came_with_a_calibrated_stack_goes_with_it(dock, viewer, planes):
    bar = viewer.canvas.overlays.scale_bar
    viewer.add_image(planes, rgb=True, name="plain")
    assert bar.visible
    dock.stack.value = "plain"
    assert not bar.visible
    bar.visible = True  # by the user
    dock.stack.value = "stack"
    dock.stack.value = "plain"
    assert bar.visible


def test_a_stack_is_offered_before_an_overview(qtbot, viewer, planes):
    viewer.add_image(planes[0], rgb=True, name="overview")
    viewer.add_image(planes, rgb=True, name="stack")
    dock = FuseWidget(viewer)
    qtbot.addWidget(dock)
    assert dock.stack.value == "stack"


def test_another_stack_in_between_forgets_nothing(fused, qtbot, viewer, planes):
    paint(fused, 8, 8, 1)
    painted = viewer.layers["stack foreground"].data.copy()
    viewer.add_image(planes[:, ::-1], rgb=True, name="other")
    for name in ("other", "stack"):
        fused.stack.value = name
        press(qtbot, fused, "run_all")
    np.testing.assert_array_equal(viewer.layers["stack foreground"].data, painted)
    assert "other foreground" in viewer.layers
    assert len(viewer.layers) == 6


def test_planes_taken_the_other_way_round_replace_the_results_and_keep_the_fixes(
    fused, qtbot, viewer, planes
):
    labels = viewer.layers["stack foreground"]
    labels.brush_size = 5
    paint(fused, 8, 8, 1)
    before = labels.data.copy()
    fused.input["near"].value = "last"
    press(qtbot, fused, "run_all")
    assert [layer.name for layer in viewer.layers] == ["stack", "stack fused", "stack foreground"]
    assert (labels.data != before).mean() > 0.5
    assert labels.data[8, 8] == 0  # it still names the plane that is first in the file
    assert (viewer.layers["stack fused"].data[8, 8] == planes[0, 8, 8]).all()
    fused.input["near"].value = "first"
    assert "press Find planes" in press(qtbot, fused, "estimate")
    press(qtbot, fused, "fuse")
    np.testing.assert_array_equal(labels.data, before)


def test_results_that_were_opened_again_are_replaced(fused, qtbot, viewer, tmp_path, reopen):
    image = viewer.layers["stack fused"].data.copy()
    for name in ("stack fused", "stack foreground"):
        layer, path = viewer.layers[name], str(tmp_path / f"{name}.ome.tif")
        write_layer(path, *layer.as_layer_data_tuple()[:2])
        viewer.layers.remove(layer)
    for name, add in (("stack fused", viewer.add_image), ("stack foreground", viewer.add_labels)):
        ((data, meta, _),) = read_layers(str(tmp_path / f"{name}.ome.tif"))
        add(data, **meta)
    viewer.layers["stack fused"].data[:] = 0
    press(qtbot, reopen(fused), "fuse")
    assert [layer.name for layer in viewer.layers] == ["stack", "stack fused", "stack foreground"]
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, image)


def test_labels_from_a_file_are_adopted_and_kept(fused, qtbot, viewer, tmp_path, reopen):
    labels = viewer.layers["stack foreground"]
    labels.brush_size = 9
    paint(fused, 8, 8, 1)
    painted = labels.data.copy()
    path = str(tmp_path / "stack foreground.tif")
    write_layer(path, *labels.as_layer_data_tuple()[:2])
    for name in ("stack foreground", "stack fused"):
        viewer.layers.remove(name)
    ((data, meta, _),) = read_layers(path)
    viewer.add_labels(data, **meta)
    dock = reopen(fused)

    for button in ("fuse", "segment", "run_all"):
        assert press(qtbot, dock, button) == ""
        np.testing.assert_array_equal(viewer.layers["stack foreground"].data, painted)
    assert (viewer.layers["stack fused"].data[8, 8] == viewer.layers["stack"].data[0, 8, 8]).all()
    press(qtbot, dock, "drop_fixes")
    press(qtbot, dock, "segment")
    assert viewer.layers["stack foreground"].data[8, 8] == 0


def test_a_painted_pair_repeats_from_its_layer_and_its_file_bit_for_bit(
    fused, qtbot, viewer, planes, tmp_path, reopen
):
    labels = viewer.layers["stack foreground"]
    labels.brush_size = 9
    paint(fused, 8, 8, 1)
    paint(fused, 40, 40, 0)
    paint(fused, 48, 72, int(labels.data[48, 72]))
    followed = viewer.layers["stack fused"].data.copy()
    press(qtbot, fused, "copy_python")
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["result"].image, followed)
    path = str(tmp_path / "stack foreground.ome.tif")
    write_layer(path, *labels.as_layer_data_tuple()[:2])
    settings = asdict(fused.parameters())
    again = nfs.fuse(list(planes), labels=nfs.read_labels(path), **settings)
    np.testing.assert_array_equal(again.image, followed)
    for layer in list(viewer.layers)[1:]:
        viewer.layers.remove(layer)
    ((data, meta, _),) = read_layers(path)
    viewer.add_labels(data, **meta)
    assert press(qtbot, reopen(fused), "fuse") == ""
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, followed)


def test_labels_that_the_user_named_like_ours_are_left_alone(dock, qtbot, viewer):
    own = viewer.add_labels(np.full((96, 96), 7), name="stack foreground")
    press(qtbot, dock, "run_all")
    assert (own.data == 7).all()
    assert "stack foreground [1]" in viewer.layers


def test_the_record_follows_the_brush(fused, viewer):
    image, labels = viewer.layers["stack fused"], viewer.layers["stack foreground"]
    before = told(image)["found"]
    assert before["painted_px"] == 0
    labels.brush_size = 9
    paint(fused, 8, 8, 1)
    painted = int((labels.data[:24, :24] == 1).sum())
    assert painted > 40
    for layer in (image, labels):
        now = told(layer)["found"]
        assert now["painted_px"] == painted
        assert now["transition_region"] == fused.session.canvas.region.mean()
        assert now["transition_region"] > before["transition_region"]
        assert now["reblur_residual"] is None  # that of another foreground
        assert now["sigma_px"] == before["sigma_px"]
    assert "painted since the blur was measured" in fused.figures.text()
    labels.undo()
    fused.follow_brush()
    assert told(image)["found"]["painted_px"] == 0
    assert told(image)["found"]["transition_region"] == before["transition_region"]


def test_the_record_of_an_image_that_does_not_follow_stays(fused, qtbot, viewer):
    fused.live.value = False
    before = told(viewer.layers["stack fused"])
    paint(fused, 8, 8, 1)
    assert told(viewer.layers["stack fused"]) == before
    assert told(viewer.layers["stack foreground"])["found"]["painted_px"] > 0
    press(qtbot, fused, "fuse")
    assert told(viewer.layers["stack fused"])["found"]["painted_px"] > 0
    assert told(viewer.layers["stack fused"])["found"]["reblur_residual"] is None
    press(qtbot, fused, "estimate")
    press(qtbot, fused, "fuse")
    residual = told(viewer.layers["stack fused"])["found"]["reblur_residual"]
    assert residual == fused.session.psf.residual


def test_the_record_is_saved_as_it_is_after_painting(fused, viewer, tmp_path):
    paint(fused, 8, 8, 1)
    for name in ("stack fused", "stack foreground"):
        path = str(tmp_path / f"{name}.tif")
        write_layer(path, *viewer.layers[name].as_layer_data_tuple()[:2])
        assert read_record(path) == json.loads(json.dumps(told(viewer.layers[name])))
        assert read_record(path)["found"]["painted_px"] > 0


def test_the_record_tells_of_each_step_how_it_was_done(dock, qtbot, viewer):
    dock.psf.value = "keb"
    press(qtbot, dock, "segment")
    assert told(viewer.layers["stack foreground"])["parameters"]["tile_px"] == 1024
    press(qtbot, dock, "estimate")
    dock.input["tile_px"].value = 512  # for the next foreground
    press(qtbot, dock, "fuse")
    one_by_one = told(viewer.layers["stack fused"])
    assert one_by_one["parameters"]["tile_px"] == 1024
    dock.input["tile_px"].value = 1024
    press(qtbot, dock, "run_all")
    at_once = told(viewer.layers["stack fused"])
    assert {*at_once["weights"]} == {"fsb", "deb", "keb", "seb", "teb"}
    for part in ("weights", "parameters", "found"):
        assert one_by_one[part] == at_once[part]


def test_another_shape_of_the_blur_is_measured_anew(fused, qtbot):
    fused.blur["psf_shape"].value = "disk"
    press(qtbot, fused, "fuse")
    assert fused.session.canvas.psf.shape == "disk"


def test_dropping_fixes_is_followed_like_a_stroke(fused, qtbot, viewer):
    before = viewer.layers["stack fused"].data.copy()
    paint(fused, 8, 8, 1)
    press(qtbot, fused, "drop_fixes")
    fused.follow_brush()
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, before)
    assert not fused.session.fixes.painted.any()


def test_what_is_painted_while_a_step_runs_is_fused_too(fused, qtbot, viewer):
    viewer.layers["stack foreground"].brush_size = 9
    fused.buttons["fuse"].click()
    viewer.layers["stack foreground"].paint((8, 8), 1)
    qtbot.waitUntil(lambda: not fused.tasks.busy, timeout=60_000)
    image = viewer.layers["stack fused"].data
    assert (image[8, 8] == viewer.layers["stack"].data[0, 8, 8]).all()


def test_settings_are_loaded_from_files(fused, qtbot, tmp_path, monkeypatch, planes):
    made_with = fused.parameters()
    record = told(fused.session.image)
    write_image(tmp_path / "out.png", planes[0], record=record)
    write_layer(str(tmp_path / "out.ome.tif"), *fused.session.image.as_layer_data_tuple()[:2])
    (tmp_path / "report.json").write_text(json.dumps(record))
    for name in ("out.png", "out.ome.tif", "report.json"):
        fused.elimination["elimination"].value = "none"
        fused.psf.value = "keb"
        choose = (str(tmp_path / name), "")
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, choose=choose: choose)
        assert press(qtbot, fused, "load_file") == f"settings of {name!r} loaded"
        assert fused.parameters() == made_with


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("none.json", None, "none.json does not exist; check the path."),
        ("list.json", "[1, 2]", "is no report of napari-focusstack"),
        ("broken.json", "{", "is no report of napari-focusstack"),
        ("other.tif", "not an image", "holds no record of napari-focusstack"),
        ("none.png", None, "none.png does not exist; check the path."),
        (
            "moved.json",
            '{"software": "napari-focusstack",'
            ' "parameters": {"elimination": "none", "keb_weights": "/gone.safetensors"}}',
            "the weights /gone.safetensors are missing",
        ),
    ],
)
def test_files_without_settings_are_named_and_change_nothing(
    dock, qtbot, tmp_path, monkeypatch, name, text, sentence
):
    before = dock.parameters()
    if text is not None:
        (tmp_path / name).write_text(text)
    choose = (str(tmp_path / name), "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: choose)
    said = press(qtbot, dock, "load_file")
    assert sentence in said
    assert "\n" not in said
    assert dock.parameters() == before


def test_no_file_chosen_changes_nothing(dock, qtbot, monkeypatch):
    before = dock.parameters()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    assert press(qtbot, dock, "load_file") == ""
    assert dock.parameters() == before


def test_a_renamed_stack_stays_chosen_and_keeps_its_foreground(
    fused, qtbot, viewer, stack, planes, reopen
):
    viewer.add_image(planes, rgb=True, name="another")
    paint(fused, 8, 8, 1)
    painted = viewer.layers["stack foreground"].data.copy()
    stack.name = "beetle"
    assert fused.stack.value == "beetle"
    dock = reopen(fused)
    dock.stack.value = "beetle"
    press(qtbot, dock, "run_all")
    np.testing.assert_array_equal(viewer.layers["stack foreground"].data, painted)
    assert "beetle foreground" not in viewer.layers


def test_a_stack_renamed_while_it_is_fused_is_fused(dock, qtbot, viewer, stack, slow):
    dock.buttons["run_all"].click()
    stack.name = "beetle"
    assert dock.stack.value == "beetle"
    dock.tasks.cancel()


def test_segmenting_anew_replaces_labels_of_another_shape(fused, qtbot, viewer):
    viewer.layers["stack foreground"].data = np.zeros((8, 8), np.uint8)
    assert "shape (8, 8)" in press(qtbot, fused, "fuse")
    assert press(qtbot, fused, "segment") == ""
    assert viewer.layers["stack foreground"].data.shape == (8, 8)
    assert viewer.layers["stack foreground [1]"].data.shape == (96, 96)


def test_strokes_are_caught_up_with_when_the_switch_is_on_again(fused, qtbot, viewer):
    image, near = viewer.layers["stack fused"], viewer.layers["stack"].data[0]
    viewer.layers["stack foreground"].brush_size = 9
    fused.live.value = False
    paint(fused, 8, 8, 1)
    paint(fused, 88, 88, 1)
    press(qtbot, fused, "copy_python")
    assert (image.data[8, 8] != near[8, 8]).any()
    fused.live.value = True
    qtbot.waitUntil(lambda: (image.data[8, 8] == near[8, 8]).all())
    assert (image.data[88, 88] == near[88, 88]).all()
    assert told(image)["found"] == told(viewer.layers["stack foreground"])["found"]


def test_strokes_during_a_step_that_is_cancelled_are_caught_up_with(fused, qtbot, viewer, slow):
    image, near = viewer.layers["stack fused"], viewer.layers["stack"].data[0]
    viewer.layers["stack foreground"].brush_size = 9
    fused.buttons["segment"].click()
    paint(fused, 8, 8, 1)
    assert (image.data[8, 8] != near[8, 8]).any()
    fused.tasks.cancel()
    qtbot.waitUntil(lambda: (image.data[8, 8] == near[8, 8]).all())


def test_figures_and_verdict_are_those_of_the_chosen_stack_only(fused, viewer, planes):
    figures, verdict = fused.figures.text(), fused.verdict.sentence.text()
    assert verdict.startswith(("Good: ", "Doubtful: "))
    assert fused.wipe.images
    sigma_px = fused.sigma_px.value
    viewer.add_image(planes[:, ::-1], rgb=True, name="other")
    assert fused.figures.text() == figures  # the same stack is chosen
    fused.stack.value = "other"
    assert fused.figures.text() == fused.verdict.sentence.text() == ""
    assert fused.verdict.isHidden()
    assert fused.residual.series == fused.wipe.images == {}
    assert fused.sigma_px.value == 0
    paint(fused, 8, 8, 1)  # on the first, while another is chosen
    assert fused.figures.text() == ""
    fused.stack.value = "stack"
    assert fused.verdict.sentence.text().startswith(("Good: ", "Doubtful: "))
    assert fused.sigma_px.value == sigma_px


def test_why_no_halo_was_removed_is_said_again_by_fuse_and_after_reopening(
    dock, qtbot, viewer, tmp_path, reopen, monkeypatch
):
    monkeypatch.setattr("napari_focusstack.fusion.pipeline.Pipeline._accepts", lambda *_: False)
    press(qtbot, dock, "run_all")
    verdict = dock.verdict.sentence.text()
    assert verdict.startswith("Doubtful: no blur explains the halos")
    press(qtbot, dock, "fuse")
    assert dock.verdict.sentence.text() == verdict
    assert told(viewer.layers["stack fused"])["found"]["plain"] == DOUBTFUL
    path = str(tmp_path / "stack foreground.tif")
    write_layer(path, *dock.session.labels.as_layer_data_tuple()[:2])
    for name in ("stack foreground", "stack fused"):
        viewer.layers.remove(name)
    ((data, meta, _),) = read_layers(path)
    viewer.add_labels(data, **meta)
    again = reopen(dock)
    press(qtbot, again, "fuse")
    assert again.verdict.sentence.text() == verdict
    labels = viewer.layers["stack foreground"]
    result = nfs.fuse(viewer.layers["stack"], labels=labels, crf=False, psf="reblur")
    assert result.plain == DOUBTFUL


def test_a_step_that_fails_leaves_no_figures_and_a_cancelled_one_does(
    fused, qtbot, monkeypatch, slow
):
    figures = fused.figures.text()
    fused.buttons["run_all"].click()
    assert fused.figures.text() == ""  # the new ones are not known yet
    fused.tasks.cancel_button.click()
    assert fused.figures.text() == figures

    def fail(self):
        raise InputError("the lamp is off; switch it on.")
        yield

    monkeypatch.setattr("napari_focusstack.fusion.pipeline.Pipeline.segment", fail)
    assert press(qtbot, fused, "run_all") == "the lamp is off; switch it on."
    assert fused.figures.text() == fused.verdict.sentence.text() == ""
