"""The dock on stacks with more axes: time points, channels, borders of planes that moved."""

import shlex

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

import napari_focusstack as nfs
from napari_focusstack.plugin.reader import read_layers
from napari_focusstack.plugin.writer import write_layer

SCALE, ORIGIN = (3.0, 2.0, 0.5, 0.5), (1.0, 10.0, 3.0, 4.0)
UNITS, AXES = ("s", "um", "um", "um"), ("t", "z", "y", "x")
SIDE = 64


@pytest.fixture(scope="module")
def planes(make_focal_stack):
    """Five 8-bit planes, grey."""
    return np.stack(make_focal_stack(5, side=SIDE).planes(grey=True))


@pytest.fixture(scope="module")
def movie(planes):
    """The same at three time points, turned (T, Z, Y, X)."""
    return np.stack([planes, planes[:, ::-1], planes[:, :, ::-1]])


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def add(viewer):
    """Adds a stack layer of four axes that has scale and origin."""

    def added(data, name, **look):
        return viewer.add_image(
            data, name=name, scale=SCALE, translate=ORIGIN, units=UNITS, axis_labels=AXES, **look
        )

    return added


@pytest.fixture
def open_dock(viewer, open_stack_dock):
    """Opens the dock, with networks that need no time, and leaves planes where they lie."""

    def opened():
        dock = open_stack_dock(viewer)
        dock.input["register"].value = "off"
        return dock

    return opened


@pytest.fixture
def series(viewer, movie, add, open_dock):
    """The dock over the stack of three time points, the second shown."""
    add(movie, "movie")
    dock = open_dock()
    viewer.dims.set_current_step(0, 1)
    return dock


def press(qtbot, dock, name):
    """Press a button and wait until its task has ended."""
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


def fused_alone(planes, deb_weights, **options):
    return nfs.fuse(planes, psf="reblur", register="off", deb_weights=str(deb_weights), **options)


def found_at(layer):
    """Return the time points that a layer's record tells of."""
    return [one["t"] for one in layer.metadata["focusstack"]["record"]["found"]]


def test_the_time_point_shown_is_fused_in_layers_that_hold_all(
    series, qtbot, viewer, movie, deb_weights
):
    assert press(qtbot, series, "run_all") == ""
    assert [layer.name for layer in viewer.layers] == [
        "movie",
        "movie fused",
        "movie depth",
        "movie confidence",
        "movie planes",
    ]
    alone = fused_alone(movie[1], deb_weights)
    image = viewer.layers["movie fused"]
    assert image.data.shape == (3, 1, SIDE, SIDE)
    np.testing.assert_array_equal(image.data[1, 0], alone.image)
    np.testing.assert_array_equal(viewer.layers["movie planes"].data[1, 0], alone.labels)
    assert not image.data[[0, 2]].any()
    assert found_at(image) == [1]


def test_results_span_the_depth_of_the_stack_and_move_no_slider(series, qtbot, viewer):
    before = viewer.dims.range
    press(qtbot, series, "run_all")
    assert viewer.dims.range == before
    image = viewer.layers["movie fused"]
    assert tuple(image.scale) == (3.0, 10.0, 0.5, 0.5)
    assert tuple(image.translate) == (1.0, 14.0, 3.0, 4.0)
    assert image.axis_labels == AXES
    for plane in range(5):
        viewer.dims.set_current_step(1, plane)
        place = (*viewer.dims.point[:2], 3.0 + 0.5 * 20, 4.0 + 0.5 * 30)
        assert image.get_value(place, world=True) == image.data[1, 0, 20, 30]


def test_the_gui_goes_on_between_the_layers_of_a_series(series, qtbot, viewer):
    seen = set()
    beat = QTimer()
    beat.timeout.connect(lambda: seen.add(len(viewer.layers)))
    beat.start(0)
    press(qtbot, series, "fuse_series")
    beat.stop()
    assert {2, 3, 4} <= seen  # labels and the fused image came one after the other
    assert found_at(viewer.layers["movie fused"]) == [0, 1, 2]


