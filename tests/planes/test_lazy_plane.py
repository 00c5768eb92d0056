"""A plane that is read when a region of it is asked for."""

import numpy as np

from napari_focusstack.planes.lazy_plane import LazyPlane


class Store:
    dtype = np.dtype("uint16")

    def __init__(self):
        self.pixels = np.arange(2 * 4 * 5, dtype=np.uint16).reshape(2, 4, 5)
        self.reads = []

    def read(self, number, rectangle):
        self.reads.append((number, rectangle))
        return self.pixels[number][rectangle]


def test_only_the_region_is_read():
    store = Store()
    plane = LazyPlane(store, 1, (4, 5))
    assert (plane.shape, plane.ndim, plane.dtype, store.reads) == ((4, 5), 2, np.uint16, [])
    assert plane[1:3, 2:4].tolist() == [[27, 28], [32, 33]]
    assert store.reads == [(1, np.s_[1:3, 2:4])]


def test_as_an_array_it_is_the_whole_plane_in_the_dtype_that_is_asked_for():
    plane = LazyPlane(Store(), 0, (4, 5))
    np.testing.assert_array_equal(np.asarray(plane), np.arange(20).reshape(4, 5))
    assert np.asarray(plane, np.float32).dtype == np.float32
