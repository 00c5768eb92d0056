import numpy as np
import pytest

from napari_focusstack.surface.rocking import ANGLE_DEGREES, FRAMES, Relief, rock

#: A grey ground of 60 columns, and a red bar 20 px before it.
ROWS, COLUMNS, DEPTH_PX, BAR = 8, 60, 20.0, slice(28, 32)
GREY, RED = (120, 120, 120), (250, 0, 0)
#: Columns of a white mark on the ground.
WHITE, MARK = (255, 255, 255), slice(40, 43)


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
def test_what_is_near_moves_against_what_is_far_by_the_sine_of_the_angle(degrees):
    image = np.full((ROWS, COLUMNS, 3), GREY, np.uint8)
    depth = np.full((ROWS, COLUMNS), DEPTH_PX, np.float32)
    image[:, BAR], depth[:, BAR] = RED, 0.0
    image[:, MARK] = WHITE  # on the ground
    frame = Relief(image, depth).turned(degrees)
    middle = (frame.shape[1] - 1) / 2
    red, white = (np.nonzero(is_colour(frame, one)[0])[0].mean() for one in (RED, WHITE))
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    mark = (MARK.start + MARK.stop - 1) / 2 - (COLUMNS - 1) / 2
    assert red - middle == pytest.approx(-DEPTH_PX / 2 * sine, abs=0.6)
    assert white - middle == pytest.approx(mark * cosine + DEPTH_PX / 2 * sine, abs=0.6)


@pytest.mark.parametrize("degrees", [-10, 10])
def test_the_near_bar_hides_the_ground_which_goes_on_where_no_plane_shows_it(relief, degrees):
    frame = relief.turned(degrees)
    red = np.nonzero(is_colour(frame, RED)[0])[0]
    assert len(red) >= 3  # whole, on top of the ground
    for column in (red[0] - 2, red[-1] + 2):
        np.testing.assert_array_equal(frame[0, column], GREY)


def test_a_gap_is_filled_from_its_farther_side(relief):
    for degrees in (-10, -5, 5, 10):
        frame = relief.turned(degrees).astype(int)
        mixed = frame[..., 0] - frame[..., 1]  # of red and grey, at the edges of the bar
        assert (mixed > 0).sum(1).max() <= (BAR.stop - BAR.start) + 2


def test_a_slope_is_drawn_evenly():
    depth = np.tile(np.linspace(0, 400, COLUMNS, dtype=np.float32), (ROWS, 1))
    image = np.full((ROWS, COLUMNS, 3), GREY, np.uint8)
    image[:, ::2] += 20
    frame = Relief(image, depth).turned(ANGLE_DEGREES)
    assert np.abs(np.diff(frame[0, 2:-2, 0].astype(int))).max() <= 20
    assert frame.min() >= GREY[0]


def test_where_depth_is_unknown_the_image_is_shown_as_far_as_what_lies_beside():
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (ROWS, COLUMNS, 3)).astype(np.uint8)
    depth = np.full((ROWS, COLUMNS), 7.0, np.float32)
    whole = Relief(image, depth).turned(5)
    depth[2:4, 10:20] = np.nan
    np.testing.assert_array_equal(Relief(image, depth).turned(5), whole)


def test_a_single_wrong_depth_does_not_tear_the_surface():
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (ROWS, COLUMNS, 3)).astype(np.uint8)
    depth = np.zeros((ROWS, COLUMNS), np.float32)
    depth[:, -1] = DEPTH_PX  # so that there is something behind
    even = Relief(image, depth).turned(5)
    depth[4, 30] = DEPTH_PX
    np.testing.assert_array_equal(Relief(image, depth).turned(5), even)


def test_frames_go_to_one_side_and_back_and_show_no_border(relief):
    frames = list(rock(relief))
    assert len(frames) == 2 * FRAMES - 2
    assert {frame.shape for frame in frames} == {(ROWS, *relief.shape[1:], 3)}
    assert 0.9 * COLUMNS <= relief.shape[1] < COLUMNS
    np.testing.assert_array_equal(frames[1], frames[-1])
    assert (frames[0] != frames[FRAMES - 1]).any()
    for frame in frames:
        assert is_colour(frame, RED).sum() >= ROWS * 3
        assert frame.min(-1).max() == GREY[0]
        assert frame.max(-1).min() >= GREY[0]  # nothing is black
