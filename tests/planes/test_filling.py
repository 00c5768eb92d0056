"""Pixels that a plane does not show are filled so that nothing is seen of their rim."""

import numpy as np
import pytest

from napari_focusstack.planes.filling import fill
from napari_focusstack.planes.lazy_plane import LazyPlane
from napari_focusstack.planes.shown import Shown, ShownMask

SIZE = (90, 120)


@pytest.fixture
def hole():
    rows, columns = np.indices(SIZE)
    return rows + columns < 60


def smooth(offset):
    rows, columns = np.indices(SIZE)
    return (1000 + 3 * rows + 2 * columns + offset).astype(np.uint16)


def shown_but(*holes):
    masks = tuple(None if hole is None else ShownMask(~hole) for hole in holes)
    return Shown(SIZE, masks)


def test_the_nearest_plane_fills_in_the_light_of_the_rim(hole):
    planes = [smooth(500), smooth(0), np.where(hole, 0, smooth(40)).astype(np.uint16)]
    filled = fill(planes, shown_but(None, None, hole), [False] * 3)
    assert filled[0] is planes[0]
    assert filled[1] is planes[1]
    np.testing.assert_array_equal(filled[2][~hole], planes[2][~hole])
    rows, columns = np.indices(SIZE)
    rim = hole & (rows + columns > 56)
    np.testing.assert_allclose(filled[2][rim], smooth(40)[rim], atol=4)
    np.testing.assert_allclose(filled[2][:3, :3], smooth(0)[:3, :3], atol=8)


def test_what_the_nearest_does_not_show_comes_from_the_next(hole):
    inner = hole & (np.indices(SIZE).sum(0) < 20)
    planes = [smooth(0), smooth(0), smooth(0)]
    planes[1][inner] = planes[2][hole] = 0
    filled = fill(planes, shown_but(None, inner, hole), [False] * 3)
    np.testing.assert_allclose(filled[2], smooth(0), atol=2)
    blank_first = fill(planes, shown_but(None, inner, hole), [True, False, False])
    assert (blank_first[1][inner] > 900).all()  # continued, as no other plane shows it


def test_what_no_plane_shows_is_continued(hole):
    planes = [np.where(hole, np.nan, smooth(0)).astype(np.float32)] * 2
    for plane in fill(planes, shown_but(hole, hole), [False] * 2):
        assert np.isfinite(plane).all()
        assert 1000 < plane[hole].min() < plane[hole].max() < 1300


def test_a_plane_that_shows_nothing_is_filled_by_another(hole):
    planes = [smooth(0).astype(np.float32), np.full(SIZE, np.nan, np.float32)]
    filled = fill(planes, shown_but(None, np.ones(SIZE, bool)), [False, True])
    np.testing.assert_array_equal(filled[1], planes[0])


def test_planes_on_disk_are_filled_into_a_scratch_file(hole):
    class Store:
        dtype = np.dtype(np.uint16)

        def read(self, number, rectangle):
            return np.where(hole, 0, smooth(number)).astype(np.uint16)[rectangle]

    planes = [LazyPlane(Store(), number, SIZE) for number in range(2)]
    filled = fill(planes, shown_but(None, hole), [False, False])
    assert filled[0] is planes[0]
    assert isinstance(filled[1], LazyPlane)
    np.testing.assert_array_equal(filled[1][40:90, 60:120], smooth(1)[40:90, 60:120])