def test_results_are_hidden_where_nothing_was_fused_and_come_back(series, qtbot, viewer):
    press(qtbot, series, "run_all")
    visible = {layer.name: layer.visible for layer in viewer.layers}
    viewer.dims.set_current_step(0, 2)
    assert [layer.name for layer in viewer.layers if layer.visible] == ["movie"]
    viewer.dims.set_current_step(0, 1)
    assert {layer.name: layer.visible for layer in viewer.layers} == visible


def test_all_time_points_are_fused_as_each_alone(series, qtbot, viewer, movie, deb_weights):
    assert press(qtbot, series, "fuse_series") == "3 time points were fused"
    image, depth = viewer.layers["movie fused"], viewer.layers["movie depth"]
    for point, planes in enumerate(movie):
        alone = fused_alone(planes, deb_weights)
        np.testing.assert_array_equal(image.data[point, 0], alone.image)
        np.testing.assert_array_equal(viewer.layers["movie planes"].data[point, 0], alone.labels)
        np.testing.assert_allclose(depth.data[point, 0], 2.0 * alone.depth)
    assert found_at(image) == found_at(depth) == [0, 1, 2]
    sigmas = [one["sigma_px"] for one in image.metadata["focusstack"]["record"]["found"]]
    assert all(sigma > 0.5 for sigma in sigmas)
    viewer.dims.set_current_step(0, 2)
    assert image.visible


def test_what_was_painted_at_a_time_point_is_kept_when_all_are_fused(series, qtbot, viewer, movie):
    press(qtbot, series, "run_all")
    labels, image = viewer.layers["movie planes"], viewer.layers["movie fused"]
    labels.brush_size = 7
    labels.paint((1, 0, 58, 6), 2)
    series.follow_brush()
    assert image.data[1, 0, 58, 6] == movie[1, 1, 58, 6]
    viewer.dims.set_current_step(0, 0)
    labels.paint((0, 0, 58, 6), 3)  # before anything was found there
    press(qtbot, series, "fuse_series")
    assert labels.data[:, 0, 58, 6].tolist()[:2] == [3, 2]
    assert image.data[0, 0, 58, 6] == movie[0, 2, 58, 6]
    assert image.data[1, 0, 58, 6] == movie[1, 1, 58, 6]


def test_a_time_point_fused_with_all_others_follows_the_brush_once_fused_again(
    series, qtbot, viewer, movie
):
    press(qtbot, series, "fuse_series")
    labels, image = viewer.layers["movie planes"], viewer.layers["movie fused"]
    before = image.data.copy(), labels.data.copy()
    viewer.dims.set_current_step(0, 2)
    assert press(qtbot, series, "fuse") == ""
    np.testing.assert_array_equal(image.data, before[0])
    np.testing.assert_array_equal(labels.data, before[1])
    labels.brush_size = 7
    labels.paint((2, 0, 58, 58), 2)
    series.follow_brush()
    assert image.data[2, 0, 58, 58] == movie[2, 1, 58, 58]
    np.testing.assert_array_equal(image.data[:2], before[0][:2])
    press(qtbot, series, "drop_fixes")
    np.testing.assert_array_equal(labels.data, before[1])


def test_the_second_view_shows_the_time_point_that_is_retouched(series, qtbot, viewer, movie):
    press(qtbot, series, "run_all")
    press(qtbot, series, "retouch")
    view = series.steps.retouch.view
    np.testing.assert_array_equal(view.plane, movie[1, 2])
    viewer.dims.set_current_step(0, 2)
    np.testing.assert_array_equal(view.plane, movie[2, 2])
    viewer.dims.set_current_step(1, 4)
    np.testing.assert_array_equal(view.plane, movie[2, 4])
    assert view.caption == "plane 5 of 5"


def test_a_time_point_that_was_fused_with_all_others_is_said_to_be_there(series, qtbot, viewer):
    press(qtbot, series, "fuse_series")
    viewer.dims.set_current_step(0, 2)
    said = press(qtbot, series, "show_surface")
    assert said == "'movie fused' was made earlier; press Fuse to go on with it."


def test_a_series_that_is_cancelled_leaves_every_layer_as_it_was(series, qtbot, viewer):
    series.buttons["fuse_series"].click()
    qtbot.waitUntil(lambda: series.tasks.message.text().startswith("2 of 3: "), timeout=60_000)
    series.tasks.cancel_button.click()
    assert "nothing was changed" in series.tasks.message.text()
    qtbot.wait(100)
    assert [layer.name for layer in viewer.layers] == ["movie"]


