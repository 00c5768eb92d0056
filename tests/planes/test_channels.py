"""Focus that is found in several channels together."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.planes.channels import mixed_planes


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float16", "float64"])
def test_a_dim_channel_counts_as_much_as_a_bright_one(dtype):
    bright = np.array([[[0, 200], [100, 0]]], dtype)
    dim = np.array([[[20, 0], [10, 0]]], dtype)
    (plane,) = mixed_planes([bright, dim])
    assert plane.dtype == dtype
    np.testing.assert_allclose(plane, [[100, 100], [100, 0]])


def test_a_dark_channel_adds_nothing_and_the_full_range_does_not_overflow():
    full = np.full((2, 4, 4), 65535, np.uint16)
    mixed = mixed_planes([full, full, np.zeros_like(full)])
    np.testing.assert_array_equal(mixed, np.full((2, 4, 4), 43690))


def test_what_a_channel_does_not_show_the_mean_does_not_show():
    first, second = np.full((2, 1, 4, 4), 8, np.float32)
    first[0, 0, 0], second[0, 1, 1] = np.nan, np.inf
    (plane,) = mixed_planes([first, second])
    assert np.argwhere(plane.mask).tolist() == [[0, 0], [1, 1]]
    assert (plane[~plane.mask] == 8).all()


def test_channels_of_other_stacks_are_refused():
    with pytest.raises(InputError, match="differ in number and size"):
        mixed_planes([np.zeros((3, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8)])
