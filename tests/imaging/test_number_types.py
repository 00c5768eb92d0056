"""The one rule for number types: what is taken, and what it becomes."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.imaging.intensity import Intensity
from napari_focusstack.imaging.number_types import (
    GREATEST_FLOAT,
    TAKEN,
    as_floats,
    as_opencv,
    check_values,
    number_type,
    taken_type,
    to_type,
    written_type,
)

NUMBERS = [name for name in TAKEN if name != "bool"]


def ends(name):
    """Return the least and the greatest value of a type that planes may hold."""
    dtype = np.dtype(name)
    if dtype.kind == "f":
        most = min(float(np.finfo(dtype).max), GREATEST_FLOAT)
        return np.array([-most, most], dtype)
    low, high = (np.clip(end, -(2**53), 2**53) for end in _limits(dtype))
    return np.array([low, high], dtype)


def _limits(dtype):
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


@pytest.mark.parametrize("name", NUMBERS)
def test_planes_keep_their_type_in_the_byte_order_of_the_machine(name):
    assert taken_type(np.dtype(name).newbyteorder(">"), "plane 1") == np.dtype(name)
    assert taken_type(np.dtype(name), "plane 1").isnative


def test_bool_becomes_floats_because_computed_pixels_lie_between():
    assert taken_type(np.dtype(bool), "plane 1") == np.float32


@pytest.mark.parametrize("name", ["complex64", "object", "U3", "datetime64[s]", "longdouble"])
def test_what_is_no_number_is_refused_with_types_that_are_taken(name):
    with pytest.raises(InputError, match=r"give one of bool, uint8, .*, float64"):
        taken_type(np.dtype(name), "plane 1")


@pytest.mark.parametrize("name", NUMBERS)
def test_no_step_of_the_way_loses_a_value(name):
    values = np.concatenate([ends(name), np.array([0, 1, 17], name)])
    check_values(values, "plane 1")

    for step in (as_opencv, as_floats, lambda it: it.astype(written_type(it.dtype))):
        np.testing.assert_array_equal(step(values).astype(name), values)
    np.testing.assert_array_equal(to_type(as_opencv(values), np.dtype(name)), values)


@pytest.mark.parametrize("name", ["int64", "uint64", "float64"])
def test_values_that_would_be_lost_are_named(name):
    dtype = np.dtype(name)
    value = 2**53 + 2 if dtype.kind in "iu" else 1e39

    with pytest.raises(InputError, match=r"plane 3 holds .*(subtract an offset|divide them)"):
        check_values(np.array([[0, value]], dtype), "plane 3")


@pytest.mark.parametrize("name", NUMBERS)
def test_light_of_each_type_is_that_of_floats_and_comes_back(name):
    low, high = (0, 1) if name.startswith("f") else np.clip(_limits(np.dtype(name)), -3000, 3000)
    values = np.linspace(low, high, 24 * 32).reshape(24, 32).astype(name)
    planes = [values, values[::-1]]
    intensity = Intensity.of(planes)

    light = intensity.to_light(values)
    shares = (values.astype(float) - values.min()) / (float(values.max()) - float(values.min()))

    np.testing.assert_allclose(light[0].numpy(), shares, atol=1e-6)
    back = intensity.from_light(light)[..., 0]
    assert back.dtype == name
    np.testing.assert_allclose(back.astype(float), values.astype(float), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [3e38, -3e38, 1e-30])
def test_squares_of_all_floats_are_within_range(value):
    values = np.array([[0, value, np.nan]], np.float32)

    for step in (as_opencv, as_floats):
        squares = step(values) ** 2
        assert squares[0, 1] == pytest.approx(float(np.float32(value)) ** 2)


def test_computed_values_are_rounded_and_limited_not_wrapped():
    values = np.array([-300.0, -0.6, 0.6, 300.0])

    assert to_type(values, np.dtype("int8")).tolist() == [-128, -1, 1, 127]
    assert to_type(values, np.dtype("uint8")).tolist() == [0, 0, 1, 255]
    assert to_type(np.array([1e30]), np.dtype("int64")).tolist() == [2**53]
    assert to_type(np.array([-1e39, np.inf]), np.dtype("float32")).tolist() == [
        -GREATEST_FLOAT,
        GREATEST_FLOAT,
    ]


@pytest.mark.parametrize(("count", "name"), [(2, "uint8"), (255, "uint8"), (256, "uint16"),
                                             (70_000, "uint32")])  # fmt: skip
def test_numbers_of_planes_have_the_smallest_type_that_holds_them(count, name):
    assert number_type(count) == name