def test_time_points_and_channels_are_offered_only_where_there_are_any(
    series, viewer, planes, movie, add
):
    button, row = series.buttons["fuse_series"], series.channels_row
    assert not button.isHidden()
    assert row.isHidden()
    viewer.add_image(planes, name="single")
    series.stack.value = "single"
    assert button.isHidden()
    add(movie // 2, "movie red")
    series.stack.value = "movie"
    assert not row.isHidden()
    assert series.channels.chosen == []  # of another file


def test_channels_of_one_file_are_fused_with_the_focus_of_one(
    viewer, qtbot, planes, movie, add, open_dock, deb_weights
):
    about = {"focusstack": {"path": "cells.tif", "focus_axis": 1}}
    faint = 255 - movie[:, :, :, ::-1] // 3  # another specimen: its own focus would be elsewhere
    green = add(movie, "green", colormap="green", blending="additive", metadata=about)
    red = add(faint, "red", colormap="red", blending="additive", metadata=about)
    dock = open_dock()
    dock.stack.value = "green"
    assert dock.channels.chosen == ["red"]
    assert press(qtbot, dock, "fuse_series") == "3 time points were fused"
    lead, other = viewer.layers["green fused"], viewer.layers["red fused"]
    assert "red planes" not in viewer.layers
    for point in range(3):
        first = fused_alone(movie[point], deb_weights)
        second = fused_alone(faint[point], deb_weights, labels=first.focus)
        np.testing.assert_array_equal(lead.data[point, 0], first.image)
        np.testing.assert_array_equal(other.data[point, 0], second.image)
    assert (lead.colormap.name, other.colormap.name) == ("green", "red")
    assert tuple(other.contrast_limits) == tuple(red.contrast_limits)
    assert {lead.blending, other.blending} == {"additive"}
    assert not green.visible  # or its light would be added to that of the result
    assert not red.visible
    told = other.metadata["focusstack"]["record"]["found"][0]
    assert told["focus_of"] == "green"


def test_other_channels_follow_the_brush(viewer, qtbot, movie, add, open_dock):
    add(movie, "green")
    add(movie[:, ::-1], "red")
    dock = open_dock()
    dock.stack.value = "green"
    dock.channels.choose("red")
    dock.elimination["elimination"].value = "none"
    viewer.dims.set_current_step(0, 0)
    press(qtbot, dock, "run_all")
    labels = viewer.layers["green planes"]
    labels.brush_size = 7
    labels.paint((0, 0, 58, 6), 2)
    dock.follow_brush()
    assert viewer.layers["green fused"].data[0, 0, 58, 6] == movie[0, 1, 58, 6]
    assert viewer.layers["red fused"].data[0, 0, 58, 6] == movie[0, 3, 58, 6]


def test_focus_can_be_found_in_all_channels_together(viewer, qtbot, movie, planes, open_dock):
    # each channel has structure in its own half only
    left, right = planes.copy(), planes.copy()
    left[:, :, SIDE // 2 :], right[:, :, : SIDE // 2] = 70, 70
    for name, data in (("left", left), ("right", right)):
        viewer.add_image(data, name=name)
    dock = open_dock()
    dock.stack.value = "left"
    dock.channels.choose("right")
    press(qtbot, dock, "segment")
    alone = viewer.layers["left planes"].data.copy()
    dock.channels.find_together()
    press(qtbot, dock, "segment")
    together = viewer.layers["left planes"].data
    viewer.add_image(planes, name="both")
    dock.stack.value = "both"
    dock.channels.find_together(ticked=False)
    press(qtbot, dock, "segment")
    both = viewer.layers["both planes"].data
    inner = np.s_[4:-4, SIDE // 2 + 12 : -4]
    assert (together == both)[inner].mean() > 0.9
    assert (alone == both)[inner].mean() < 0.6


def test_an_axis_of_channels_is_fused_with_the_focus_of_the_one_that_is_shown(
    viewer, qtbot, planes, open_dock, deb_weights
):
    data = np.stack([255 - planes // 3, planes])
    viewer.add_image(data, name="both", axis_labels=("c", "z", "y", "x"))
    dock = open_dock()
    viewer.dims.set_current_step(0, 1)
    assert dock.buttons["fuse_series"].isHidden()
    press(qtbot, dock, "run_all")
    first = fused_alone(data[1], deb_weights)
    second = fused_alone(data[0], deb_weights, labels=first.focus)
    fused = viewer.layers["both fused"].data
    assert fused.shape == (2, 1, SIDE, SIDE)
    np.testing.assert_array_equal(fused[1, 0], first.image)
    np.testing.assert_array_equal(fused[0, 0], second.image)
    np.testing.assert_array_equal(viewer.layers["both planes"].data, first.labels)


def test_colours_of_an_rgb_series_are_kept(viewer, qtbot, make_focal_stack, open_dock, deb_weights):
    planes = np.stack(make_focal_stack(3, side=SIDE).planes())
    series = np.stack([planes, planes[:, ::-1]])
    viewer.add_image(series, name="series", rgb=True, axis_labels=AXES)
    dock = open_dock()
    assert press(qtbot, dock, "fuse_series") == "2 time points were fused"
    fused = viewer.layers["series fused"]
    assert (fused.rgb, fused.data.shape) == (True, (2, 1, SIDE, SIDE, 3))
    alone = fused_alone(series[1], deb_weights)
    np.testing.assert_array_equal(fused.data[1, 0], alone.image)


def test_python_repeats_the_run_with_labels_of_one_time_point(series, qtbot, viewer):
    press(qtbot, series, "run_all")
    viewer.layers["movie planes"].paint((1, 0, 58, 6), 2)
    series.follow_brush()
    press(qtbot, series, "copy_python")
    text = QApplication.clipboard().text()
    assert "viewer.layers['movie'].data[1, :]" in text
    assert "labels=nfs.PaintedLabels.of(viewer.layers['movie planes'], (1, 0))" in text
    names = {"viewer": viewer}
    exec(text, names)
    assert names["result"].labels[58, 6] == 2
    np.testing.assert_array_equal(names["result"].image, viewer.layers["movie fused"].data[1, 0])


def test_a_time_point_that_was_fused_with_others_is_painted_over_its_soft_edges(
    series, qtbot, viewer
):
    press(qtbot, series, "fuse_series")
    viewer.dims.set_current_step(0, 2)
    viewer.layers["movie planes"].paint((2, 0, 58, 6), 2)
    press(qtbot, series, "fuse")
    press(qtbot, series, "copy_python")
    names = {"viewer": viewer}
    exec(QApplication.clipboard().text(), names)
    np.testing.assert_array_equal(names["result"].image, viewer.layers["movie fused"].data[2, 0])


def test_a_fused_series_is_saved_with_its_time_points(series, qtbot, viewer, tmp_path):
    press(qtbot, series, "fuse_series")
    for name in ("movie fused", "movie depth"):
        layer, path = viewer.layers[name], str(tmp_path / f"{name}.tif")
        write_layer(path, *layer.as_layer_data_tuple()[:2])
        ((data, meta, _),) = read_layers(path)
        np.testing.assert_array_equal(data, layer.data)
        assert meta["axis_labels"] == AXES
        assert meta["scale"] == tuple(layer.scale)
        assert meta["translate"] == tuple(layer.translate)
        assert len(meta["metadata"]["focusstack"]["record"]["found"]) == 3


def test_saved_labels_of_a_series_are_adopted_at_each_time_point(
    series, qtbot, viewer, movie, tmp_path, open_dock
):
    press(qtbot, series, "fuse_series")
    labels, path = viewer.layers["movie planes"], str(tmp_path / "movie planes.tif")
    labels.data[0, 0, 50:64, :14] = 3
    saved = labels.data.copy()
    write_layer(path, *labels.as_layer_data_tuple()[:2])
    for layer in list(viewer.layers)[1:]:
        viewer.layers.remove(layer)
    ((data, meta, _),) = read_layers(path)
    viewer.add_labels(data, **meta)
    assert press(qtbot, open_dock(), "fuse_series") == "3 time points were fused"
    np.testing.assert_array_equal(viewer.layers["movie planes"].data, saved)
    assert viewer.layers["movie fused"].data[0, 0, 58, 6] == movie[0, 2, 58, 6]


@pytest.fixture
def two_channels(viewer, planes, open_dock, tmp_path):
    """The dock over both channels of a file, the second chosen; the file."""
    path = tmp_path / "cells.tif"
    data = np.stack([255 - planes[:, ::-1] // 3, planes], 1)
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "ZCYX"})
    for pixels, meta, _ in read_layers(str(path)):
        viewer.add_image(pixels, **meta)
    dock = open_dock()
    dock.stack.value = "cells channel 2"
    return dock, path


def test_the_command_names_the_channel_that_leads_and_repeats_the_run(
    two_channels, qtbot, viewer, tmp_path, monkeypatch
):
    from napari_focusstack.commands.main import main

    dock, path = two_channels
    press(qtbot, dock, "run_all")
    said = press(qtbot, dock, "copy_command")
    words = shlex.split(QApplication.clipboard().text())
    assert words[:3] == ["napari-focusstack", "fuse", str(path)]
    assert words[words.index("--channel") + 1] == "2"
    assert said == "copied for a shell"
    monkeypatch.chdir(tmp_path)
    assert main(words[1:]) == 0
    fused = tifffile.imread(tmp_path / "cells channel 2 fused.tif")
    for channel in (1, 2):
        shown = viewer.layers[f"cells channel {channel} fused"].data
        np.testing.assert_array_equal(fused[channel - 1], shown)


def test_the_command_leaves_out_what_was_painted_in_a_channel_and_says_so(
    two_channels, qtbot, viewer
):
    dock, _ = two_channels
    press(qtbot, dock, "run_all")
    viewer.layers["cells channel 2 planes"].paint((58, 6), 2)
    said = press(qtbot, dock, "copy_command")
    assert "--labels" not in QApplication.clipboard().text()
    assert said.startswith("copied for a shell; it leaves out what was painted")


def test_the_command_of_a_series_leaves_out_what_was_painted_at_any_time_point(
    series, qtbot, viewer
):
    press(qtbot, series, "run_all")
    assert "leaves out" not in press(qtbot, series, "copy_command")
    viewer.layers["movie planes"].paint((2, 0, 58, 6), 2)  # the second time point is shown
    assert "leaves out what was painted" in press(qtbot, series, "copy_command")
    words = QApplication.clipboard().text()
    assert "--labels" not in words
    assert "--channel" not in words


def test_the_command_of_an_axis_of_channels_names_the_one_that_is_shown(
    viewer, qtbot, planes, open_dock
):
    data = np.stack([255 - planes // 3, planes])
    viewer.add_image(data, name="both", axis_labels=("c", "z", "y", "x"))
    dock = open_dock()
    viewer.dims.set_current_step(0, 1)
    press(qtbot, dock, "copy_command")
    assert "both.tif -o 'both fused.tif' --channel 2" in QApplication.clipboard().text()


def test_where_not_every_plane_shows_a_pixel_is_marked_and_said(
    viewer, qtbot, planes, open_dock, add
):
    moved = planes.copy()
    moved[4] = np.roll(planes[4], 3, 0)
    add(moved[None], "moved")
    dock = open_dock()
    dock.input["register"].value = "on"
    assert press(qtbot, dock, "run_all") == ""
    border = viewer.layers["moved border"]
    valid = dock.session.result.valid
    assert not valid.all()
    np.testing.assert_array_equal(border.data[0, 0], ~valid)
    assert not border.visible  # the fused image is shown bare
    assert f"{100 * (1 - valid.mean()):.1f}% of the pixels" in dock.figures.text()
    whole = viewer.layers["moved fused"].data.copy()
    dock.cut["crop"].value = True
    assert press(qtbot, dock, "fuse") == ""
    fused = viewer.layers["moved fused"]
    rows, columns = dock.session.result.region
    assert valid[rows, columns].all()
    np.testing.assert_array_equal(fused.data, whole[:, :, rows, columns])
    shift = fused.scale[-2:] * (rows.start, columns.start)
    np.testing.assert_allclose(fused.translate[-2:], border.translate[-2:] + shift)
    assert not border.data.any()
    dock.cut["crop"].value = False
    dock.input["register"].value = "off"
    press(qtbot, dock, "run_all")
    assert not border.data.any()
    assert "marked as border" not in dock.figures.text()
