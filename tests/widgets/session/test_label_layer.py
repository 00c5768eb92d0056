"""The Labels layer and what is remembered of it."""

import numpy as np
import torch

from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.widgets.session.depth_colours import depth_colourmap, plane_colours
from napari_focusstack.widgets.session.label_layer import (
    LabelState,
    add_labels,
    adopt,
    is_painted,
    labels_of,
    remember,
    set_labels,
)
from napari_focusstack.widgets.session.source import Source


def state_of(labels, planes=3):
    return LabelState(FocusMap.of_labels(labels, planes, labels.shape))


def test_the_far_plane_of_a_pair_is_transparent_and_planes_of_a_stack_are_counted():
    alpha = torch.tensor([[[1.0, 0.0], [0.9, 0.1]]])
    assert labels_of(FocusMap.of_pair(alpha)).tolist() == [[1, 0], [1, 0]]
    labels = np.array([[1, 2], [3, 2]], np.uint8)
    assert labels_of(FocusMap.of_labels(labels, 3, (2, 2))).tolist() == labels.tolist()


def test_colours_grow_darker_in_even_steps():
    luminance = [np.dot([0.3, 0.6, 0.1], colour[:3]) for colour in plane_colours(12).values()]
    steps = -np.diff(luminance)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.min()
    assert [*plane_colours(2)] == [1, 2]


def test_depth_has_the_colour_of_the_plane_at_which_it_lies():
    colours = np.array([*plane_colours(5).values()])
    np.testing.assert_allclose(depth_colourmap().map(np.linspace(0, 1, 5)), colours, atol=0.01)


def test_a_state_without_a_focus_map_gives_the_labels_it_proposed(labels):
    assert LabelState(proposed=labels).labels is labels


def test_a_state_is_blank_until_something_is_estimated_or_made_by_hand(labels, settings):
    assert LabelState().is_blank
    assert not state_of(labels).is_blank
    assert not LabelState(parameters=settings).is_blank
    assert not LabelState(by_hand=True).is_blank


def test_new_labels_lie_at_their_time_point_and_are_ready_for_the_brush(viewer, movie, labels):
    layer = add_labels(viewer, movie[1], state_of(labels))
    assert layer.name == "movie planes"
    assert (layer.data.shape, layer.data.dtype) == ((2, 1, 48, 48), np.uint8)
    np.testing.assert_array_equal(layer.data[1, 0], labels)
    assert not layer.data[0].any()
    assert (layer.selected_label, layer.brush_size, layer.contour) == (1, 3, 1)


def test_labels_of_many_planes_have_room_for_all_numbers(viewer):
    layer = viewer.add_image(np.zeros((300, 4, 4), np.uint8), name="deep")
    labels = np.full((4, 4), 299, np.uint16)
    shown = add_labels(viewer, Source((layer,), 0, (0,)), state_of(labels, 300))
    assert (shown.data.dtype, shown.data[0, 0]) == (np.uint16, 299)


def test_what_is_remembered_is_adopted_with_later_strokes(viewer, stack, labels):
    state = state_of(labels)
    layer = add_labels(viewer, stack, state)
    layer.data[3, 4] = 2
    adopted = adopt(layer, ())
    assert adopted is state
    assert np.argwhere(adopted.fixes.painted).tolist() == [[3, 4]]
    other = LabelState(fixes=state.fixes)
    remember(layer, (), other)
    assert adopt(layer, ()) is other


def test_a_layer_that_is_not_ours_counts_as_painted_where_it_has_labels(viewer):
    data = np.zeros((2, 4, 4), np.uint8)
    data[1, 2, 2] = 1
    layer = viewer.add_labels(data)
    assert adopt(layer, (0,)).is_blank
    assert not adopt(layer, (0,)).fixes.painted.any()
    by_hand = adopt(layer, (1,))
    assert by_hand.by_hand
    assert by_hand.fixes.painted.all()
    np.testing.assert_array_equal(by_hand.fixes.labels, data[1])


def test_labels_of_a_new_shape_lose_their_state(viewer, stack, labels):
    layer = add_labels(viewer, stack, state_of(labels))
    layer.data = np.zeros((8, 8), np.uint8)
    adopted = adopt(layer, ())
    assert adopted.is_blank
    assert adopted.fixes.labels.shape == (8, 8)


def test_a_stroke_at_any_time_point_counts_until_it_is_undone(viewer, movie, labels):
    layer = add_labels(viewer, movie[0], state_of(labels))
    assert not is_painted(layer)
    layer.data[1, 0, 5, 5] = 2  # nothing was estimated there
    assert is_painted(layer)
    layer.data[1, 0, 5, 5] = 0
    layer.data[0, 0, 0, 0] += 1
    assert is_painted(layer)
    layer.data[0, 0, 0, 0] -= 1
    assert not is_painted(layer)


def test_labels_are_set_at_one_time_point_in_one_step_that_can_be_undone(viewer, movie, labels):
    layer = add_labels(viewer, movie[0], state_of(labels))
    wanted = np.roll(labels, 3, 1)
    set_labels(layer, (0, 0), wanted)
    np.testing.assert_array_equal(layer.data[0, 0], wanted)
    assert not layer.data[1].any()
    layer.undo()
    np.testing.assert_array_equal(layer.data[0, 0], labels)
