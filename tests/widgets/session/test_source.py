"""Which planes are meant by layers and sliders."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.widgets.session.source import Source


@pytest.fixture
def cells(viewer):
    """A layer of 2 time points, 3 channels and 4 planes, whose pixels say where they lie."""
    data = np.arange(2 * 3 * 4).reshape(2, 3, 4, 1, 1) * np.ones((1, 1, 1, 5, 6), int)
    return viewer.add_image(
        data.astype(np.uint8),
        name="cells",
        scale=(1, 1, 2, 0.5, 0.5),
        translate=(0, 0, 10, 0, 0),
        axis_labels=("t", "c", "z", "y", "x"),
        units=("s", "pixel", "um", "um", "um"),
    )


@pytest.fixture
def source(cells):
    return Source((cells,), 2, (1, 2, 0))


def test_positions_of_planes_follow_the_scale_of_the_layer(viewer, planes):
    about = {"focus_axis": 0, "z_step": 2.0, "positions": (0, 1, 3, 6)[: len(planes)]}
    layer = viewer.add_image(planes, scale=(2, 1, 1), metadata={"focusstack": about})
    assert Source((layer,), 0).positions == list(about["positions"])
    layer.scale = (1, 1, 1)
    assert Source((layer,), 0).positions == [place / 2 for place in about["positions"]]
    about["positions"] = (0, 1)
    assert Source((layer,), 0).positions is None


def test_sliders_are_rounded_to_pixels_and_kept_inside(cells):
    def step(*point):
        return Source.shown((cells,), 2, point).step

    assert step(1.0, 1.4, 14.0, 0, 0) == (1, 1, 0)  # the focus axis is fused whole
    assert step(7.0, -3.0, 14.0, 0, 0) == (1, 0, 0)
    assert step(9.0, 1.0, 2.0, 14.0, 0, 0) == (1, 2, 0)  # sliders align with the last axes
    assert step(14.0, 0, 0) == (0, 0, 0)


def test_two_layers_are_taken_where_the_sliders_stand(viewer, planes):
    near, far = (viewer.add_image(planes + number) for number in (0, 1))
    source = Source.shown((near, far), 0, (1.0, 0, 0))
    assert (source.step, source.count, source.focus_axis) == ((1,), 2, None)
    np.testing.assert_array_equal(source.planes()[0], planes[1])
    np.testing.assert_array_equal(source.planes()[1], planes[1] + 1)
    assert source.plane_step == (1.0, "pixel")
    with pytest.raises(InputError, match="no slider"):
        source.plane_at(viewer.dims, "first")


def test_planes_are_those_of_the_time_point_and_channel(source):
    assert source.count == 4
    assert [int(plane.max()) for plane in source.planes()] == [20, 21, 22, 23]


def test_rows_and_columns_of_planes_are_read_alone(source, viewer):
    part = source.planes(np.s_[1:3, 2:6])
    assert [plane.shape for plane in part] == [(2, 4)] * 4
    assert [int(plane.max()) for plane in part] == [20, 21, 22, 23]
    near, far = (viewer.add_image(np.arange(20).reshape(4, 5) + n) for n in (0, 1))
    (first, second) = Source((near, far)).planes(np.s_[1:2, 3:])
    assert (first.tolist(), second.tolist()) == ([[8, 9]], [[9, 10]])


def test_time_points_and_channels_are_enumerated(source):
    assert [each.step for each in source.time_points()] == [(0, 2, 0), (1, 2, 0)]
    assert [each.step for each in source.other_channels()] == [(1, 0, 0), (1, 1, 0)]
    assert (source.channel_axis, source.channel) == (1, 3)
    assert source.is_one_of_many


def test_a_single_stack_has_no_others(stack):
    assert stack.time_points() == [stack]
    assert stack.other_channels() == []
    assert stack.channel is None
    assert not stack.is_one_of_many
    stack.layers[0].metadata = {"focusstack": {"channel": 2}}
    assert stack.channel == 2
    assert stack.is_one_of_many


def test_a_single_image_is_one_plane(viewer):
    source = Source((viewer.add_image(np.zeros((4, 5))),), 0, ())
    assert (source.count, source.size) == (1, (4, 5))


def test_sizes_are_those_of_the_layer(source, viewer):
    assert source.pixel == (0.5, "micrometer")
    assert source.plane_step == (2.0, "micrometer")
    assert source.size == (5, 6)
    colour = viewer.add_image(np.zeros((2, 4, 5, 3), np.uint8), rgb=True)
    assert Source((colour,), 0, (0,)).size == (4, 5)


@pytest.mark.parametrize(("end", "planes"), [("first", [1, 2, 3, 4]), ("last", [4, 3, 2, 1])])
def test_the_slider_and_the_plane_agree(source, viewer, end, planes):
    for place, plane in enumerate(planes):
        viewer.dims.set_current_step(2, place)
        assert source.plane_at(viewer.dims, end) == plane
        viewer.dims.set_current_step(2, 0)
        source.show_plane(viewer.dims, end, plane)
        assert viewer.dims.current_step[2] == place
    nearest, step = source.nearest(end)
    assert (nearest, step) == ((10.0, 2.0) if end == "first" else (16.0, -2.0))


def test_the_console_is_given_a_layer_only_where_fuse_reads_the_same_from_it(source, stack):
    assert stack.expressions("auto") == ["viewer.layers['stack']"]
    stack.layers[0].metadata = {"focusstack": {"near": "last"}}
    assert stack.expressions("auto") == ["viewer.layers['stack'].data[:]"]
    assert stack.expressions("first") == ["viewer.layers['stack']"]
    assert stack.expressions("last") == ["viewer.layers['stack']"]
    assert source.expressions("first") == ["viewer.layers['cells'].data[1, 2, :]"]
    other_axis = Source(source.layers, 0, (0, 0, 0))
    assert other_axis.expressions("first") == ["viewer.layers['cells'].data[:, 0, 0]"]


def test_files_are_named_as_opened_or_by_the_layer(stack):
    assert stack.files() == ["stack.tif"]
    stack.layers[0].metadata = {"focusstack": {"path": "folder/z.tif"}}
    assert stack.files() == ["folder/z.tif"]
