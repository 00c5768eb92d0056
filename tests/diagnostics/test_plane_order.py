"""Twins, wrong orders and gaps from distances alone."""

import numpy as np
import pytest

from napari_focusstack.diagnostics.plane_order import (
    better_order,
    duplicates,
    gaps,
    misplaced,
    rms_distance,
)


def sure(angle):
    """Planes without noise."""
    return np.zeros(len(angle))


def distances(places):
    """Angles between planes at these places along z: like 0.1 |dz|, levelling off."""
    apart = np.abs(np.subtract.outer(places, places)).astype(float)
    return 0.8 * np.tanh(apart / 8)


def sharpness(places, focus=range(13)):
    """Logarithm of the sharpness of parts of the specimen whose focus lies here and there."""
    return -np.abs(np.subtract.outer(places, list(focus))) / 3


def ordered(places):
    return better_order(distances(places), sharpness(places))


def test_a_regular_stack_is_in_order_without_gaps_or_twins():
    even = distances(np.arange(20))
    assert ordered(np.arange(20)) == []
    assert gaps(even, even, sure(even)) == []
    assert duplicates(even, sure(even)) == []


@pytest.mark.parametrize("seed", range(5))
def test_uneven_steps_of_a_hand_are_no_finding(seed):
    places = np.cumsum(np.random.default_rng(seed).uniform(0.8, 1.2, 20))
    uneven = distances(places)
    assert ordered(places) == []
    assert gaps(uneven, uneven, sure(uneven)) == []


@pytest.mark.parametrize(
    "given",
    [
        [0, 1, 3, 2, 4, 5, 6, 7],  # two swapped
        [0, 1, 6, 3, 4, 5, 2, 7],
        [0, 1, 2, 4, 5, 6, 7, 3],  # one at the end
        [4, 5, 6, 7, 0, 1, 2, 3],  # begun in the middle
        [0, 5, 6, 7, 1, 2, 3, 4],  # 1, 10, 11, 12, 2: sorted as words
        [3, 6, 1, 7, 0, 5, 2, 4],  # shuffled
    ],
)
def test_a_wrong_order_is_put_right(given):
    restored = [given[at] for at in ordered(np.array(given))]
    assert restored in (sorted(given), sorted(given, reverse=True))


def test_the_direction_is_that_which_moves_fewer_planes():
    given = np.array([0, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8])
    assert ordered(given) == [0, *range(5, 13), 1, 2, 3, 4]
    assert ordered(given[::-1]) == [*range(8, 12), *range(8), 12]


@pytest.mark.parametrize("focus", [0.5, 3, 5.3, 5.5, 8.4])
def test_a_thin_specimen_alike_on_both_sides_of_focus_is_in_order(focus):
    away = np.abs(np.arange(12) - focus)
    assert better_order(distances(away), sharpness(away, [0])) == []


def test_drift_alone_does_not_disorder_a_stack():
    drifted = distances(np.arange(12) + np.random.default_rng(1).normal(0, 3, 12))
    assert better_order(drifted, sharpness(np.arange(12))) == []


def test_few_planes_have_no_order():
    assert ordered(np.array([0, 2, 1])) == []
    assert ordered(np.array([0, 2, 1, 3])) == [0, 2, 1, 3]


def test_a_missing_plane_leaves_a_gap():
    far = distances(np.delete(np.arange(12), [4, 8]))
    assert gaps(far, far, sure(far)) == [3, 6]


def test_a_jump_that_is_drift_or_noise_is_no_gap():
    far, even = distances(np.delete(np.arange(12), 4)), distances(np.arange(11))
    assert gaps(far, far, sure(far)) == [3]
    assert gaps(far, even, sure(far)) == []
    assert gaps(even, far, sure(far)) == []
    assert gaps(far, far, np.full(11, 0.1)) == []


def test_steps_near_the_ends_cannot_be_judged():
    far = distances(np.array([0, 1, 4, 5, 6, 7, 10, 11]))
    assert gaps(far, far, sure(far)) == []


def test_twins_are_far_closer_than_the_others():
    for place, found in ((2.1, [(2, 3)]), (2.6, [])):
        angle = distances(np.array([0, 1, 2, place, 3, 4]))
        assert duplicates(angle, sure(angle)) == found


def test_twins_need_more_than_noise_around_them():
    near_noise = distances(np.array([0, 1, 2, 2.1, 3, 4]))
    assert duplicates(near_noise, np.full(6, 0.01)) == []


def test_a_pair_has_no_twins():
    assert duplicates(distances(np.array([0, 0.01])), np.zeros(2)) == []


def test_the_fewest_planes_move():
    assert misplaced([0, 1, 5, 2, 3, 4]) == [5]
    assert misplaced([0, 2, 1, 3]) in ([1], [2])
    assert misplaced([3, 4, 5, 6, 0, 1]) == [0, 1]
    assert misplaced([]) == []


def test_rms_distance_is_that_of_the_rows():
    far = 12.5**0.5
    np.testing.assert_allclose(rms_distance(np.array([[0, 0], [3, 4]])), [[0, far], [far, 0]])


def test_a_swap_at_an_end_is_seen_though_sharpness_hardly_tells():
    # two surfaces, at either end, of which the planes between show nothing sharp
    places = np.array([1, 0, 2, 3, 4])
    focus = [0] * 40 + [4] * 60
    sharp = np.maximum(sharpness(places, focus), -0.4)
    assert better_order(distances(places), sharp) == [1, 0, 2, 3, 4]


def test_both_sides_of_a_thin_specimen_look_alike_and_are_no_wrong_order():
    places = np.array([-1, 0, 1.1, 2.2, 3.3])
    fold = distances(np.abs(places) * np.where(places < 0, 1.04, 1))
    assert better_order(fold, sharpness(places, [0] * 100)) == []
