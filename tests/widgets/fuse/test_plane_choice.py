"""Planes are ticked in pictures or named in a text, and both say the same."""

import threading

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt

from napari_focusstack.widgets.session.plane_thumbnails import SIDE_PX, thumbnails
from napari_focusstack.widgets.session.source import Source


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def stack(viewer, make_focal_stack):
    planes = make_focal_stack(6, 1.0, side=64).planes(grey=True)
    return viewer.add_image(np.stack(planes), name="ant", scale=(2.0, 1, 1))


@pytest.fixture
def dock(viewer, stack, open_stack_dock):
    dock = open_stack_dock(viewer)
    dock.resize(360, 690)
    dock.show()
    dock.planes_section.expand(animate=False)
    return dock


def ticked(dock):
    return [number for number in range(1, 7) if dock.planes.is_used(number)]


def tick(qtbot, dock, number, *keys):
    at, viewport = dock.planes.box(number).center(), dock.planes.viewport()
    held = keys[0] if keys else Qt.KeyboardModifier.NoModifier
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, held, at)


def test_ticks_are_named_in_the_text(dock, qtbot):
    tick(qtbot, dock, 3)
    assert dock.input["planes"].value == "1:2,4:6"
    assert dock.parameters().planes == "1:2,4:6"
    assert dock.planes_used.text() == "5 of 6 planes are used"
    tick(qtbot, dock, 3)
    assert dock.input["planes"].value == ""
    assert dock.parameters().planes is None


def test_with_shift_a_range_is_ticked_and_the_last_tick_stays(dock, qtbot):
    tick(qtbot, dock, 2)
    tick(qtbot, dock, 5, Qt.KeyboardModifier.ShiftModifier)
    assert ticked(dock) == [1, 6]
    tick(qtbot, dock, 1)
    tick(qtbot, dock, 6)
    assert ticked(dock) == [6]  # no tick would mean all planes
    assert dock.input["planes"].value == "6"


def test_what_the_text_names_is_ticked(dock):
    dock.input["planes"].value = "2::2"
    assert ticked(dock) == [2, 4, 6]
    assert dock.input["planes"].value == "2::2"
    dock.input["planes"].value = "2:9"
    assert ticked(dock) == [2, 4, 6]
    assert "the stack has 6 planes" in dock.planes_used.text()
    dock.input["planes"].value = ""
    assert ticked(dock) == [1, 2, 3, 4, 5, 6]


def test_a_click_on_a_picture_shows_its_plane(dock, qtbot, viewer):
    at = dock.planes.box(4).bottomRight() + QPoint(20, 20)
    qtbot.mouseClick(dock.planes.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert viewer.dims.current_step[0] == 3
    assert dock.planes.is_framed(4)
    assert ticked(dock) == [1, 2, 3, 4, 5, 6]
    viewer.dims.set_current_step(0, 1)
    assert dock.planes.is_framed(2)


def test_pictures_are_made_in_a_thread_once_the_section_is_open(
    dock, qtbot, viewer, make_focal_stack, monkeypatch
):
    where = []
    asarray = np.asarray

    class Lazy(np.ndarray):
        def __getitem__(self, index):
            where.append(threading.current_thread() is threading.main_thread())
            return asarray(self)[index]

    qtbot.waitUntil(lambda: dock.planes.sharpness(6) is not None)
    shares = [dock.planes.sharpness(number) for number in range(1, 7)]
    assert max(shares) == 1
    assert min(shares) > 0
    dock.planes_section.collapse(animate=False)
    planes = np.stack(make_focal_stack(5, 1.0, side=64).planes(grey=True)).view(Lazy)
    viewer.add_image(planes, name="bee")
    where.clear()
    dock.stack.value = "bee"
    qtbot.wait(300)
    assert dock.planes.count() == 5
    assert dock.planes.sharpness(1) is None
    dock.planes_section.expand(animate=False)
    qtbot.waitUntil(lambda: dock.planes.sharpness(5) is not None)
    assert where.count(False) >= 5


def test_a_pair_has_no_tick_boxes(dock, viewer):
    for name in ("near", "far"):
        viewer.add_image(np.ones((64, 64)), name=name)
    dock.stack.value = "near"
    assert dock.planes_section.isHidden()
    dock.stack.value = "ant"
    assert not dock.planes_section.isHidden()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "bool"])
def test_pictures_have_the_contrast_of_the_layer(viewer, dtype):
    planes = np.zeros((3, 400, 200), dtype)
    planes[1, :, 100:] = 1
    layer = viewer.add_image(planes, contrast_limits=(0, 2))
    made = list(thumbnails(Source((layer,), 0, (0,)))())
    assert [each.number for each in made] == [1, 2, 3]
    assert max(made[1].pixels.shape) <= SIDE_PX
    assert set(np.unique(made[1].pixels)) == {0, 127}
    assert not made[2].pixels.any()


def test_pictures_of_colours_and_of_time_points(viewer):
    planes = np.random.default_rng(0).integers(0, 255, (2, 3, 40, 30, 3), np.uint8)
    layer = viewer.add_image(planes, rgb=True)
    made = list(thumbnails(Source((layer,), 1, (1, 0)))())
    np.testing.assert_array_equal(made[2].pixels, planes[1, 2])


def test_two_hundred_large_planes_take_little_time(viewer):
    import time

    plane = np.random.default_rng(0).integers(0, 255, (3000, 4000), np.uint8)
    layer = viewer.add_image(np.broadcast_to(plane, (200, *plane.shape)), contrast_limits=(0, 255))
    begun = time.process_time()
    for _ in zip(range(20), thumbnails(Source((layer,), 0, (0,)))(), strict=False):
        pass
    assert time.process_time() - begun < 20 * 0.1
