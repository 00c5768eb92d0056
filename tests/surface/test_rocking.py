import numpy as np
import pytest

from napari_focusstack.surface.rocking import ANGLE_DEGREES, FRAMES, Relief, rock

#: A grey ground of 60 columns, and a red bar 20 px before it.
ROWS, COLUMNS, DEPTH_PX, BAR = 8, 60, 20.0, slice(28, 32)
GREY, RED = (120, 120, 120), (250, 0, 0)


@pytest.fixture
def relief():
    image = np.full((ROWS, COLUMNS, 3), GREY, np.uint8)
    depth = np.full((ROWS, COLUMNS), DEPTH_PX, np.float32)
    image[:, BAR], depth[:, BAR] = RED, 0.0
    return Relief(image, depth)


def is_colour(frame, colour):
    return (frame == colour).all(-1)


def test_from_straight_ahead_the_image_is_as_it_was():
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (ROWS, COLUMNS, 3)).astype(np.uint8)
    straight = Relief(image, rng.uniform(0, 30, (ROWS, COLUMNS)), degrees=0)
    np.testing.assert_array_equal(straight.turned(0), image)


@pytest.mark.parametrize("degrees", [-10, -4, 4, 10])
def test_what_is_near_moves_against_what_is_far_by_the_sine_of_the_angle(relief, degrees):
    frame = relief.turned(degrees)
    middle = (frame.shape[1] - 1) / 2
    red = np.nonzero(is_colour(frame, RED)[0])[0].mean() - middle
    grey = np.nonzero(~is_colour(frame, (0, 0, 0))[0])[0]
    sine = np.sin(np.radians(degrees))
    assert red == pytest.approx(-DEPTH_PX / 2 * sine, abs=0.6)
    assert (grey[0] + grey[-1]) / 2 - middle == pytest.approx(DEPTH_PX / 2 * sine, abs=0.6)


@pytest.mark.parametrize("degrees", [-10, 10])
def test_the_near_bar_hides_the_ground_and_leaves_a_hole_behind_it(relief, degrees):
    frame = relief.turned(degrees)
    red = np.nonzero(is_colour(frame, RED)[0])[0]
    assert len(red) >= 3  # whole, on top of the ground
    beside = frame[0, red[-1] + 2] if degrees > 0 else frame[0, red[0] - 2]
    np.testing.assert_array_equal(beside, (0, 0, 0))
    covered = frame[0, red[0] - 2] if degrees > 0 else frame[0, red[-1] + 2]
    np.testing.assert_array_equal(covered, GREY)


def test_a_slope_is_drawn_without_gaps():
    depth = np.tile(np.linspace(0, 400, COLUMNS, dtype=np.float32), (ROWS, 1))
    frame = Relief(np.full((ROWS, COLUMNS, 3), GREY, np.uint8), depth).turned(ANGLE_DEGREES)
    shown = np.nonzero(is_colour(frame, GREY)[0])[0]
    assert len(shown) == shown[-1] - shown[0] + 1


def test_unknown_depth_is_a_hole():
    depth = np.zeros((ROWS, COLUMNS), np.float32)
    depth[2:4, 10:20] = np.nan
    frame = Relief(np.full((ROWS, COLUMNS, 3), GREY, np.uint8), depth, degrees=0).turned(0)
    np.testing.assert_array_equal(is_colour(frame, (0, 0, 0)), np.isnan(depth))


def test_frames_go_to_one_side_and_back_and_nothing_is_cut_off(relief):
    frames = list(rock(relief))
    assert len(frames) == 2 * FRAMES - 2
    assert {frame.shape for frame in frames} == {(ROWS, *relief.shape[1:], 3)}
    np.testing.assert_array_equal(frames[1], frames[-1])
    assert (frames[0] != frames[FRAMES - 1]).any()
    for frame in frames:
        assert is_colour(frame, RED).sum() >= ROWS * 3
