"""What planes show, region by region."""

import numpy as np
import pytest

from napari_focusstack.planes.shown import Shown, ShownMask, shown_by

SIZE = (300, 70)


@pytest.fixture
def masks():
    """Planes that show all, all but a triangle, and all but the last rows."""
    rows, columns = np.indices(SIZE)
    return [np.ones(SIZE, bool), rows + 3 * columns > 60, rows < 280]


@pytest.fixture
def shown(masks):
    return Shown(SIZE, (None, *(ShownMask(mask) for mask in masks[1:])))


@pytest.mark.parametrize(
    "region", [np.s_[0:300, 0:70], np.s_[10:20, 5:9], np.s_[120:290, 1:70], np.s_[280:300, 0:3]]
)
def test_a_region_is_the_crop_of_the_whole(shown, masks, region):
    part = shown.in_region(region)
    np.testing.assert_array_equal(part, np.stack(masks)[:, *region])


def test_where_all_is_shown_nothing_is_read(shown):
    assert shown.in_region(np.s_[70:250, 0:70]) is None
    assert Shown(SIZE, (None, None)).is_everything
    assert not shown.is_everything
    assert shown.incomplete == [2, 3]


def test_what_all_and_what_any_planes_show(shown, masks):
    np.testing.assert_array_equal(shown.by_all, masks[1] & masks[2])
    assert shown.by_any is None
    np.testing.assert_array_equal(shown.take([2]).by_any.whole, masks[1])


def test_a_pixel_that_no_plane_shows_leaves_a_choice():
    nowhere = ShownMask(np.zeros((4, 5), bool))
    shown = Shown((4, 5), (nowhere, nowhere))
    assert shown.in_region(np.s_[0:4, 0:5]).all()
    assert not shown.by_any.whole.any()


def test_the_nearest_plane_that_shows_a_pixel_takes_its_place(shown):
    labels = np.full(SIZE, 3, np.uint8)
    labels[:, :10] = 2
    nearest = shown.nearest(labels, np.s_[0:300, 0:70])
    assert nearest.dtype == np.uint8
    assert nearest[0, 0] in (1, 3)
    assert nearest[290, 50] == 2
    np.testing.assert_array_equal(nearest[100:250], labels[100:250])


def test_a_label_is_held_against_its_own_plane(shown, masks):
    region = np.s_[0:300, 0:70]
    np.testing.assert_array_equal(shown.by_label(2, region), masks[1])
    labels = np.where(np.arange(70) < 35, 3, 1)[None].repeat(300, 0)
    expected = masks[2] | (labels == 1)
    np.testing.assert_array_equal(shown.by_label(labels, region), expected)
    assert shown.by_label(1, region) is None


def test_some_planes_are_taken_and_put_back(shown):
    assert shown.take([3, 1]).incomplete == [1]
    assert shown.put([2], Shown(SIZE, (None,))).incomplete == [3]


def test_masked_pixels_of_any_channel_are_not_shown():
    plane = np.ma.MaskedArray(np.zeros((4, 4, 3), np.uint8), False)
    plane[1, 2, 0] = np.ma.masked
    assert (~shown_by(plane)).nonzero() == ([1], [2])
    assert shown_by(np.zeros((4, 4))) is None
