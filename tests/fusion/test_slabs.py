"""Slabs: each is the fusion of a few planes, registered with all others."""

import numpy as np
import pytest

import napari_focusstack as nfs
from napari_focusstack.fusion.slabs import fuse_slabs

PLAIN = {"elimination": "none", "device": "cpu"}


@pytest.fixture(scope="module")
def planes(make_focal_stack):
    return np.stack(make_focal_stack(7, 1.0, seed=2).planes("uint16", grey=True))


def test_a_slab_is_the_fusion_of_its_planes(planes):
    slabs = list(fuse_slabs(planes, 3, 1, near="first", register="off", equalize="off", **PLAIN))
    assert [slab.numbers for slab in slabs] == [(1, 2, 3), (3, 4, 5), (5, 6, 7)]
    for slab in slabs:
        first, last = slab.numbers[0], slab.numbers[-1]
        alone = nfs.fuse(planes[first - 1 : last], near="first", register="off", **PLAIN)
        np.testing.assert_array_equal(slab.image, alone.image)
        assert set(np.unique(slab.result.source)) <= set(slab.numbers)


def test_slabs_keep_the_order_of_the_file_where_the_last_plane_is_near(planes):
    forward = list(fuse_slabs(planes, 3, 1, near="first", **PLAIN))
    turned = list(fuse_slabs(planes[::-1], 3, 1, near="last", **PLAIN))
    assert [slab.numbers for slab in turned] == [(1, 2, 3), (3, 4, 5), (5, 6, 7)]
    for slab, other in zip(forward, turned[::-1], strict=True):
        np.testing.assert_array_equal(slab.image, other.image)


def test_slabs_are_registered_with_all_planes(planes):
    moved = np.stack([np.roll(plane, 2 * number, 0) for number, plane in enumerate(planes)])
    options = {"register": "on", "register_model": "shift", **PLAIN}
    still = list(fuse_slabs(planes, 3, 1, **PLAIN))
    inside = np.s_[20:-20, 20:-20]
    middle = 2 * 3  # the middle plane stays, at its shift
    for slab, other in zip(fuse_slabs(moved, 3, 1, **options), still, strict=True):
        shifted = np.roll(other.image, middle, 0)
        error = np.abs(slab.image[inside].astype(float) - shifted[inside])
        assert error.mean() < 1000


def test_chosen_and_blank_planes(planes):
    some = planes.copy()
    some[2:4] = 7
    slabs = list(fuse_slabs(some, 2, planes="1:6", **PLAIN))
    assert [slab.numbers for slab in slabs] == [(1, 2), (3, 4), (5, 6)]
    assert slabs[1].result is None
    np.testing.assert_array_equal(slabs[1].image, some[1])
    assert set(np.unique(slabs[2].result.source)) <= {5, 6}


def test_all_slabs_are_cropped_to_one_rectangle(planes):
    shown = planes.astype(np.float32)
    shown[0, :7] = shown[-1, :, :5] = np.nan
    whole = list(fuse_slabs(shown, 3, 1, **PLAIN))
    cut = list(fuse_slabs(shown, 3, 1, crop=True, **PLAIN))
    assert len(cut) == len(whole) > 1
    for slab, other in zip(cut, whole, strict=True):
        np.testing.assert_array_equal(slab.image, other.image[7:, 5:])
        assert slab.result.region == (slice(7, 96), slice(5, 96))
