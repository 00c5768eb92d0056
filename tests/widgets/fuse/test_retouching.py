"""Retouching in the dock, on a viewer without a window."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.action_manager import action_manager
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from napari.utils.key_bindings import KeymapHandler

from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.retouch import shortcuts

PLANES, SIDE = 3, 48


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture(scope="module")
def scene(make_focal_stack):
    return make_focal_stack(PLANES, 1.0, side=SIDE)


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


@pytest.fixture
def dock(viewer, scene, open_stack_dock, qtbot):
    """The dock over a fused stack of three planes; the slider shows the second."""
    viewer.add_image(np.stack(scene.planes(grey=True)), name="stack", axis_labels=("z", "y", "x"))
    dock = open_stack_dock(viewer)
    assert press(qtbot, dock, "run_all") == ""
    viewer.dims.set_current_step(0, 1)
    return dock


@pytest.fixture
def labels(dock):
    return dock.session.labels


@pytest.fixture
def keys(viewer, dock):
    """What napari does with keys while its canvas has the focus."""
    handler = KeymapHandler()

    def providers():
        active = viewer.layers.selection.active
        handler.keymap_providers = [active, viewer] if active else [viewer]
        return handler

    return providers


def drag(viewer, *columns, row=10):
    """Drag the mouse over columns of a row; tell whether napari was to move the camera."""
    event = SimpleNamespace(
        type="mouse_press",
        position=(0.0, row, columns[0]),
        modifiers=(),
        button=1,
        dims_displayed=[1, 2],
        view_direction=None,
        is_dragging=True,
        handled=False,
    )

    def tell(callbacks):
        for target in (viewer, viewer.layers.selection.active):
            callbacks(target, event)

    tell(mouse_press_callbacks)
    event.type = "mouse_move"
    for column in columns[1:]:
        event.position = (0.0, row, column)
        tell(mouse_move_callbacks)
    event.type = "mouse_release"
    tell(mouse_release_callbacks)
    return not event.handled


def test_retouching_brings_up_outlines_brush_and_plane_and_ends_bare(dock, labels, viewer, qtbot):
    assert not labels.visible
    press(qtbot, dock, "retouch")
    assert labels.visible
    assert labels.contour > 0
    assert labels.mode == "paint"
    assert viewer.layers.selection.active is labels
    assert labels.selected_label == 2  # as the slider shows
    view = dock.steps.retouch.view
    np.testing.assert_array_equal(view.plane, viewer.layers["stack"].data[1])
    assert view.caption == "plane 2 of 3"
    press(qtbot, dock, "retouch")
    assert not labels.visible
    assert labels.mode == "pan_zoom"
    assert viewer.layers.selection.active is viewer.layers["stack fused"]


def test_retouching_shows_a_hidden_image(dock, labels, viewer, qtbot):
    viewer.layers["stack fused"].visible = False
    press(qtbot, dock, "retouch")
    assert viewer.layers["stack fused"].visible


def test_a_run_shows_its_image_also_where_the_last_one_was_hidden(dock, viewer, qtbot):
    viewer.layers["stack fused"].visible = False
    press(qtbot, dock, "fuse")
    assert viewer.layers["stack fused"].visible


@pytest.mark.parametrize("name", ["stack fused", "stack planes", "stack"])
def test_retouching_ends_where_a_layer_that_it_needs_is_removed(dock, labels, viewer, qtbot, name):
    press(qtbot, dock, "retouch")
    viewer.layers.remove(name)
    qtbot.waitUntil(lambda: not dock.steps.retouch.active)
    assert not dock.buttons["retouch"].isChecked()
    if name != "stack":
        assert press(qtbot, dock, "fuse") == ""
        press(qtbot, dock, "retouch")
        assert dock.steps.retouch.active


def test_without_the_fused_image_labels_alone_are_painted(dock, labels, viewer, qtbot):
    viewer.layers.remove("stack fused")
    assert "the fused image was removed; press Fuse" in press(qtbot, dock, "retouch")
    assert "brush paints plane 2" in press(qtbot, dock, "paint_plane")
    assert not dock.steps.retouch.active
    assert labels.visible
    assert labels.mode == "paint"


@pytest.mark.parametrize("name", ["pick_plane", "paint_plane", "retouch"])
def test_without_labels_no_brush_can_begin(dock, viewer, qtbot, name):
    viewer.layers.remove("stack planes")
    assert "press Find planes or Run all first" in press(qtbot, dock, name)
    assert not dock.buttons[name].isChecked()


def test_a_label_that_names_no_plane_is_said_and_does_no_harm(dock, labels, viewer, qtbot):
    press(qtbot, dock, "retouch")
    labels.selected_label = 9
    view = dock.steps.retouch.view
    assert view.plane is None
    assert view.caption == "label 9 names no plane: there are 3"
    labels.paint((20, 20), 9)
    assert "label 9 names no plane" in press(qtbot, dock, "fuse")
    assert not dock.verdict.isVisibleTo(dock)
    labels.undo()
    assert press(qtbot, dock, "fuse") == ""
    labels.selected_label = 2
    np.testing.assert_array_equal(dock.wipe.chosen, viewer.layers["stack"].data[1])


def test_a_pair_is_offered_no_plane_to_pick(viewer, scene, open_stack_dock):
    planes = np.stack(scene.planes(grey=True))
    viewer.add_image(planes[:2], name="pair")
    dock = open_stack_dock(viewer)
    tools = dock.buttons["pick_plane"], dock.buttons["paint_plane"]
    assert not any(tool.isVisibleTo(dock) for tool in tools)
    viewer.add_image(planes, name="three")
    dock.stack.value = "three"
    assert all(tool.isVisibleTo(dock) for tool in tools)


def test_before_a_fusion_there_is_nothing_to_retouch(viewer, scene, open_stack_dock, qtbot):
    viewer.add_image(np.stack(scene.planes(grey=True)), name="stack", axis_labels=("z", "y", "x"))
    dock = open_stack_dock(viewer)
    assert press(qtbot, dock, "retouch").endswith("first.")
    assert not dock.buttons["retouch"].isChecked()
    press(qtbot, dock, "segment")
    assert dock.session.labels.visible  # nothing else shows them
    assert press(qtbot, dock, "retouch").startswith("nothing is fused yet")


def test_slider_brush_bar_second_view_and_comparison_are_one_plane(dock, labels, viewer, qtbot):
    press(qtbot, dock, "retouch")
    view, stack = dock.steps.retouch.view, viewer.layers["stack"].data

    def together(plane):
        assert labels.selected_label == dock.legend.chosen == plane
        assert viewer.dims.current_step[0] == plane - 1
        np.testing.assert_array_equal(view.plane, stack[plane - 1])
        np.testing.assert_array_equal(dock.wipe.chosen, stack[plane - 1])

    viewer.dims.set_current_step(0, 2)
    together(3)
    dock.legend.clicked.emit(1)
    together(1)
    labels.selected_label = 2
    together(2)
    view.stepped.emit(1)
    together(3)
    view.stepped.emit(1)  # there is no fourth
    together(3)


def test_before_retouching_the_slider_chooses_what_is_compared(dock, labels, viewer):
    stack = viewer.layers["stack"].data
    assert labels.mode == "pan_zoom"
    for step in (2, 0):
        viewer.dims.set_current_step(0, step)
        assert labels.selected_label == dock.legend.chosen == step + 1
        np.testing.assert_array_equal(dock.wipe.chosen, stack[step])
    assert not labels.visible


def test_a_pick_that_is_dragged_follows_the_planes(dock, labels, viewer, qtbot):
    labels.data[10, 20:] = 1
    labels.data[10, 40:] = 3
    before = np.array(labels.data)
    press(qtbot, dock, "pick_plane")
    assert not drag(viewer, 20, 30, 45)  # the camera stays
    assert labels.selected_label == 3
    assert labels.mode == "paint"
    np.testing.assert_array_equal(labels.data, before)
    assert dock.tasks.message.text() == "the brush paints plane 3, counted from the nearest"


def test_nothing_more_is_said_of_a_pick_that_is_given_up(dock, labels, viewer, qtbot):
    assert press(qtbot, dock, "pick_plane").startswith("click in the picture")
    assert press(qtbot, dock, "pick_plane") == ""


def test_no_box_hides_what_lies_under_the_brush(dock, labels, viewer, qtbot):
    press(qtbot, dock, "retouch")
    assert not viewer.canvas.overlays["_brush_circle"].box


def test_keys_do_what_the_buttons_do(dock, labels, viewer, keys):
    keys().press_key("R")
    assert labels.mode == "paint"
    labels.data[10, 30] = 1
    viewer.cursor.position = (0.0, 10.0, 30.0)
    keys().press_key("S")
    assert labels.selected_label == 1
    labels.mode = "erase"
    viewer.dims.set_current_step(0, 1)
    keys().press_key("D")
    assert (labels.mode, labels.selected_label) == ("paint", 2)
    keys().press_key("W")
    assert viewer.layers["stack fused | chosen plane"].visible
    keys().press_key("W")
    assert not viewer.layers["stack fused | chosen plane"].visible
    keys().press_key("R")
    assert not labels.visible


def test_a_blink_lasts_as_long_as_its_key_is_held(dock, labels, viewer, keys, qtbot):
    press(qtbot, dock, "retouch")
    opacity = labels.opacity
    handler = keys()
    handler.press_key("A")
    shown = viewer.layers["stack fused | chosen plane"]
    assert shown.visible
    assert shown.data.shape == (SIDE, SIDE)
    np.testing.assert_array_equal(shown.data, viewer.layers["stack"].data[1])
    assert labels.opacity == 0
    handler.release_key("A")
    assert not shown.visible
    assert labels.opacity == opacity
    assert labels.mode == "paint"


def test_keys_are_in_the_shortcut_editor_and_tooltips_follow_it(dock):
    listed = action_manager._get_provider_actions(ViewerModel)
    names = {shortcuts.identifier(name) for name in shortcuts.ACTIONS}
    assert names <= set(listed)
    assert dock.buttons["retouch"].toolTip().endswith("(R)")
    assert dock.wipe.blink_button.toolTip().endswith("(A)")


def test_keys_disturb_no_key_of_napari():
    from napari.utils.shortcuts import default_shortcuts

    taken = {
        str(key)
        for name, keys in default_shortcuts.items()
        for key in keys
        if not any(f"_{kind}" in name for kind in ("points", "shapes", "vectors", "tracks"))
        and name.removeprefix("napari:") not in OF_SHAPES
    }
    assert not taken & {action.key for action in shortcuts.ACTIONS.values()}


#: Actions of Points and Shapes layers whose names do not say so.
OF_SHAPES = {
    "activate_add_rectangle_mode",
    "activate_direct_mode",
    "activate_select_mode",
    "select_all_in_slice",
    "select_shapes_in_slice",
}


def test_the_keys_of_a_closed_dock_do_nothing(dock, labels, viewer, keys):
    shortcuts.unregister(dock)
    keys().press_key("R")
    assert not labels.visible


def test_the_line_of_the_wipe_is_dragged_and_nothing_is_painted(dock, labels, viewer, qtbot):
    press(qtbot, dock, "retouch")
    dock.wipe.wipe_button.click()
    left = viewer.layers["stack fused | chosen plane"]
    assert left.data.shape == (SIDE, SIDE // 2)
    assert left.bounding_box.visible
    before = np.array(labels.data)
    assert not drag(viewer, 24, 30, 40)
    assert left.data.shape == (SIDE, 40)
    np.testing.assert_array_equal(labels.data, before)
    assert labels.mode == "paint"
    drag(viewer, 5, 6)  # away from the line it paints
    assert (labels.data != before).any()
    assert left.data.shape == (SIDE, 40)


def test_a_pair_is_retouched_with_foreground_and_background(
    viewer, scene, open_stack_dock, qtbot, fsb_weights
):
    planes = np.stack(scene.planes(grey=True))[[0, 2]]
    viewer.add_image(planes, name="pair", axis_labels=("z", "y", "x"))
    dock = open_stack_dock(viewer)
    weights_menu.add_weights("fsb", fsb_weights)
    dock.weights["fsb"].value = str(fsb_weights)
    dock.foreground["crf"].value = False
    press(qtbot, dock, "run_all")
    press(qtbot, dock, "retouch")
    labels, view = dock.session.labels, dock.steps.retouch.view
    assert [*dock.legend.colours] == [1, 2]
    assert dock.buttons["pick_plane"].isHidden()
    assert dock.buttons["paint_plane"].isHidden()
    dock.legend.clicked.emit(2)
    assert (labels.selected_label, view.caption) == (0, "far plane")
    assert dock.legend.chosen == 2
    dock.legend.clicked.emit(1)
    assert (labels.selected_label, view.caption) == (1, "near plane")
    np.testing.assert_array_equal(dock.wipe.chosen, planes[0])


def test_another_stack_or_a_closed_dock_ends_retouching(dock, labels, viewer, qtbot):
    press(qtbot, dock, "retouch")
    viewer.add_image(viewer.layers["stack"].data[:, ::-1], name="other")
    dock.stack.value = "other"
    assert not labels.visible
    dock.stack.value = "stack"
    press(qtbot, dock, "retouch")
    assert labels.visible
    dock.steps.leave()
    assert not labels.visible


def test_bar_and_brush_are_of_the_chosen_stack_only(dock, labels, viewer, qtbot, scene):
    viewer.add_image(np.stack(scene.planes(grey=True)), name="other")
    dock.stack.value = "other"
    assert dock.legend.isHidden()
    assert "press Find planes or Run all first" in press(qtbot, dock, "paint_plane")
    assert labels.mode == "pan_zoom"
    dock.stack.value = "stack"
    assert "brush paints plane" in press(qtbot, dock, "paint_plane")
    assert labels.mode == "paint"
    assert not dock.legend.isHidden()


def test_the_bar_of_a_stack_goes_with_it(dock, viewer, qtbot):
    viewer.layers.remove("stack")
    qtbot.waitUntil(dock.legend.isHidden)


@pytest.mark.parametrize(
    ("how", "contour", "selected"),
    [
        ("outline of chosen", True, True),
        ("outlines", True, False),
        ("areas", False, False),
        ("not at all", True, False),
    ],
)
def test_planes_are_shown_as_wanted(dock, labels, qtbot, how, contour, selected):
    dock.overlay.value = how
    press(qtbot, dock, "retouch")
    assert (labels.contour > 0) == contour
    assert labels.show_selected_label == selected
    assert (labels.opacity > 0) == (how != "not at all")
    assert labels.mode == "paint"


def test_the_second_view_has_the_background_of_the_canvas(dock, labels, viewer, qtbot):
    press(qtbot, dock, "retouch")
    view = dock.steps.retouch.view
    view.resize(200, 200)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 24, 24), 1
    for theme, is_light in (("dark", False), ("light", True)):
        viewer.theme = theme
        corner = view.grab().toImage().pixelColor(190, 190)
        assert (corner.lightness() > 128) == is_light
