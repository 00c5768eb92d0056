"""Registration: checked, saved and loaded, and the region that all planes share."""

import json

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.registration.transforms import IDENTITY, Registration

SIDE = 192
SIZE = (SIDE, SIDE)


def as_tuples(matrix):
    return tuple(map(tuple, np.asarray(matrix, float).tolist()))


def fine(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(dtype)


def test_common_is_what_every_plane_shows(similarity):
    motions = [similarity(4.5, -3.2, 0.8, 1.01), np.eye(3), similarity(-2.5, 6.1, -0.4, 0.98)]
    registration = Registration(tuple(map(as_tuples, motions)), SIZE)
    rows, columns = registration.common()
    everywhere = np.logical_and.reduce([registration.valid(n) for n in (1, 2, 3)])
    assert everywhere[rows, columns].all()
    assert everywhere[rows, columns].size > 0.9 * everywhere.sum()


def test_planes_that_share_nothing_have_nothing_in_common(similarity):
    away = as_tuples(similarity(SIDE + 3, 0))
    with pytest.raises(InputError, match="the planes share no pixel once they are registered"):
        Registration((IDENTITY, away), SIZE, reason="planes drift").common()


def test_a_saved_registration_serves_another_channel(drift, tmp_path):
    found = Registration(tuple(map(as_tuples, drift)), SIZE, "similarity", "planes drift")
    found.save(tmp_path / "registration.json")
    again = Registration.load(tmp_path / "registration.json")
    assert again == found
    channel = fine(SIZE, "uint16")
    again.check([channel] * len(drift))
    np.testing.assert_array_equal(again.warp(channel, 1), found.warp(channel, 1))


def test_a_registration_of_another_stack_is_refused():
    registration = Registration.identity(3, (40, 50))
    with pytest.raises(InputError, match="of 3 planes, the stack has 4; register it anew"):
        registration.check(np.zeros((4, 40, 50)))
    with pytest.raises(InputError, match="plane 1 is 40 x 60 px, the registration of 40 x 50 px"):
        registration.check(np.zeros((3, 40, 60, 3)))
    with pytest.raises(InputError, match="plane 2 is 50 x 40 px"):
        registration.warp(np.zeros((50, 40)), 2)
    with pytest.raises(InputError, match="there is no plane 4; choose 1 to 3"):
        registration.valid(4)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("size", None, "has no size"),
        ("size", [40.5, 50], "size is"),
        ("size", [40, True], "size is"),
        ("size", 40, "size is 40"),
        ("model", "affine", "model is 'affine'; choose one of shift, rigid, similarity"),
        ("matrices", [], "has no matrices"),
        ("matrices", 5, "matrices are no list"),
        ("matrices", [IDENTITY, [[1, 0], [0, 1]]], "registration of plane 2 is no 3 x 3 matrix"),
        ("matrices", [[[1, 0, "x"], [0, 1, 0], [0, 0, 1]]], "plane 1 is no 3 x 3 matrix"),
        ("matrices", [[[1, 0, float("nan")], [0, 1, 0], [0, 0, 1]]], "is no JSON"),
        ("matrices", [[[1, 0, 10**400], [0, 1, 0], [0, 0, 1]]], "plane 1 is no 3 x 3"),
        ("matrices", [[[1, 0, 1e300], [0, 1, 0], [0, 0, 1]]], "plane 1 is no 3 x 3"),
        ("matrices", [IDENTITY, [[1, 0, 50], [0, 1, 0], [0, 0, 1]]], "plane 2 is no 3 x 3"),
        ("matrices", [[[1, 1e6, 0], [0, 1, 0], [0, 0, 1]]], "plane 1 is no 3 x 3"),
        ("reason", ["moved"], "reason is no text"),
        ("matrices", [[[1, 0, 0], [0, 0, 0], [0, 0, 1]]], "plane 1 is no 3 x 3"),
        ("matrices", [[[1, 0, 0], [0, 1, 0], [0, 1, 1]]], "plane 1 is no 3 x 3"),
    ],
)
def test_a_damaged_registration_is_refused_with_the_reason(tmp_path, key, value, message):
    told = Registration.identity(2, (40, 50)).to_dict() | {key: value}
    (tmp_path / "r.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=message):
        Registration.load(tmp_path / "r.json")


@pytest.mark.parametrize("text", ["", "[1, 2]", "no JSON", "\udcff"])
def test_a_file_that_is_no_registration_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError):
        Registration.load(tmp_path / "r.json")
    with pytest.raises(InputError, match=r"missing\.json does not exist"):
        Registration.load(tmp_path / "missing.json")


def test_a_registration_that_no_drift_explains_is_not_applied():
    plane = np.zeros((40, 50), np.uint8)
    for entry, value in (((0, 1), 1e6), ((1, 2), 1e9), ((0, 2), float("nan")), ((0, 0), -1)):
        matrix = np.eye(3)
        matrix[entry] = value
        registration = Registration((IDENTITY, tuple(map(tuple, matrix.tolist()))), (40, 50))
        with pytest.raises(InputError, match="plane 2 is no 3 x 3 matrix of a drift"):
            registration.check([plane, plane])


def test_some_planes_are_taken_and_put_back():
    down = ((1.0, 0.0, 2.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    two = Registration((IDENTITY, down), (4, 5), "shift")
    five = two.put([2, 4], 5)
    assert five.matrices == (IDENTITY, IDENTITY, IDENTITY, down, IDENTITY)
    assert five.take([2, 4]) == two
    assert two.take([1, 2]) is two
    assert two.put([1, 2], 2) is two
