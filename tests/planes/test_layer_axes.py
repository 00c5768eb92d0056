"""The axes of what is made of a stack layer."""

import numpy as np
import pytest
from napari.layers import Image

from napari_focusstack.planes.layer_axes import ResultAxes, channel_axis, is_beside, world_step


def stack(shape, labels, **place):
    return Image(np.zeros(shape, np.uint8), axis_labels=labels, **place)


def test_of_a_plain_stack_rows_and_columns_remain():
    layer = stack((5, 8, 9), ("z", "y", "x"), scale=(2, 0.5, 0.25), translate=(7, 3, 4))
    axes = ResultAxes.of(layer, {0})
    assert (axes.shape, axes.index((0,)), axes.place((0,))) == ((), (), {})
    assert (axes.scale, axes.translate) == ((0.5, 0.25), (3, 4))
    assert axes.axis_labels == ("y", "x")


def test_focus_behind_time_is_spanned_by_one_slice_as_thick_as_the_stack():
    layer = stack(
        (3, 5, 8, 9),
        ("t", "z", "y", "x"),
        scale=(10, 2, 0.5, 0.5),
        translate=(1, 7, 3, 4),
        units=("s", "um", "um", "um"),
    )
    axes = ResultAxes.of(layer, {1})
    assert axes.shape == (3, 1)
    assert axes.scale == (10, 10, 0.5, 0.5)
    assert axes.translate == (1, 11, 3, 4)  # the middle of 7, 9, 11, 13, 15
    assert axes.units == ("second", "micrometer", "micrometer", "micrometer")
    assert axes.index((2, 0)) == (2, 0)
    assert axes.place((2, 0)) == {"t": 2}


def test_focus_before_time_is_left_out():
    axes = ResultAxes.of(stack((5, 3, 8, 9), ("z", "t", "y", "x")), {0})
    assert (axes.shape, axes.axis_labels) == ((3,), ("t", "y", "x"))
    assert axes.index((0, 2)) == (2,)


def test_what_holds_for_all_channels_spans_them_too():
    layer = stack((2, 3, 5, 8, 9), ("t", "c", "z", "y", "x"))
    channels = channel_axis(layer, 2)
    assert channels == 1
    assert ResultAxes.of(layer, {2}).shape == (2, 3, 1)
    axes = ResultAxes.of(layer, {2, channels})
    assert axes.shape == (2, 1, 1)
    assert axes.index((1, 2, 0)) == (1, 0, 0)
    assert axes.place((1, 2, 0)) == {"t": 1}


def test_channels_are_an_axis_by_its_label_unless_focus_changes_along_it():
    layer = stack((2, 5, 8, 9), ("Channel", "z", "y", "x"))
    assert channel_axis(layer, 1) == 0
    assert channel_axis(layer, 0) is None
    assert channel_axis(stack((2, 5, 8, 9), ("t", "z", "y", "x")), 1) is None


def test_layers_of_one_place_are_beside_each_other():
    one, same = (stack((5, 8, 9), ("z", "y", "x"), scale=(2, 1, 1)) for _ in range(2))
    assert is_beside(one, same)
    assert not is_beside(one, one)
    assert not is_beside(one, stack((5, 8, 9), ("z", "y", "x"), scale=(3, 1, 1)))
    assert not is_beside(one, stack((4, 8, 9), ("z", "y", "x"), scale=(2, 1, 1)))


TURNED = {"rotate": 20, "shear": [0, 0, 0.1], "affine": np.diag([1, 0.9, 1.1, 1])}


def test_a_result_of_a_turned_stack_lies_over_it():
    layer = stack((5, 8, 9), ("z", "y", "x"), scale=(2, 0.5, 0.25), translate=(7, 3, 4), **TURNED)
    axes = ResultAxes.of(layer, {0})
    assert set(axes.turned) == {"rotate", "shear", "affine"}
    made = Image(np.zeros((8, 9)), **axes.beside())
    for corner in ((0, 0), (7, 8), (0, 8)):
        expected = layer.data_to_world((0, *corner))[1:]
        np.testing.assert_allclose(made.data_to_world(corner), expected)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")  # napari's
def test_a_result_of_a_tilted_stack_keeps_all_axes_and_lies_in_its_middle():
    layer = stack((5, 8, 9), ("z", "y", "x"), scale=(2, 0.5, 0.25), rotate=(0, 10, 20))
    axes = ResultAxes.of(layer, {0})
    assert axes.shape == (1,)
    made = Image(np.zeros((1, 8, 9)), **axes.beside())
    np.testing.assert_allclose(made.data_to_world((0, 3, 4)), layer.data_to_world((2, 3, 4)))


def test_a_step_in_the_world_is_that_of_scale_and_affine_together():
    layer = stack((5, 8, 9), ("z", "y", "x"), scale=(-2, 0.5, 0.25), rotate=30)
    assert [world_step(layer, axis) for axis in range(3)] == [2, 0.5, 0.25]
    larger = stack((5, 8, 9), ("z", "y", "x"), scale=(2, 1, 1), affine=np.diag([3, 1, 1, 1]))
    assert world_step(larger, 0) == 6
