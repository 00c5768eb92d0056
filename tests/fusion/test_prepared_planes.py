"""Planes are mended, chosen, registered and equalised before anything is sought in them."""

import pickle

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_focusstack.errors import ForeignPlanesError
from napari_focusstack.fusion.prepared_planes import PreparedPlanes
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.progress import run


def prepared(planes, **options):
    return PreparedPlanes(planes, FuseParameters(device="cpu", **options))


@pytest.fixture(scope="module")
def scene(make_focal_stack):
    return make_focal_stack(5, 1.5)


@pytest.fixture(scope="module")
def planes(scene):
    return scene.planes("uint16")


def test_planes_are_counted_from_the_nearest(planes, scene):
    first, last = prepared(planes), prepared(planes[::-1], near="last")
    assert (len(first.stack), first.stack.size, first.near, last.near) == (
        5,
        (96, 96),
        "first",
        "last",
    )
    where = np.s_[10:20, 30:50]
    for number in (1, 5):
        torch.testing.assert_close(
            first.stack.plane(number, where), last.stack.plane(number, where)
        )
    # 60000 is the brightest value that the camera wrote, and light is counted from the darkest
    bright = first.stack.plane(2, first.stack.full) * (
        first.stack.intensity.high - first.stack.intensity.low
    )
    np.testing.assert_allclose(
        bright.permute(1, 2, 0) + first.stack.intensity.low, planes[1].astype(float), atol=0.02
    )


def test_blank_planes_do_not_count_and_a_reversed_stack_counts_from_the_other_end(planes):
    blank = np.full_like(planes[0], 500)
    stack = [*planes, blank]
    assert prepared(stack).shown == [1, 2, 3, 4, 5]
    assert prepared(stack, near="last").shown == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("near", ["first", "last"])
def test_a_plane_of_another_scene_is_named_as_the_planes_are_given(planes, near):
    strange = np.random.default_rng(0).integers(0, 60000, planes[0].shape).astype(np.uint16)
    stack = [planes[0], np.full_like(planes[0], 500), *planes[1:4], strange, planes[4]]
    with pytest.raises(ForeignPlanesError, match=r"^plane 6 does not match the others") as refused:
        run(prepared(stack, near=near).align())
    assert refused.value.planes == (6,)
    assert pickle.loads(pickle.dumps(refused.value)).planes == (6,)


def test_hot_pixels_are_mended_unless_pixels_are_to_stay(planes):
    hot = [plane.copy() for plane in planes]
    around = gaussian_filter(np.mean(planes, (0, 3)), 2)
    dark = np.unravel_index(around.argmin(), around.shape)
    for plane in hot:
        plane[dark] = 65535
    for equalize, expected in (("auto", True), ("off", False)):
        found = prepared(hot, equalize=equalize)
        run(found.mend())
        assert (found.defects is not None) == expected
        assert (found.stack.sources[2][dark].max() < 65535) == expected


def test_a_light_that_drifts_is_equalised_after_registration(planes):
    drifting = [(plane * 0.95**number).astype(np.uint16) for number, plane in enumerate(planes)]
    found = prepared(drifting, register="off")
    run(found.align())
    assert found.light is not None
    before, after = (
        np.ptp([np.asarray(plane[:, :]).mean() for plane in stack])
        for stack in (drifting, found.stack.sources)
    )
    assert after < 0.3 * before
    untouched = prepared(drifting, register="off", equalize="off")
    run(untouched.align())
    assert untouched.light is None
    np.testing.assert_array_equal(untouched.stack.sources[4], drifting[4])
