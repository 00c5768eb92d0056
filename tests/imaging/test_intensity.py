"""Pixel values, light, and back without loss."""

import numpy as np
import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.intensity import Intensity


def every_value(dtype):
    values = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    return values.reshape(-1, 256 if values.size > 256 else 16)


def there_and_back(plane, choice):
    intensity = Intensity.of([plane, plane[::-1]], choice)
    values = intensity.from_light(intensity.to_light(plane))
    return values[..., 0] if plane.ndim == 2 else values


@pytest.mark.parametrize("coding", ["linear", "srgb"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_value_comes_back_exactly(dtype, coding):
    plane = every_value(dtype)
    back = there_and_back(plane, coding)
    assert back.dtype == plane.dtype
    np.testing.assert_array_equal(back, plane)


def test_a_narrow_range_far_from_zero_comes_back_exactly():
    plane = np.arange(60000, 60000 + 256, dtype=np.uint16).reshape(16, 16)
    np.testing.assert_array_equal(there_and_back(plane, "linear"), plane)


def test_float_values_come_back_to_a_millionth_of_their_range():
    plane = np.random.default_rng(0).uniform(-3, 40, (32, 32)).astype(np.float32)
    np.testing.assert_allclose(there_and_back(plane, "auto"), plane, atol=43e-6)


def test_light_has_the_channels_first():
    plane = np.zeros((20, 30, 3), np.uint8)
    plane[..., 1] = 255
    light = Intensity.of([plane]).to_light(plane)
    assert light.shape == (3, 20, 30)
    assert light.dtype == torch.float32
    assert light.mean((1, 2)).tolist() == [0, 1, 0]
    grey = plane[..., 1]
    assert Intensity.of([grey], "srgb").to_light(grey).shape == (1, 20, 30)


@pytest.mark.parametrize(
    ("shape", "dtype", "coding"),
    [
        ((8, 8, 3), np.uint8, "srgb"),
        ((8, 8), np.uint8, "linear"),
        ((8, 8, 3), np.uint16, "linear"),
        ((8, 8), np.uint16, "linear"),
        ((8, 8, 3), np.float32, "linear"),
    ],
)
def test_auto_takes_8_bit_colour_alone_for_srgb(shape, dtype, coding):
    plane = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    assert Intensity.of([plane], "auto").coding == coding


def test_the_choice_overrides_auto():
    plane = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    assert Intensity.of([plane], "linear").coding == "linear"
    assert Intensity.of([plane[..., 0]], "srgb").coding == "srgb"


def test_an_unknown_choice_is_refused_with_its_value():
    with pytest.raises(InputError, match="'gamma'"):
        Intensity.of([np.zeros((8, 8), np.uint8)], "gamma")


@pytest.mark.parametrize("values", [(0.0, 254.0), (-0.5, 1.0)])
def test_floats_beyond_1_are_not_srgb(values):
    plane = np.full((8, 8), values[0], np.float32)
    plane[4:] = values[1]
    with pytest.raises(InputError, match=f"span {values[0]:g}..{values[1]:g}"):
        Intensity.of([plane], "srgb")
    assert Intensity.of([plane], "linear").coding == "linear"
    assert Intensity.of([(plane > 0).astype(np.float32)], "srgb").coding == "srgb"


def test_srgb_values_become_the_light_of_the_standard():
    plane = np.full((4, 4, 3), 188, np.uint8)
    light = Intensity.of([plane]).to_light(plane)
    assert float(light[0, 0, 0]) == pytest.approx(0.5028865, abs=1e-6)


def test_linear_light_spans_the_range_of_the_whole_stack():
    near = np.array([[100, 200]], np.uint16).repeat(8, 0)
    far = np.array([[300, 500]], np.uint16).repeat(8, 0)
    intensity = Intensity.of([near, far])
    assert intensity.to_light(near)[0, 0].tolist() == [0, 0.25]
    assert intensity.to_light(far)[0, 0].tolist() == [0.5, 1]


def test_an_offset_and_a_gain_do_not_change_linear_light():
    plane = np.random.default_rng(1).integers(0, 4096, (32, 32)).astype(np.uint16)
    changed = 7 * plane + np.uint16(900)
    light = [Intensity.of([p]).to_light(p) for p in (plane, changed)]
    shown = [Intensity.of([p]).to_display(x) for p, x in zip((plane, changed), light, strict=True)]
    torch.testing.assert_close(light[0], light[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(shown[0], shown[1], atol=1e-5, rtol=0)


def test_the_display_is_srgb_with_three_channels_in_0_to_1():
    plane = every_value("uint16")
    intensity = Intensity.of([plane])
    shown = intensity.to_display(intensity.to_light(plane))
    assert shown.shape == (3, *plane.shape)
    assert shown.min() == 0
    assert 1 - 1e-6 < shown.max() <= 1
    middle = plane.shape[0] // 2  # half of the light is 188 of 255
    assert float(shown[0, middle, 0]) == pytest.approx(188 / 255, abs=3e-3)


def test_a_few_hot_pixels_do_not_darken_the_display():
    plane = np.random.default_rng(2).integers(0, 1000, (128, 128)).astype(np.uint16)
    plane[0, 0] = 65535
    intensity = Intensity.of([plane])
    assert intensity.to_light(plane).mean() < 0.01
    assert float(intensity.to_display(intensity.to_light(plane)).mean()) > 0.5


def test_colour_coded_as_srgb_is_displayed_as_it_is():
    plane = np.random.default_rng(3).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    intensity = Intensity.of([plane])
    shown = intensity.to_display(intensity.to_light(plane))
    np.testing.assert_allclose(shown.permute(1, 2, 0).numpy(), plane / 255, atol=1e-6)


def test_light_beyond_the_range_is_cut():
    intensity = Intensity.of([np.zeros((8, 8, 3), np.uint8)])
    assert intensity.from_light(torch.tensor([[-0.2], [0.0], [1.7]])).tolist() == [[0, 0, 255]]


def test_a_constant_stack_has_a_range():
    plane = np.full((8, 8), 40, np.uint16)
    np.testing.assert_array_equal(there_and_back(plane, "linear"), plane)
