"""*Preview* fuses a part of the picture, in its place."""

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_focusstack.widgets.fuse.preview import MOST_IN_PLANE, MOST_PIXELS, preview_region
from napari_focusstack.widgets.session.source import Source

SIDE = 96


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def stack(viewer, make_focal_stack):
    planes = np.stack(make_focal_stack(3, 1.0, side=SIDE).planes(grey=True))
    place = {"scale": (2.0, 0.5, 0.5), "translate": (0, 3, 4), "rotate": 20}
    return viewer.add_image(planes, name="ant", units=("um",) * 3, **place)


@pytest.fixture
def dock(viewer, stack, open_stack_dock):
    return open_stack_dock(viewer)


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


def test_before_anything_is_shown_the_middle_of_the_picture_is_taken(viewer):
    layer = viewer.add_image(np.zeros((10, 1000, 2000), np.uint8))
    rows, columns = preview_region(viewer, Source((layer,), 0, (0,)))
    pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
    assert 0.9 * MOST_PIXELS / 10 < pixels < 1.1 * MOST_PIXELS / 10
    assert rows.start + rows.stop == pytest.approx(1000, abs=2)
    assert columns.start + columns.stop == pytest.approx(2000, abs=2)


def test_what_is_visible_is_taken_if_it_is_small_and_else_its_middle(viewer):
    layer = viewer.add_image(np.zeros((2, 1000, 2000), np.uint8))
    source = Source((layer,), 0, (0,))
    layer.corner_pixels = np.array([[0, 700, 1800], [1, 900, 1950]])
    assert preview_region(viewer, source) == np.s_[700:900, 1800:1950]
    layer.corner_pixels = np.array([[0, 0, 1000], [1, 1000, 2000]])
    rows, columns = preview_region(viewer, source)
    assert (rows.stop - rows.start) * (columns.stop - columns.start) < 1.05 * MOST_IN_PLANE
    assert columns.start > 1000


def test_of_a_hidden_stack_what_is_visible_of_its_result_is_taken(viewer):
    stack = viewer.add_image(np.zeros((2, 1000, 2000), np.uint8), scale=(3, 0.5, 0.5))
    fused = viewer.add_image(np.zeros((1000, 2000), np.uint8), scale=(0.5, 0.5))
    stack.corner_pixels = np.array([[0, 0, 0], [1, 100, 100]])  # as it was when it was hidden
    stack.visible = False
    fused.corner_pixels = np.array([[700, 1800], [900, 1950]])
    rows, columns = preview_region(viewer, Source((stack,), 0, (0,)))
    assert (rows.start, rows.stop) == pytest.approx((700, 900), abs=1)
    assert (columns.start, columns.stop) == pytest.approx((1800, 1950), abs=1)


def test_a_rectangle_that_is_drawn_and_selected_is_taken(viewer, stack):
    index = ((10, 20), (10, 60), (50, 60), (50, 20))
    corners = [stack.data_to_world((0, *each))[1:] for each in index]
    viewer.add_shapes([corners], shape_type="polygon")
    rows, columns = preview_region(viewer, Source((stack,), 0, (0,)))
    for part, ends in ((rows, (10, 50)), (columns, (20, 60))):
        assert (part.start, part.stop) == pytest.approx(ends, abs=1)


def test_a_preview_lies_in_its_place_and_gives_way_to_the_result(dock, qtbot, viewer, stack):
    stack.corner_pixels = np.array([[0, 16, 8], [2, 80, 88]])
    assert press(qtbot, dock, "preview").startswith("preview of 64 x 80 px: ")
    layer = viewer.layers["ant preview"]
    assert layer.data.shape == (64, 80)
    expected = stack.data_to_world((0, 16, 8))[1:]
    np.testing.assert_allclose(layer.data_to_world((0, 0)), expected)
    assert "ant preview" not in dock.stack.choices
    assert viewer.layers.selection == {stack}
    stack.corner_pixels = np.array([[0, 0, 40], [2, 60, 90]])
    press(qtbot, dock, "preview")
    assert [each.name for each in viewer.layers] == ["ant", "ant preview"]
    assert viewer.layers["ant preview"] is layer
    assert layer.data.shape == (60, 50)
    expected = stack.data_to_world((0, 0, 40))[1:]
    np.testing.assert_allclose(layer.data_to_world((0, 0)), expected)
    press(qtbot, dock, "run_all")
    assert "ant preview" not in viewer.layers
    assert "ant fused" in viewer.layers
