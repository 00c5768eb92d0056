"""Axes of files: named by the user, or in an order that is not that of planes."""

import pickle

import numpy as np
import pytest
import tifffile

from napari_focusstack.errors import FocusAxisError, InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import focal_stack, open_planes
from napari_focusstack.io.reading.stack_axes import with_planes_along
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.plugin.reader import read_layers

PLANES = np.random.default_rng(0).integers(0, 4096, (5, 40, 36)).astype(np.uint16)


def planes_of(path, axis=None, at=None):
    """Return the planes of a file, read one by one, at once and lazily: all must be equal."""
    with open_planes(path, at, axis=axis) as store:
        planes = np.stack([store[number] for number in range(len(store))])
        part = store.read(1, np.s_[3:9, 4:6])
    np.testing.assert_array_equal(part, planes[1, 3:9, 4:6])
    stack = focal_stack(path, axis)
    for limit in (None, 0):
        data = np.asarray(pixels(stack, limit))
        data = np.moveaxis(data, stack.focus_axis, 0)
        while data.ndim > planes.ndim:
            data = data[:, 0]
        if at is None:
            np.testing.assert_array_equal(data, planes)
    return planes


def test_planes_stored_as_channels_are_planes_once_the_axis_is_named(tmp_path):
    path = tmp_path / "hyperstack.tif"
    tifffile.imwrite(path, PLANES, imagej=True, metadata={"axes": "CYX"})

    with pytest.raises(
        FocusAxisError, match=r"are C = 5, Y = 40, X = 36; if it changes along C, choose C as the"
    ):
        open_planes(path)

    np.testing.assert_array_equal(planes_of(path, "C"), PLANES)
    np.testing.assert_array_equal(planes_of(path, "c"), PLANES)
    np.testing.assert_array_equal(planes_of(path, "channel"), PLANES)
    (stack,) = find_stacks([path], "C")
    assert (stack.focus_axis, stack.channels, stack.other_axes) == (0, (), {})


def test_a_named_axis_goes_before_the_one_that_the_file_names(tmp_path):
    path = tmp_path / "movie.tif"
    movie = np.stack([PLANES, PLANES[::-1]], 1)
    tifffile.imwrite(path, movie, imagej=True, metadata={"axes": "TZYX"})

    np.testing.assert_array_equal(planes_of(path), movie[0])
    np.testing.assert_array_equal(planes_of(path, "T"), PLANES)
    np.testing.assert_array_equal(planes_of(path, "T", {"Z": 1}), PLANES[::-1])


@pytest.mark.parametrize("suffix", ["plain", "compressed"])
def test_planes_stored_last_are_read_where_nothing_else_fits(tmp_path, suffix):
    path = tmp_path / "numpy.tif"
    options = {"compression": "zlib"} if suffix == "compressed" else {}
    tifffile.imwrite(path, np.moveaxis(PLANES, 0, -1), **options)

    with pytest.warns(UserWarning, match="The planes are stored last"):
        np.testing.assert_array_equal(planes_of(path), PLANES)
    np.testing.assert_array_equal(planes_of(path, "X"), PLANES)


def test_time_points_before_planes_stored_last_stay_time_points(tmp_path):
    path = tmp_path / "numpy.tif"
    movie = np.stack([PLANES, PLANES[::-1]])
    tifffile.imwrite(path, np.moveaxis(movie, 1, -1))

    (stack,) = find_stacks([path])
    assert stack.axes[1:] == "ZYX"
    with pytest.warns(UserWarning, match="The planes are stored last"):
        np.testing.assert_array_equal(planes_of(path, at={stack.axes[0]: 1}), PLANES[::-1])


def test_many_planes_that_may_be_stored_last_are_asked_for(tmp_path):
    path = tmp_path / "numpy.tif"
    stored = np.zeros((64, 60, 20), np.uint8)
    tifffile.imwrite(path, stored)

    with pytest.raises(
        InputError,
        match=r"64 planes of 60 x 20 px; if these are 20 planes of 64 x 60 px.*"
        "choose X as the focus axis, else Q",
    ):
        focal_stack(path)
    with pytest.warns(UserWarning, match="choose X as the focus axis"):
        ((data, _, _),) = read_layers(str(path))  # to be seen, and opened anew in the dock
    assert data.shape == stored.shape

    assert focal_stack(path, "X").axes == "ZYX"
    assert focal_stack(path, "X").shape == (20, 64, 60)
    assert focal_stack(path, "Q").shape == (64, 60, 20)


@pytest.mark.parametrize("axes", ["YXZ", "YZX", "ZYX"])
def test_axes_that_the_file_names_are_read_in_any_order(tmp_path, axes):
    path = tmp_path / "stack.tif"
    order = ["ZYX".index(axis) for axis in axes]
    tifffile.imwrite(path, PLANES.transpose(order), metadata={"axes": axes})

    np.testing.assert_array_equal(planes_of(path), PLANES)


def test_planes_stored_as_colours_are_planes_once_the_axis_is_named(tmp_path):
    path = tmp_path / "colours.tif"
    tifffile.imwrite(path, np.moveaxis(PLANES[:3], 0, -1), photometric="rgb")

    with pytest.raises(FocusAxisError, match="two planes or more, or choose S as") as refused:
        open_planes(path)
    assert refused.value.axes == "S"
    assert pickle.loads(pickle.dumps(refused.value)).axes == "S"  # as processes hand it on

    np.testing.assert_array_equal(planes_of(path, "S"), PLANES[:3])


@pytest.mark.parametrize("axes", ["QYX", "TYX", "IYX", "RYX"])
def test_an_axis_of_another_name_is_that_of_focus_or_can_be_named(tmp_path, axes):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, PLANES, metadata={"axes": axes})

    np.testing.assert_array_equal(planes_of(path, axes[0]), PLANES)
    if axes != "RYX":
        np.testing.assert_array_equal(planes_of(path), PLANES)


def test_an_axis_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, PLANES, imagej=True, metadata={"axes": "CYX"})

    with pytest.raises(InputError, match="no axis Z of two planes or more; its axes are C = 5, Y"):
        open_planes(path, axis="Z")


@pytest.mark.parametrize(
    ("stored", "axis", "expected"),
    [("ZYX", "X", "YXZ"), ("ZTYX", "X", "ZYXQ"), ("QYXS", "Y", "YZXS"), ("YXS", "S", "YXZ")],
)
def test_letters_are_given_anew_where_planes_lie_along_rows_or_columns(stored, axis, expected):
    assert with_planes_along(stored, axis) == expected
