"""Interpolation of planes that are moved."""

import numpy as np
import pytest

from napari_focusstack.registration.transforms import IDENTITY, Registration
from napari_focusstack.registration.warp import BLOCK_PX

SIDE = 192
SIZE = (SIDE, SIDE)


def as_tuples(matrix):
    return tuple(map(tuple, np.asarray(matrix, float).tolist()))


def fine(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_whole_pixels_keep_their_values(similarity, dtype):
    plane = fine((40, 50, 3), dtype)
    moved = Registration((as_tuples(similarity(3, -7, size=(40, 50))),), (40, 50)).warp(plane, 1)
    np.testing.assert_array_equal(moved[:37, 7:], plane[3:, :-7])
    assert (moved[:37, :7] == plane[3:, :1]).all()  # the border continues


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint32", "int64", "float16"])
def test_planes_of_other_numbers_are_moved_as_floats_are(similarity, dtype):
    step = 2.0**40 if dtype == "int64" else 1e6 if "32" in dtype else 0.5
    low = 0 if dtype.startswith("u") else -100
    plane = (step * (fine((40, 50), "float64") + low)).astype(dtype)
    registration = Registration((as_tuples(similarity(2.3, -4.6, 1.5, 1.02)),), (40, 50))
    moved = registration.warp(plane, 1)
    expected = registration.warp(plane.astype(np.float64), 1)
    assert moved.dtype == dtype
    tolerance = 0.51 if np.dtype(dtype).kind in "iu" else 0.1
    np.testing.assert_allclose(moved.astype(float), expected, atol=tolerance, rtol=1e-7)


@pytest.mark.parametrize("motion", [(3, -7), (2.3, -4.6, 1.5, 1.02)])
def test_a_region_is_the_crop_of_the_whole(similarity, motion):
    size = (BLOCK_PX + 60, BLOCK_PX + 90)
    plane = fine((*size, 3), "uint16")
    registration = Registration((IDENTITY, as_tuples(similarity(*motion))), size)
    region = (slice(BLOCK_PX - 33, BLOCK_PX + 41), slice(17, -5))
    np.testing.assert_array_equal(
        registration.warp(plane, 2, region), registration.warp(plane, 2)[region]
    )
    np.testing.assert_array_equal(registration.warp(plane, 1, region), plane[region])
    assert registration.warp(plane, 2, (slice(4, 4), slice(0, 9))).shape == (0, 9, 3)


def test_a_wave_is_moved_to_where_it_belongs(similarity):
    motion = similarity(2.3, -4.6, 1.5, 1.02)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    there = np.tensordot(motion[:2], np.stack([rows, columns, np.ones(SIZE)]), 1)

    def wave(row, column):
        return np.sin(0.3 * row) * np.cos(0.25 * column)

    registration = Registration((as_tuples(motion),), SIZE)
    moved = registration.warp(wave(rows, columns).astype(np.float32), 1)
    error = (moved - wave(*there))[registration.valid(1)]
    assert np.sqrt(np.mean(error**2)) < 0.01


def test_an_edge_does_not_ring(similarity):
    plane = np.where(np.arange(64) < 32, 10, 200).astype(np.uint8) * np.ones((64, 1), np.uint8)
    moved = Registration((as_tuples(similarity(0.4, 0.6, 0.5, size=(64, 64))),), (64, 64)).warp(
        plane, 1
    )
    assert moved.min() == 10
    assert moved.max() == 200


def test_only_the_pixels_that_a_region_needs_are_read(similarity):
    class Counted:
        shape, dtype, read = (2000, 2000), np.dtype("uint8"), 0

        def __getitem__(self, region):
            values = np.zeros(self.shape, self.dtype)[region]
            self.read += values.size
            return values

    plane = Counted()
    motion = as_tuples(similarity(2.5, 1, 0.2, size=plane.shape))
    Registration((motion,), plane.shape).warp(plane, 1, (slice(600, 700), slice(600, 700)))
    assert plane.read < 540**2
