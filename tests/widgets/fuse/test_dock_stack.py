"""The dock on a stack of more than two planes: labels of each plane, depth, and the same brush."""

import shlex
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from napari.components import ViewerModel
from napari.utils.interactions import mouse_press_callbacks, mouse_release_callbacks
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel

import napari_focusstack as nfs
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.plugin.reader import read_layers
from napari_focusstack.plugin.writer import write_layer
from napari_focusstack.samples.stacks import Layer, photograph
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.fuse.dock import FuseWidget
from napari_focusstack.widgets.session.depth_colours import plane_colours

PLANES, SIDE = 5, 96
SCALE, ORIGIN = (2.0, 0.5, 0.5), (10.0, 3.0, 4.0)


def texture(seed):
    """Structure of a few px, grey, 0.2 to 0.8."""
    coarse = torch.rand(1, 1, SIDE // 2, SIDE // 2, generator=torch.Generator().manual_seed(seed))
    fine = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic")
    return (0.2 + 0.6 * fine.clamp(0, 1))[0, 0, :, :, None].numpy()


@pytest.fixture(scope="module")
def planes():
    """Five 16-bit planes: a disk at the first, a bar at the third, the ground at the last."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disk = np.clip(17 - np.hypot(y - 30, x - 30), 0, 1).astype(np.float32)
    bar = np.clip(13 - np.abs(x - 70), 0, 1).astype(np.float32)
    ground = np.ones((SIDE, SIDE), np.float32)
    scene = [Layer(texture(4), disk, 0), Layer(texture(5), bar, 2), Layer(texture(6), ground, 4)]
    return (photograph(scene, PLANES)[..., 0] * 60000).astype(np.uint16)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def stack(viewer, planes):
    return viewer.add_image(
        planes,
        name="stack",
        scale=SCALE,
        translate=ORIGIN,
        units=("um",) * 3,
        axis_labels=("z", "y", "x"),
    )


@pytest.fixture
def dock(viewer, stack, open_stack_dock):
    return open_stack_dock(viewer)


def press(qtbot, dock, name):
    """Press a button and wait until its task has ended."""
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


@pytest.fixture
def fused(dock, qtbot):
    assert press(qtbot, dock, "run_all") == ""
    return dock


def paint(dock, y, x, label):
    """Paint a stroke and let the dock follow it."""
    dock.session.labels.paint((y, x), label)
    dock.follow_brush()


def click(viewer, y, x):
    """Press and let go the mouse over a pixel of the stack."""
    position = (0.0, ORIGIN[1] + SCALE[1] * y, ORIGIN[2] + SCALE[2] * x)
    event = SimpleNamespace(
        type="mouse_press", position=position, modifiers=(), button=1, dims_displayed=[1, 2]
    )
    mouse_press_callbacks(viewer, event)
    event.type = "mouse_release"
    mouse_release_callbacks(viewer, event)


def test_run_all_makes_what_fuse_makes(fused, viewer, planes, deb_weights):
    names = [layer.name for layer in viewer.layers]
    assert names == ["stack", "stack fused", "stack depth", "stack confidence", "stack planes"]
    again = nfs.fuse(planes, psf="reblur", deb_weights=str(deb_weights))
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, again.image)
    np.testing.assert_array_equal(viewer.layers["stack planes"].data, again.labels)
    np.testing.assert_allclose(viewer.layers["stack depth"].data, 2.0 * again.depth)
    np.testing.assert_array_equal(viewer.layers["stack confidence"].data, again.confidence)
    assert f"blur {again.sigma_px:.2f} px per plane" in fused.figures.text()


def test_the_scene_is_found(fused, viewer):
    labels, depth = viewer.layers["stack planes"].data, viewer.layers["stack depth"]
    for (y, x), plane in {(30, 30): 1, (60, 70): 3, (80, 30): 5}.items():
        assert labels[y, x] == plane
        assert depth.data[y, x] == pytest.approx(2.0 * (plane - 1), abs=1)
    assert tuple(depth.contrast_limits) == (0, 8)
    assert tuple(depth.scale) == SCALE[1:]
    assert [str(unit) for unit in depth.units] == ["micrometer"] * 2
    assert not depth.visible


def test_each_plane_has_a_colour_from_warm_to_cool(fused, viewer):
    labels = viewer.layers["stack planes"]
    colours = [labels.get_color(plane) for plane in range(1, PLANES + 1)]
    warmth = [colour[0] - colour[2] for colour in colours]
    assert warmth == sorted(warmth, reverse=True)
    assert labels.get_color(PLANES + 1)[3] == 0
    assert [*fused.legend.colours] == [*range(1, PLANES + 1)]
    assert not fused.legend.isHidden()


def test_colours_grow_darker_in_even_steps():
    luminance = [np.dot([0.3, 0.6, 0.1], colour[:3]) for colour in plane_colours(12).values()]
    steps = -np.diff(luminance)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.min()


def test_a_pair_needs_no_depth(dock, viewer, planes):
    viewer.add_image(planes[[0, 4]], name="pair")
    assert dock.with_depth.value
    dock.stack.value = "pair"
    assert not dock.with_depth.value


def test_a_stroke_is_followed_and_undone(fused, viewer, planes):
    image, labels = viewer.layers["stack fused"], viewer.layers["stack planes"]
    depth = viewer.layers["stack depth"]
    confidence = viewer.layers["stack confidence"]
    before = image.data.copy(), depth.data.copy(), confidence.data.copy()
    labels.brush_size = 9
    paint(fused, 80, 20, 2)
    assert image.data[80, 20] == planes[1, 80, 20]
    assert depth.data[80, 20] == 2.0
    assert confidence.data[80, 20] == 1
    changed = np.argwhere(image.data != before[0])
    assert len(changed) > 9
    assert changed[:, 0].min() > 50  # only what the stroke's blur reaches
    labels.undo()
    fused.follow_brush()
    np.testing.assert_array_equal(image.data, before[0])
    np.testing.assert_array_equal(depth.data, before[1])
    np.testing.assert_array_equal(confidence.data, before[2])


def test_depth_that_is_filled_in_is_said(viewer, dock, qtbot, planes):
    blank = planes.copy()
    blank[:, 40:, :56] = 30000
    viewer.add_image(blank, name="blank")
    dock.stack.value = "blank"
    press(qtbot, dock, "run_all")
    confidence, filled = viewer.layers["blank confidence"], dock.session.result.filled
    assert not confidence.visible
    assert tuple(confidence.contrast_limits) == (0, 1)
    assert filled[70, 20]
    assert confidence.data[70, 20] < 0.2
    assert f"the depth of {100 * filled.mean():.1f}% of the pixels" in dock.figures.text()


def test_what_is_erased_is_farthest(fused, viewer, planes):
    viewer.layers["stack planes"].brush_size = 15
    paint(fused, 60, 70, 0)
    assert viewer.layers["stack depth"].data[60, 70] == 8.0
    assert fused.session.canvas.focus.labels[60, 70] == PLANES


def test_what_follows_the_brush_is_what_fusing_anew_gives(fused, qtbot, viewer):
    viewer.layers["stack planes"].brush_size = 9
    paint(fused, 80, 20, 2)
    paint(fused, 60, 70, 5)
    followed = viewer.layers["stack fused"].data.astype(int)
    assert press(qtbot, fused, "fuse") == ""
    difference = np.abs(viewer.layers["stack fused"].data - followed)
    assert difference.max() <= 60  # of 60000


def test_a_label_that_names_no_plane_is_refused_and_can_be_undone(fused, qtbot, viewer):
    image, labels = viewer.layers["stack fused"], viewer.layers["stack planes"]
    before = image.data.copy()
    paint(fused, 80, 20, PLANES + 1)
    assert fused.tasks.message.text().startswith("label 6 names no plane, for there are 5")
    np.testing.assert_array_equal(image.data, before)
    assert "label 6 names no plane" in press(qtbot, fused, "run_all")
    labels.undo()
    fused.follow_brush()
    np.testing.assert_array_equal(image.data, before)


def test_segmenting_again_keeps_what_was_painted_and_it_can_be_dropped(fused, qtbot, viewer):
    labels = viewer.layers["stack planes"]
    found = labels.data.copy()
    paint(fused, 80, 20, 2)
    painted = labels.data.copy()
    for button in ("segment", "run_all"):
        assert press(qtbot, fused, button) == ""
        np.testing.assert_array_equal(labels.data, painted)
    press(qtbot, fused, "drop_fixes")
    np.testing.assert_array_equal(labels.data, found)


def test_the_plane_under_the_cursor_is_picked(fused, qtbot, viewer):
    labels = fused.session.labels
    viewer.layers.selection.active = viewer.layers["stack"]
    assert "click in the picture" in press(qtbot, fused, "pick_plane")
    assert labels.mode == "pan_zoom"  # so that the click paints nothing
    before = labels.data.copy()
    click(viewer, 60, 70)
    assert labels.selected_label == 3
    assert labels.mode == "paint"
    assert viewer.layers.selection.active is labels
    assert viewer.dims.point[0] == ORIGIN[0] + 2 * SCALE[0]
    assert fused.legend.chosen == 3
    assert not fused.buttons["pick_plane"].isChecked()
    click(viewer, 30, 30)  # once is enough
    assert labels.selected_label == 3
    np.testing.assert_array_equal(labels.data, before)


def test_a_click_outside_picks_nothing_and_picking_can_be_given_up(fused, qtbot, viewer):
    press(qtbot, fused, "pick_plane")
    shown = fused.session.labels.selected_label
    click(viewer, -5, 10)
    assert fused.session.labels.selected_label == shown
    press(qtbot, fused, "pick_plane")
    press(qtbot, fused, "pick_plane")
    click(viewer, 80, 30)
    assert fused.session.labels.selected_label == shown


@pytest.mark.parametrize(("near", "plane"), [("first", 4), ("last", 2)])
def test_the_brush_takes_the_plane_that_the_slider_shows(dock, qtbot, viewer, near, plane):
    dock.input["near"].value = near
    press(qtbot, dock, "segment")
    viewer.dims.set_current_step(0, 3)
    assert f"the brush paints plane {plane}" in press(qtbot, dock, "paint_plane")
    assert dock.session.labels.selected_label == plane
    assert viewer.dims.current_step[0] == 3
    dock.legend.clicked.emit(1)
    assert dock.session.labels.selected_label == 1
    assert viewer.dims.current_step[0] == (0 if near == "first" else PLANES - 1)


def test_the_near_end_can_be_found_and_the_slider_knows_it(dock, qtbot, viewer, planes):
    viewer.add_image(planes[::-1], name="turned", scale=SCALE, units=("um",) * 3)
    dock.stack.value = "turned"
    dock.input["near"].value = "auto"
    assert press(qtbot, dock, "run_all") == ""
    assert "the last plane is nearest" in dock.figures.text()
    assert viewer.layers["turned planes"].data[30, 30] == 1
    dock.session.labels.selected_label = 2
    assert viewer.dims.current_step[0] == PLANES - 2


def test_the_slider_follows_the_label_that_napari_selects(fused, viewer):
    fused.session.labels.selected_label = 5
    assert viewer.dims.current_step[0] == 4
    assert fused.legend.chosen == 5


@pytest.mark.parametrize("button", ["pick_plane", "paint_plane", "show_surface"])
def test_before_anything_is_found_a_sentence_says_so(dock, qtbot, button):
    told = press(qtbot, dock, button)
    assert told.endswith("first.")
    assert not dock.buttons[button].isChecked()


def test_two_layers_have_no_slider(dock, qtbot, viewer, planes, fsb_weights):
    weights_menu.add_weights("fsb", fsb_weights)
    dock.weights["fsb"].value = str(fsb_weights)
    for name, plane in (("near", planes[0]), ("far", planes[4])):
        viewer.add_image(plane, name=name)
    dock.stack.value, dock.far.value = "near", "far"
    press(qtbot, dock, "segment")
    assert "no slider shows one of them" in press(qtbot, dock, "paint_plane")


def test_the_chosen_plane_and_the_picture_before_can_be_compared_with(fused, planes):
    menu = fused.wipe.menu
    offered = [menu.itemText(index) for index in range(menu.count())]
    assert offered == ["chosen plane", "with the halo"]
    for plane in (2, 4):
        fused.session.labels.selected_label = plane
        np.testing.assert_array_equal(fused.wipe.chosen, planes[plane - 1])


def test_what_is_wrong_with_the_stack_is_said_and_sharpness_is_plotted(
    fused, qtbot, viewer, planes
):
    points, _ = fused.sharpness.series["sharpness"]
    assert points[:, 0].tolist() == [1, 2, 3, 4, 5]
    twice = np.concatenate([planes[:2], planes[1:]])
    viewer.add_image(twice, name="twice")
    fused.stack.value = "twice"
    press(qtbot, fused, "run_all")
    assert "planes 2, 3 show the same" in fused.verdict.sentence.text()


def test_the_surface_lies_where_the_stack_lies(fused, qtbot, viewer):
    visible = [layer.visible for layer in viewer.layers]
    assert press(qtbot, fused, "show_surface") == ""
    surface = viewer.layers["stack surface"]
    assert viewer.dims.ndisplay == 3
    assert [layer.name for layer in viewer.layers if layer.visible] == ["stack surface"]
    low, high = surface.extent.world
    np.testing.assert_allclose(low, ORIGIN, atol=0.5)
    end = [ORIGIN[0] + 8, *(ORIGIN[axis] + (SIDE - 1) * 0.5 for axis in (1, 2))]
    np.testing.assert_allclose(high, end, atol=0.5)
    assert [str(unit) for unit in surface.units] == ["micrometer"] * 3
    press(qtbot, fused, "show_surface")
    assert viewer.dims.ndisplay == 2
    assert [layer.visible for layer in viewer.layers] == visible


def test_the_surface_of_a_stack_whose_last_plane_is_near_is_seen_from_there(dock, qtbot, viewer):
    dock.input["near"].value = "last"
    press(qtbot, dock, "run_all")
    press(qtbot, dock, "show_surface")
    surface = viewer.layers["stack surface"]
    # what was the first plane's disk is now farthest, still where the first plane is
    row = np.abs(surface.vertices[:, 1:] - 30 * 0.5).sum(1).argmin()
    assert surface.vertices[row, 0] + surface.translate[0] == pytest.approx(ORIGIN[0], abs=1)
    assert viewer.scene.camera.orientation[0] == "towards"


def test_without_a_plane_distance_the_depth_is_drawn_and_this_is_said(dock, qtbot, viewer, planes):
    viewer.add_image(planes, name="plain")
    dock.stack.value = "plain"
    press(qtbot, dock, "run_all")
    assert "distance between planes is not known" in press(qtbot, dock, "show_surface")
    assert np.ptp(viewer.layers["plain surface"].vertices[:, 0]) == pytest.approx(
        0.4 * SIDE, rel=0.1
    )


def test_settings_are_copied_as_python_that_repeats_the_run(fused, qtbot, viewer):
    press(qtbot, fused, "copy_python")
    text = QApplication.clipboard().text()
    assert text.splitlines()[1].startswith("result = nfs.fuse(viewer.layers['stack'], ")
    names = {"viewer": viewer}
    exec(text, names)
    image = viewer.layers["stack fused"]
    np.testing.assert_array_equal(names["result"].image, image.data)
    again = viewer.layers[-1]
    np.testing.assert_array_equal(again.data, image.data)
    assert tuple(again.scale) == tuple(image.scale)
    assert again.units == image.units
    viewer.layers["stack planes"].brush_size = 9
    paint(fused, 80, 20, 2)
    press(qtbot, fused, "copy_python")
    assert "labels=viewer.layers['stack planes']" in QApplication.clipboard().text()
    exec(QApplication.clipboard().text(), names)
    assert names["result"].labels[80, 20] == 2
    np.testing.assert_array_equal(names["result"].image, image.data)


def test_a_painted_run_repeats_from_its_files_bit_for_bit(
    dock, qtbot, viewer, planes, tmp_path, monkeypatch, open_stack_dock
):
    from napari_focusstack.commands.main import main

    fused = dock
    fused.blend["blend"].value = "none"
    press(qtbot, fused, "run_all")
    image, labels = viewer.layers["stack fused"], viewer.layers["stack planes"]
    labels.brush_size = 9
    paint(fused, 80, 20, 2)
    paint(fused, 20, 60, 3)
    paint(fused, 46, 34, int(labels.data[46, 34]))  # a decision, although no label changes
    painted, followed = labels.data.copy(), image.data.copy()
    settings, stack = fused.parameters(), viewer.layers["stack"]
    monkeypatch.chdir(tmp_path)
    for layer, name in ((stack, "stack.tif"), (labels, "stack planes.ome.tif")):
        write_layer(name, *layer.as_layer_data_tuple()[:2])
    said = press(qtbot, fused, "copy_command")
    assert "'stack' as 'stack.tif' and layer 'stack planes' as 'stack planes.ome.tif'" in said
    words = shlex.split(QApplication.clipboard().text())
    assert main(words[1:]) == 0
    np.testing.assert_array_equal(tifffile.imread("stack fused.tif"), followed)

    viewer.layers.clear()
    for name, add in (("stack.tif", viewer.add_image), ("stack planes.ome.tif", viewer.add_labels)):
        ((data, meta, _),) = read_layers(name)
        add(data, **meta)
    dock = open_stack_dock(viewer)
    assert dock.tasks.message.text() == "settings of 'stack planes' loaded"
    assert dock.parameters() == settings
    assert press(qtbot, dock, "fuse") == ""
    np.testing.assert_array_equal(viewer.layers["stack fused"].data, followed)
    np.testing.assert_array_equal(viewer.layers["stack planes"].data, painted)


@pytest.mark.parametrize("near", ["first", "last"])
def test_python_is_right_for_a_time_point_and_an_end_that_metadata_do_not_tell(
    dock, qtbot, viewer, planes, near
):
    movie = np.stack([planes[:, ::-1], planes], 1)
    viewer.add_image(movie, name="movie", metadata={"focusstack": {"near": "last"}})
    dock.stack.value, dock.axis.value, dock.input["near"].value = "movie", 0, near
    viewer.dims.set_current_step(1, 1)
    press(qtbot, dock, "run_all")
    press(qtbot, dock, "copy_python")
    text = QApplication.clipboard().text()
    assert "viewer.layers['movie'].data[:, 1]" in text
    names = {"nfs": nfs, "viewer": viewer}
    exec(text, names)
    np.testing.assert_array_equal(names["result"].image, viewer.layers["movie fused"].data[1])


def test_settings_are_copied_as_a_command_that_repeats_the_run(
    fused, qtbot, viewer, planes, tmp_path, monkeypatch
):
    from napari_focusstack.commands.main import main

    folder = tmp_path / "stack.tif"  # of planes
    folder.mkdir()
    for number, plane in enumerate(planes):
        write_image(folder / f"z{number}.tif", plane)
    press(qtbot, fused, "copy_command")
    words = shlex.split(QApplication.clipboard().text())
    assert words[:5] == ["napari-focusstack", "fuse", "stack.tif", "-o", "stack fused.tif"]
    monkeypatch.chdir(tmp_path)
    assert main(words[1:]) == 0
    told = read_record(tmp_path / "stack fused.tif")["parameters"]
    assert FuseParameters(**told) == fused.parameters()
    paint(fused, 80, 20, 2)
    press(qtbot, fused, "copy_command")
    assert "--labels 'stack planes.ome.tif'" in QApplication.clipboard().text()


def test_settings_are_loaded_from_the_depth_layer(fused, qtbot, viewer, monkeypatch):
    made_with = fused.parameters()
    fused.elimination["elimination"].value = "none"
    viewer.layers.selection.active = viewer.layers["stack depth"]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    assert "loaded" in press(qtbot, fused, "load_layer")
    assert fused.parameters() == made_with


def test_elimination_none_selects_source_pixels(dock, qtbot, viewer, planes):
    dock.elimination["elimination"].value = "none"
    dock.blend["blend"].value = "none"
    dock.with_sources.value = True
    press(qtbot, dock, "run_all")
    image, source = viewer.layers["stack fused"].data, viewer.layers["stack sources"].data
    chosen = np.take_along_axis(planes, source[None].astype(int) - 1, 0)[0]
    np.testing.assert_array_equal(image, chosen)
    assert "no halo removed" in dock.figures.text()


def test_a_new_dock_goes_on_with_the_layers_it_finds(fused, qtbot, viewer, deb_weights):
    paint(fused, 80, 20, 2)
    painted = viewer.layers["stack planes"].data.copy()
    again = FuseWidget(viewer)
    qtbot.addWidget(again)
    again.weights["deb"].value = str(deb_weights)
    again.psf.value = "reblur"
    assert press(qtbot, again, "run_all") == ""
    np.testing.assert_array_equal(viewer.layers["stack planes"].data, painted)
    assert len(viewer.layers) == 5


def test_the_other_end_is_offered_and_taken(dock, qtbot, viewer, planes, monkeypatch):
    ratio = "napari_focusstack.fusion.pipeline.Pipeline._ratio_reversed"
    monkeypatch.setattr(ratio, lambda self, *_: 0.1 if self.near == "first" else 1.0)
    dock.input["near"].value = "first"
    viewer.add_image(planes[::-1], name="turned", scale=SCALE, units=("um",) * 3)
    dock.stack.value = "turned"
    press(qtbot, dock, "run_all")
    press(qtbot, dock, "fuse")  # which measures nothing anew
    assert "other end of the stack seems to be the nearest" in dock.verdict.sentence.text()
    dock.verdict.buttons[0].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert dock.input["near"].value == "last"
    assert dock.session.labels.data[30, 30] == 1
    assert all(each.text() != "Swap ends" for each in dock.verdict.buttons)


def test_the_end_that_was_found_can_be_changed_also_after_fuse(dock, qtbot, viewer, monkeypatch):
    turned = "napari_focusstack.fusion.near_end.Pipeline.ratio_when_reversed"

    def explains_nothing(self):
        yield from ()
        return 0.0

    monkeypatch.setattr(turned, explains_nothing)
    monkeypatch.setattr("napari_focusstack.fusion.near_end.PROMISING", 2.0)
    dock.input["near"].value = "auto"
    for step in ("run_all", "fuse"):
        press(qtbot, dock, step)
        finding = "taken for the nearest: only so a blur explains the halos"
        assert any(finding in label.text() for label in dock.verdict.findChildren(QLabel)), step


@pytest.mark.parametrize("near", ["first", "last"])
def test_a_plane_that_is_there_twice_is_left_out_with_one_click(dock, qtbot, viewer, planes, near):
    twice = np.concatenate([planes[:2], planes[1:]])
    viewer.add_image(twice if near == "first" else twice[::-1], name="twice")
    dock.stack.value = "twice"
    dock.input["near"].value = near
    press(qtbot, dock, "run_all")
    # as the slider and the tick boxes count
    text = "Leave out plane 3" if near == "first" else "Leave out plane 4"
    next(each for each in dock.verdict.buttons if each.text() == text).click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert dock.tasks.message.text() == ""
    assert dock.input["planes"].value == ("1:2,4:6" if near == "first" else "1:3,5:6")
    assert all(each.text() != text for each in dock.verdict.buttons)
    assert not (viewer.layers["twice planes"].data == 3).any()  # labels count from the nearest
    used = np.delete(dock.session.depths, 2)
    np.testing.assert_allclose(np.diff(used), np.diff(used)[0])  # focus did not move to the copy
    dock.stack.value = "stack"
    assert dock.input["planes"].value == ""


@pytest.mark.parametrize("near", ["first", "last"])
def test_a_plane_of_another_scene_is_left_out_with_one_click(dock, qtbot, viewer, planes, near):
    strange = (texture(9)[None, ..., 0] * 60000).astype(np.uint16)
    viewer.add_image(np.concatenate([planes[:3], strange, planes[3:]]), name="mixed")
    dock.stack.value = "mixed"
    dock.input["near"].value = near
    assert press(qtbot, dock, "run_all") == ""
    assert dock.verdict.sentence.text() == (
        "Plane 4 shows something else than the others, so nothing was fused."
    )
    dock.stack.value = "stack"
    assert dock.verdict.sentence.text() == ""
    dock.stack.value = "mixed"
    (button,) = dock.verdict.buttons
    button.click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert dock.input["planes"].value == "1:3,5:6"
    assert "mixed fused" in viewer.layers
    assert "Plane 4" not in dock.verdict.sentence.text()


def test_of_planes_at_one_position_one_is_left_out_by_a_button(dock, qtbot, viewer, planes):
    places = [0.0, 1.0, 1.0, 2.0, 3.0][: len(planes)]
    about = {"focus_axis": 0, "z_step": 1.0, "unit": "um", "positions": places}
    viewer.add_image(planes, name="twice", metadata={"focusstack": about})
    dock.stack.value = "twice"
    said = "Planes 2 and 3 lie at one position; only one of them can be used."
    assert dock.verdict.sentence.text() == said
    dock.buttons["run_all"].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert "leave out those at one position" in dock.tasks.message.text()
    assert dock.verdict.sentence.text() == said
    (button,) = dock.verdict.buttons
    assert button.text() == "Leave out plane 3"
    button.click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert "twice fused" in viewer.layers
    assert "one position" not in dock.verdict.sentence.text()


def test_planes_out_of_order_are_sorted_by_a_button(dock, qtbot, viewer, planes):
    about = {"focus_axis": 0, "path": "mixed.tif", "z_step": 2.0, "unit": "um"}
    mixed = viewer.add_image(
        planes[[0, 3, 2, 1, 4]], name="mixed", scale=SCALE, metadata={"focusstack": about}
    )
    dock.stack.value = "mixed"
    press(qtbot, dock, "run_all")
    (button,) = (each for each in dock.verdict.buttons if each.text() == "Sort planes")
    button.click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    assert dock.stack.value == "mixed sorted"
    layer = viewer.layers["mixed sorted"]
    found = layer.data if (layer.data[0] == planes[0]).all() else layer.data[::-1]
    np.testing.assert_array_equal(found, planes)
    np.testing.assert_array_equal(layer.scale, SCALE)
    np.testing.assert_array_equal(mixed.data, planes[[0, 3, 2, 1, 4]])
    assert "path" not in layer.metadata["focusstack"]
    assert not mixed.visible
    assert "mixed sorted fused" in viewer.layers
    assert "Sort planes" not in [each.text() for each in dock.verdict.buttons]


def test_positions_that_a_file_gives_count_for_depth_and_are_copied(dock, qtbot, viewer, planes):
    places = (5.0, 6.0, 7.0, 11.0, 13.0)
    about = {"focus_axis": 0, "z_step": SCALE[0], "unit": "um", "positions": places}
    keywords = {"scale": SCALE, "units": ("um",) * 3, "metadata": {"focusstack": about}}
    viewer.add_image(planes, name="uneven", **keywords)
    dock.stack.value = "uneven"
    assert dock.parameters().z_step == 0  # positions say more
    press(qtbot, dock, "run_all")
    behind = np.subtract(places, 5)
    np.testing.assert_allclose(dock.session.depths, behind)
    assert dock.legend.depths[4] == "6"
    depth = viewer.layers["uneven depth"]
    assert depth.contrast_limits == [0, 8]
    bar = np.median(depth.data[..., 60:80, 65:75])  # at the third plane: 4 if steps were equal
    assert bar == pytest.approx(2, abs=1)
    assert viewer.layers["uneven fused"].metadata["focusstack"]["record"]["found"]["positions"] == (
        behind.tolist()
    )
    dock.copy_command()
    assert "--z-step" not in QApplication.clipboard().text()
