"""Planes of a fusion are moved to lie on each other, or left as they are."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.planes.lazy_plane import LazyPlane
from napari_focusstack.registration.align import align
from napari_focusstack.registration.transforms import IDENTITY, Registration
from napari_focusstack.runtime.progress import run


@pytest.mark.parametrize("count", [2, 7])
def test_planes_of_another_scene_are_refused_unless_registration_is_off(stack, count):
    planes = stack([np.eye(3)] * count)
    planes[-1] = stack([np.eye(3)], seed=9)[0]
    with pytest.raises(InputError, match=r"does not match the others|show different things"):
        run(align(list(planes), FuseParameters()))

    left, found = run(align(list(planes), FuseParameters(register="off")))

    assert found is None
    assert all(one is other for one, other in zip(left, planes, strict=True))


@pytest.fixture
def shifted():
    """Two planes of noise, the second 3 rows lower, and the registration that says so."""
    plane = np.random.default_rng(0).integers(0, 60000, (70, 80), np.uint16)
    down = ((1.0, 0.0, 3.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    return [plane, np.roll(plane, 3, 0)], Registration((IDENTITY, down), (70, 80), "shift")


def test_a_known_registration_is_applied(shifted):
    planes, known = shifted
    steps = []
    moved, found = run(align(planes, FuseParameters(register="off"), known), steps.append)
    assert found is known
    np.testing.assert_array_equal(moved[0], planes[0])
    np.testing.assert_array_equal(moved[1][:67], planes[0][:67])
    assert [(step.done, step.total) for step in steps] == [(1, 2), (2, 2)]


def test_a_known_registration_of_other_planes_is_refused(shifted):
    planes, known = shifted
    with pytest.raises(InputError, match="of 2 planes, the stack has 3"):
        run(align([*planes, planes[0]], FuseParameters(), known))


def test_planes_that_lie_still_are_the_same_objects(shifted):
    planes, _ = shifted
    moved, found = run(align(planes, FuseParameters(), Registration.identity(2, (70, 80))))
    assert found.is_identity
    assert moved is planes


def test_planes_on_disk_are_moved_into_a_scratch_file(shifted):
    planes, known = shifted

    class Store:
        dtype = planes[0].dtype

        def read(self, number, rectangle):
            return planes[number][rectangle]

    lazy = [LazyPlane(Store(), number, (70, 80)) for number in (0, 1)]
    moved, _ = run(align(lazy, FuseParameters(), known))
    assert all(isinstance(plane, LazyPlane) for plane in moved)
    assert moved[1].dtype == np.uint16
    np.testing.assert_array_equal(moved[1][10:20, 5:9], planes[0][10:20, 5:9])


@pytest.mark.parametrize(
    ("count", "side", "register", "tried"),
    [(3, 63, "auto", False), (3, 64, "auto", True), (2, 96, "auto", False), (2, 96, "on", True)],
)
def test_small_planes_and_pairs_are_registered_only_on_request(
    similarity, stack, count, side, register, tried
):
    planes = [plane[:side, :side] for plane in stack([similarity(2.0 * n) for n in range(count)])]
    moved, found = run(align(planes, FuseParameters(register=register)))
    assert (found is not None) == tried
    assert (moved is planes) == (found is None or found.is_identity)
