"""What the door lets in, and what it says of the rest."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.planes.checks import check_planes, check_positions, is_blank


def plane(dtype="uint8", shape=(24, 32), seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3), (16, 16)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pairs_of_each_kind_pass_as_array_and_as_list(dtype, shape):
    near, far = plane(dtype, shape), plane(dtype, shape, seed=1)
    for planes in ([near, far], (near, far), np.stack([near, far])):
        first, second = check_planes(planes)
        np.testing.assert_array_equal(first, near)
        np.testing.assert_array_equal(second, far)
        assert first.dtype == dtype


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint64", "float16", "float64"])
def test_planes_of_other_numbers_pass_as_they_are(dtype):
    near, far = plane(dtype) // 2, plane(dtype, seed=1) // 2
    first, _ = check_planes([near, far])
    assert first.dtype == dtype
    np.testing.assert_array_equal(first, near)


def test_bool_planes_become_floats_of_0_and_1():
    near, far = plane() > 100, plane(seed=1) > 100
    first, _ = check_planes([near, far])
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, near)


def test_big_endian_planes_come_in_the_order_of_the_machine():
    near, far = plane(">u2"), plane(">u2", seed=1)
    first, _ = check_planes([near, far])
    assert first.dtype.isnative
    np.testing.assert_array_equal(first, near)


def with_value(value, place):
    bad = plane("float32")
    bad[place] = value
    return bad


BAD = {
    "one plane": ([plane()], "1 plane was given"),
    "no plane": ([], "0 planes were given"),
    "one image in place of two": (plane(), r"plane 1 has the shape \(32,\)"),
    "two channels": ([plane(shape=(24, 32, 2))] * 2, r"\(24, 32, 2\)"),
    "transparent": ([plane(shape=(24, 32, 4))] * 2, "plane 1 is all NaN or transparent"),
    "all nan": ([plane("float32"), with_value(np.nan, ...)], "plane 2 is all NaN"),
    "one axis": ([np.arange(40, dtype=np.uint8)] * 2, r"\(40,\)"),
    "two stacks": ([plane(shape=(5, 24, 32, 3))] * 2, r"\(5, 24, 32, 3\)"),
    "planes last": (plane(shape=(24, 32, 5)), r"32 x 5 px.*moveaxis\(planes, -1, 0\) if"),
    "too small": ([plane(shape=(15, 32))] * 2, "15 x 32 px"),
    "complex": ([plane("complex64")] * 2, "complex64; give one of bool, uint8"),
    "beyond what floats count": ([plane("int64") + 2**60] * 2, "plane 1 holds 11529"),
    "sizes differ": ([plane(), plane(shape=(24, 33))], r"\(24, 33\)"),
    "grey beside colour": ([plane(), plane(shape=(24, 32, 3))], r"\(24, 32, 3\)"),
    "types differ": ([plane(), plane("uint16")], "uint16"),
    "constant": ([plane(), np.full((24, 32), 7, np.uint8)], r"plane 2 is constant \(7\)"),
}


@pytest.mark.parametrize(("planes", "message"), BAD.values(), ids=BAD)
def test_a_bad_stack_is_refused_with_what_is_wrong(planes, message):
    with pytest.raises(InputError, match=message):
        check_planes(planes)


def test_a_colour_plane_of_one_colour_is_constant():
    with pytest.raises(InputError, match="constant"):
        check_planes(
            [np.tile(np.array([1, 2, 3], np.uint8), (24, 32, 1)), plane(shape=(24, 32, 3))]
        )


def test_pixels_that_are_not_opaque_are_masked():
    rgba = plane(shape=(24, 32, 4))
    rgba[..., 3] = 255
    rgba[:5, 0, 3] = [0, 1, 128, 250, 253]
    hidden, opaque = check_planes([rgba, np.ma.MaskedArray(plane(shape=(24, 32, 3), seed=1))])
    assert hidden.shape == (24, 32, 3)
    assert hidden.mask[:6, 0, 0].tolist() == [True] * 4 + [False] * 2
    np.testing.assert_array_equal(hidden.data, rgba[..., :3])
    assert type(opaque) is np.ndarray


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_pass(value):
    check_planes([plane("float32"), with_value(value, np.s_[3, 4:6])])


def test_a_plane_is_blank_if_all_that_it_shows_is_equal():
    half = with_value(np.nan, np.s_[:, 10:])
    assert not is_blank(half)
    half[:, :10] = 7
    assert is_blank(half)
    assert is_blank(np.full((24, 32), np.nan, np.float32))


def test_blank_planes_pass_if_two_others_show_something():
    blank = np.zeros((24, 32), np.uint8)
    planes = check_planes([blank, plane(), plane(seed=1), blank])
    assert [is_blank(each) for each in planes] == [True, False, False, True]
    row = plane()
    row[0] = 7
    assert not is_blank(row)


def test_positions_are_told_from_the_first_plane_on():
    assert check_positions(None, 3) is None
    assert check_positions([0, 2, 4.02], 3) is None
    np.testing.assert_allclose(check_positions([5, 4, 2], 3), [0, 1, 3])


@pytest.mark.parametrize(
    ("positions", "said"),
    [
        ([0, 1], "2 positions are given for 3 planes"),
        ([0, 2, 1], "0, 2, 1; sort"),
        ([0, 1, 1], "0, 1, 1; sort"),
        ([0, np.nan, 2], "0, nan, 2; sort"),
        ([0, 1, -4], "0, 1, -4; sort"),
    ],
)
def test_positions_that_are_no_order_are_refused(positions, said):
    with pytest.raises(InputError, match=said):
        check_positions(positions, 3)


def test_planes_that_are_not_chosen_are_neither_read_nor_checked():
    planes = [np.arange(20 * 30, dtype=np.uint16).reshape(20, 30) for _ in range(3)]
    damaged = [np.full((4, 4), np.nan), None, "no plane"]
    stack = check_planes([planes[0], *damaged, planes[1], planes[2]], "1,5:6")
    assert len(stack) == 6
    assert all(is_blank(stack[number]) for number in (1, 2, 3))
    assert all(each.shape == (20, 30) and each.dtype == np.uint16 for each in stack)
    low, high = planes[0].min(), planes[0].max()
    assert low < stack[1][0, 0] < high


@pytest.mark.parametrize(
    ("positions", "chosen", "expected"),
    [
        ([0, 1, 1, 2], [1, 2, 4], [0, 1, 1, 2]),  # a copy where its original is
        ([6, 5, 5, 4, 2], [1, 3, 4, 5], [0, 1, 1, 2, 4]),
        ([0, 9, 1, 3], [1, 3, 4], [0, 1, 1, 3]),  # one out of its place
    ],
)
def test_planes_that_are_left_out_may_lie_anywhere(positions, chosen, expected):
    behind = check_positions(positions, len(positions), chosen)
    np.testing.assert_allclose(behind, expected)
    with pytest.raises(InputError, match="sort the planes"):
        check_positions(positions, len(positions))
