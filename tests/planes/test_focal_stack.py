"""FocalStack: checked planes, nearest first, as linear light and as networks see them."""

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.planes.lazy_plane import LazyPlane

SIZE = (16, 20)
REGION = np.s_[2:5, 7:11]


def ramps(count=3, dtype="uint16"):
    """Planes (16, 20) that rise by 1 per pixel; the next begins 100 higher."""
    ramp = np.arange(320).reshape(SIZE)
    return [(ramp + 100 * number).astype(dtype) for number in range(count)]


def stack_of(planes, intensity="auto"):
    return FocalStack(planes, intensity, torch.device("cpu"), 2**30)


class Store:
    """Planes that are read region by region; every read is noted."""

    def __init__(self, planes):
        self.planes, self.reads = planes, []
        self.dtype = planes[0].dtype

    def read(self, number, rectangle):
        self.reads.append((number, rectangle))
        return self.planes[number][rectangle]

    def lazy_planes(self):
        return [LazyPlane(self, n, plane.shape) for n, plane in enumerate(self.planes)]


def test_light_is_counted_from_the_darkest_to_the_brightest_value_of_the_stack():
    stack = stack_of(ramps())
    assert (len(stack), stack.size, stack.full) == (3, SIZE, np.s_[0:16, 0:20])
    light = stack.plane(2, REGION)
    assert (light.shape, light.dtype) == ((1, 3, 4), torch.float32)
    # plane 2 has the value 100 + 20 * 2 + 7 at (2, 7); the stack spans 0 to 519
    assert float(light[0, 0, 0]) == pytest.approx(147 / 519)
    assert float(stack.plane(3, stack.full).max()) == 1
    assert float(stack.plane(1, stack.full).min()) == 0


def test_colours_of_8_bits_are_decoded_as_srgb():
    colour = np.full((*SIZE, 3), (188, 0, 255), np.uint8)
    colour[0, 0] = 7
    stack = stack_of([colour, colour])
    assert stack.plane(1, REGION)[:, 1, 1].tolist() == pytest.approx([0.5029, 0, 1], abs=1e-4)
    assert stack.display(1, REGION)[:, 1, 1].tolist() == pytest.approx([188 / 255, 0, 1])
    linear = stack_of([colour, colour], "linear")
    assert float(linear.plane(1, REGION)[0, 1, 1]) == pytest.approx(188 / 255)


def test_grey_planes_are_displayed_in_three_equal_channels():
    shown = stack_of(ramps()).display(2, REGION)
    assert shown.shape == (3, 3, 4)
    assert torch.equal(shown[0], shown[1])
    assert torch.equal(shown[0], shown[2])
    assert (shown[0].diff() > 0).all()


def test_each_pixel_is_that_of_the_plane_which_its_label_names():
    planes = ramps()
    stack = stack_of(planes)
    labels = np.tile([1, 2, 3, 1], (3, 1))
    expected = np.stack([planes[label - 1][2:5, 7 + n] for n, label in enumerate((1, 2, 3, 1))], 1)
    np.testing.assert_array_equal(stack.select(labels, REGION), expected)
    light = stack.by_label(torch.from_numpy(labels), REGION)
    np.testing.assert_allclose(light[0].numpy(), expected / 519, atol=1e-6)
    shown = stack.display_by_label(torch.from_numpy(labels), REGION)
    for column, plane in enumerate((1, 2, 3, 1)):
        torch.testing.assert_close(shown[..., column], stack.display(plane, REGION)[..., column])


def test_reversed_the_last_plane_given_is_the_first():
    planes = ramps()
    stack = stack_of(planes)
    stack.reverse()
    np.testing.assert_array_equal(stack.sources[0], planes[2])
    assert float(stack.plane(1, REGION)[0, 0, 0]) == pytest.approx(247 / 519)


def test_planes_on_disk_are_read_by_the_regions_that_are_asked_for():
    store = Store(ramps(4))
    stack = stack_of(store.lazy_planes())
    store.reads.clear()
    stack.plane(3, REGION)
    stack.select(np.tile([1, 4], (3, 2)), REGION)
    assert store.reads == [(2, REGION), (0, REGION), (3, REGION)]


def test_planes_that_cannot_be_used_are_refused():
    with pytest.raises(InputError, match="1 plane was given"):
        stack_of(ramps(1))
    with pytest.raises(InputError, match="choose auto, linear or srgb"):
        stack_of(ramps(), "log")


def test_of_planes_that_are_not_chosen_the_nearest_stands_in():
    planes = [np.arange(400, dtype=np.uint16).reshape(20, 20) + 1000 * n for n in range(6)]
    stack = FocalStack(planes, "auto", torch.device("cpu"), 2**20, "2,5")
    labels = np.tile(np.array([1, 2, 3, 4, 5, 6], np.uint8), (20, 4))[:, :20]
    sources = stack.sources_of(labels, stack.full)
    assert sources[0, :6].tolist() == [2, 2, 2, 5, 5, 5]
    assert sources.dtype == labels.dtype
    assert (stack.intensity.low, stack.intensity.high) == (1000, 4399)
