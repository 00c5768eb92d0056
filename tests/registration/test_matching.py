"""Match two planes: the motion between them, and whether there is one."""

import cv2
import numpy as np
import pytest

from napari_focusstack.registration.matching import Match, downsample, match

REST = (1 + 0j, 0j)


def matched(first, second, model="similarity", pair=(0, 1), guess=REST):
    return match(downsample(first), downsample(second), pair, guess, model)


def test_a_shift_is_found_as_columns_and_rows(similarity, stack):
    """A point 6 px down and 4 px left in the second plane is at shift -4 + 6i."""
    first, second = stack([np.eye(3), similarity(6.0, -4.0)])
    found = matched(first, second)
    assert found.significant
    assert found.shift.real == pytest.approx(-4.0, abs=0.15)
    assert found.shift.imag == pytest.approx(6.0, abs=0.15)
    assert abs(found.rotation_scale - 1) < 0.002
    assert found.moved_px == pytest.approx(np.hypot(4, 6), abs=0.4)


def test_rotation_and_scale_are_found_about_the_centre(similarity, stack):
    first, second = stack([np.eye(3), similarity(degrees=1.2, scale=1.02)])
    found = matched(first, second)
    assert abs(found.rotation_scale) == pytest.approx(1.02, abs=0.002)
    assert np.degrees(abs(np.angle(found.rotation_scale))) == pytest.approx(1.2, abs=0.1)
    assert abs(found.shift) < 0.2


def test_a_model_of_shifts_neither_turns_nor_scales(similarity, stack):
    first, second = stack([np.eye(3), similarity(3.0, 2.0, 0.5, 1.01)])
    assert matched(first, second, "shift").rotation_scale == 1
    assert abs(matched(first, second, "rigid").rotation_scale) == pytest.approx(1, abs=1e-6)


def test_planes_that_differ_in_focus_alone_did_not_move(stack):
    first, second = stack([np.eye(3)] * 2, step_px=2.0)
    found = matched(first, second)
    assert (found.rotation_scale, found.shift, found.significant, found.moved_px) == (
        1,
        0,
        False,
        0,
    )
    assert found.correlation > 0.8
    assert not found.unrelated


@pytest.mark.parametrize(("side", "certain"), [(96, False), (512, True)])
def test_a_vote_of_two_thirds_is_certain_where_many_tiles_vote(side, certain):
    field = cv2.GaussianBlur(np.random.default_rng(0).random((side, side)), (0, 0), 1.5)
    moved = np.roll(field, 2, 0)
    moved[:, side * 2 // 3 :] = field[:, side * 2 // 3 :]
    found = matched(field.astype(np.float32), moved.astype(np.float32), "shift")
    assert found.moved_px > 1
    assert (found.significant, found.certain) == (True, certain)


def test_planes_of_two_scenes_are_unrelated(stack):
    (first,), (second,) = stack([np.eye(3)]), stack([np.eye(3)], seed=9)
    found = matched(first, second)
    assert found.unrelated
    assert not found.significant
    assert found.contrast > 0.02


def test_dark_and_bright_may_be_exchanged(stack):
    """Phase contrast turns round through focus."""
    (plane,) = stack([np.eye(3)])
    assert matched(plane, 1 - plane).correlation == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("pair", "clear", "correlation", "weight"),
    [
        ((0, 1), True, 0.9, 0.9),
        ((0, 4), True, 0.9, 0.9 / 4),
        ((3, 4), False, 0.9, 0.09),
        ((2, 4), False, 0.9, 0.0),
        ((0, 1), True, 0.0, 0.05),
    ],
)
def test_a_match_weighs_by_distance_correlation_and_clarity(pair, clear, correlation, weight):
    found = Match(pair, 1 + 0j, 0j, clear, clear, 0.0, correlation, 0.1)
    assert found.weight == pytest.approx(weight)


def test_a_large_plane_is_reduced_by_whole_numbers():
    plane = np.zeros((2200, 3300), np.uint16)
    plane[400:800, 500:900] = 5000
    small = downsample(plane)
    assert small.size == (2200, 3300)
    assert small.band_scale == 2  # 7.3 megapixels to about 1.2
    assert small.band.shape == (1100, 1650)
    assert small.image.shape == tuple(side * 2 // small.scale for side in small.band.shape)
    assert (small.image.min(), small.image.max(), small.span) == (0, 1, 5000)


def test_colours_of_8_bits_are_matched_in_about_linear_light():
    plane = np.zeros((64, 64, 3), np.uint8)
    plane[:, 32:] = 128
    plane[:, 48:] = 255
    small = downsample(plane)
    assert small.image[0, 40 // small.scale] == pytest.approx((128 / 255) ** 2, abs=1e-3)
