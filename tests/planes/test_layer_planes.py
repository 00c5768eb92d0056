"""The planes of a layer, by what it says of its axes."""

import numpy as np
import pytest
from napari.layers import Image

from napari_focusstack.errors import InputError
from napari_focusstack.planes.checks import check_planes
from napari_focusstack.planes.layer_planes import focus_axis_of, single_plane, stack_planes

MOVIE = np.arange(3 * 5 * 8 * 9, dtype=np.uint16).reshape(3, 5, 8, 9)


@pytest.mark.parametrize(
    ("labels", "told", "axis"),
    [
        (("t", "z", "y", "x"), {}, 1),
        (("Depth", "time", "y", "x"), {}, 0),
        (("t", "z", "y", "x"), {"focus_axis": 0}, 0),  # who opened it knows better
        (None, {}, 1),
    ],
)
def test_the_focus_axis_is_that_of_the_metadata_or_else_the_one_named_z(labels, told, axis):
    layer = Image(MOVIE, axis_labels=labels, metadata={"focusstack": told})
    assert focus_axis_of(layer) == axis


def test_planes_are_taken_along_an_axis_that_is_named_z():
    layer = Image(MOVIE, axis_labels=("t", "z", "y", "x"))
    np.testing.assert_array_equal(stack_planes(layer, step=(2, 0)), MOVIE[2])


def test_sliders_choose_the_place_on_the_other_axes():
    layer = Image(MOVIE, axis_labels=("t", "z", "y", "x"))
    np.testing.assert_array_equal(stack_planes(layer, axis=0, step=(9, 3)), MOVIE[:, 3])
    np.testing.assert_array_equal(single_plane(layer, (1, 99)), MOVIE[1, 4])


def test_a_fourth_channel_masks_what_is_not_opaque():
    colours = np.full((3, 8, 9, 4), 255, np.uint8)
    assert stack_planes(Image(colours, rgb=True))[0].shape == (8, 9, 3)
    colours[1, 2, 3, 3] = 90
    first, second, _ = stack_planes(Image(colours, rgb=True))
    assert not np.ma.is_masked(first)
    assert np.argwhere(second.mask).tolist() == [[2, 3, 0], [2, 3, 1], [2, 3, 2]]


@pytest.mark.parametrize("dtype", ["int16", "float64", "bool"])
def test_layers_of_other_numbers_are_taken_as_arrays_are(dtype):
    data = (np.arange(2 * 16 * 17).reshape(2, 16, 17) % 7).astype(dtype)
    planes = check_planes(Image(data))
    assert planes[0].dtype == ("float32" if dtype == "bool" else dtype)
    np.testing.assert_array_equal(planes, data)


def test_layers_that_are_no_stack_are_refused():
    with pytest.raises(InputError, match="'one' is a single image of 2 axes"):
        stack_planes(Image(MOVIE[0, 0], name="one"))
    with pytest.raises(InputError, match=r"focus axis 2 of layer .* choose 0 to 1"):
        stack_planes(Image(MOVIE), axis=2)


def test_of_a_multiscale_layer_the_finest_level_is_read():
    layer = Image([MOVIE, MOVIE[..., ::2, ::2]], multiscale=True)
    np.testing.assert_array_equal(stack_planes(layer, axis=0, step=(0, 3)), MOVIE[:, 3])
    np.testing.assert_array_equal(single_plane(layer, (1, 2)), MOVIE[1, 2])


@pytest.mark.parametrize(
    ("shape", "labels", "axis"),
    [
        ((4, 5, 8, 9), None, 1),
        ((4, 1, 8, 9), None, 0),
        ((4, 5, 8, 9), ("t", "-3", "y", "x"), 1),
        ((4, 5, 8, 9), ("-4", "c", "y", "x"), 0),
        ((4, 5, 8, 9), ("focus", "-3", "y", "x"), 0),
        ((4, 5, 8, 9), ("t", "c", "y", "x"), 0),
    ],
)
def test_of_unnamed_axes_focus_is_the_last_before_rows_and_columns(shape, labels, axis):
    assert focus_axis_of(Image(np.zeros(shape), axis_labels=labels)) == axis
