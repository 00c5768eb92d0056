"""Every pixel under the brush is noted, also where no label changes; undo and redo follow."""

import gc
import weakref

import numpy as np
import pytest
from napari.layers import Labels

from napari_focusstack.widgets.session.brush_strokes import (
    BrushStrokes,
    inside_polygon,
    strokes_of,
    under_brush,
)

Y, X = 10, 12


@pytest.fixture
def labels():
    """Plane 2 in the upper half, plane 1 in the lower one."""
    data = np.ones((24, 30), np.uint8)
    data[:12] = 2
    layer = Labels(data)
    layer.brush_size = 5
    return layer


@pytest.fixture
def strokes(labels):
    return strokes_of(labels)


@pytest.mark.parametrize("brush_px", [1, 2, 5, 8, 40])
@pytest.mark.parametrize("scale", [(1.0, 1.0), (0.5, 2.0)])
@pytest.mark.parametrize("coord", [(10.4, 12.6), (0, 29), (-2, 3), (60, 60)])
def test_the_pixels_are_those_that_napari_paints(brush_px, scale, coord):
    layer = Labels(np.zeros((24, 30), np.uint8), scale=scale)
    layer.brush_size = brush_px
    where = under_brush(layer, coord)
    layer.paint(coord, 1)
    painted = np.zeros((24, 30), bool)
    painted[where] = True
    np.testing.assert_array_equal(layer.data == 1, painted)


def test_the_pixels_of_a_polygon_are_those_that_napari_paints():
    points = np.array([[2, 3], [20, 9], [11, 27]])
    layer = Labels(np.zeros((24, 30), np.uint8))
    where = inside_polygon(layer, points)
    layer.paint_polygon(points, 1)
    painted = np.zeros((24, 30), bool)
    painted[where] = True
    np.testing.assert_array_equal(layer.data == 1, painted)


def test_a_stroke_decides_pixels_that_it_does_not_change(labels, strokes):
    before = labels.data.copy()
    labels.paint((Y - 5, X), 2)
    np.testing.assert_array_equal(labels.data, before)
    assert strokes.at(())[Y - 5, X]
    assert strokes.decided.sum() == len(under_brush(labels, (Y - 5, X))[0])


def test_undo_and_redo_take_decisions_back_and_forth_with_their_stroke(labels, strokes):
    before = labels.data.copy()
    labels.paint((Y, X), 2)  # two rows of it change nothing
    assert (labels.data != before).any()
    painted, decided = labels.data.copy(), strokes.decided.copy()
    labels.paint((3, 3), 2)  # changes nothing at all
    assert strokes.decided.sum() > decided.sum()
    labels.undo()
    np.testing.assert_array_equal(strokes.decided, decided)
    np.testing.assert_array_equal(labels.data, painted)
    labels.undo()
    assert not strokes.decided.any()
    np.testing.assert_array_equal(labels.data, before)
    labels.undo()  # there is nothing left
    labels.redo()
    labels.redo()
    labels.redo()
    labels.redo()
    np.testing.assert_array_equal(labels.data, painted)
    assert strokes.decided[3, 3]


def test_a_drag_is_one_stroke(labels, strokes):
    with labels.block_history():
        for column in range(5, 20):
            labels.paint((Y, column), 2)
    assert strokes.decided[Y, 5]
    assert strokes.decided[Y, 19]
    labels.undo()
    assert not strokes.decided.any()


def test_a_press_of_the_mouse_ends_a_stroke_that_changed_nothing(labels, strokes):
    for column in (4, 20):
        labels.mouse_drag_callbacks[-1](labels, None)
        labels.paint((4, column), 2)
    labels.undo()
    assert strokes.decided[4, 4]
    assert not strokes.decided[4, 20]


def test_a_new_stroke_ends_what_could_be_repeated(labels, strokes):
    labels.paint((Y, X), 2)
    labels.undo()
    labels.paint((3, 3), 2)
    labels.redo()
    assert not strokes.decided[Y, X]
    assert labels.data[12, X] == 1


def test_labels_that_napari_preserves_are_not_decided(labels, strokes):
    labels.preserve_labels = True
    labels.paint((Y + 2, X), 2)
    assert strokes.decided[11, X]
    assert not strokes.decided[12, X]
    assert labels.data[12, X] == 1


def test_what_was_decided_can_be_forgotten_and_that_be_undone(labels, strokes):
    labels.paint((4, 4), 2)
    decided = strokes.decided.copy()
    strokes.forget(())
    assert not strokes.decided.any()
    labels.undo()
    np.testing.assert_array_equal(strokes.decided, decided)


def test_each_stroke_is_told(labels, strokes):
    heard = []

    def hear():
        heard.append(True)

    strokes.on_stroke(hear)
    strokes.on_stroke(hear)
    labels.paint((4, 4), 2)
    labels.undo()
    assert heard == [True, True]
    strokes.off_stroke(hear)
    labels.paint((4, 4), 2)
    assert len(heard) == 2


def test_labels_of_another_shape_begin_anew(labels, strokes):
    labels.paint((4, 4), 2)
    labels.data = np.ones((8, 8), np.uint8)
    assert strokes.at(()).shape == (8, 8)
    labels.paint((4, 4), 1)
    assert strokes.at(())[4, 4]


def test_time_points_are_apart(strokes):
    layer = Labels(np.ones((2, 1, 24, 30), np.uint8))
    layer.brush_size = 3
    layer.paint((1, 0, 5, 5), 1)
    assert not strokes_of(layer).decided.any()  # noted from now on
    layer.paint((1, 0, 5, 5), 1)
    assert strokes_of(layer).at((1, 0))[5, 5]
    assert not strokes_of(layer).at((0, 0)).any()


def test_a_refused_label_decides_nothing(labels, strokes):
    with pytest.raises(ValueError, match="300"):
        labels.paint((4, 4), 300)
    assert not strokes.decided.any()


def test_a_layer_that_is_gone_takes_its_strokes_along():
    layer = Labels(np.ones((8, 8), np.uint8))
    strokes = weakref.ref(strokes_of(layer))
    assert isinstance(strokes(), BrushStrokes)
    del layer
    gc.collect()
    assert strokes() is None
