"""Fixes: labels that a user painted stay over new proposals."""

import numpy as np
import pytest

from napari_focusstack.fusion.label_edits import Fixes

SIDE, PLANES = 96, 5
SIZE = (SIDE, SIDE)


@pytest.fixture
def labels():
    """A square of plane 1 and a bar of plane 3 before plane 5."""
    labels = np.full(SIZE, 5, np.uint8)
    labels[20:50, 20:50] = 1
    labels[:, 70:80] = 3
    return labels


def test_fixes_stay_over_a_new_proposal_and_can_be_dropped(labels):
    fixes = Fixes(labels)
    painted = labels.copy()
    painted[5, 5] = 2
    assert fixes.follow(painted) == (slice(5, 6), slice(5, 6))
    assert fixes.follow(painted) is None
    proposal = np.full(SIZE, 4, np.uint8)
    over = fixes.over(proposal)
    assert over[5, 5] == 2
    assert (over == 4).sum() == SIDE**2 - 1
    np.testing.assert_array_equal(fixes.drop(), proposal)
    assert not fixes.painted.any()


def test_what_is_painted_back_is_no_fix(labels):
    fixes = Fixes(labels)
    painted = labels.copy()
    painted[5:9, 5] = 2
    fixes.follow(painted)
    assert fixes.painted.sum() == 4
    fixes.follow(labels)
    assert not fixes.painted.any()


def test_labels_made_by_hand_are_all_fixes(labels):
    fixes = Fixes.painted_by_hand(labels)
    np.testing.assert_array_equal(fixes.over(np.zeros(SIZE, np.uint8)), labels)


def test_a_pixel_that_the_brush_went_over_is_a_fix_also_where_its_label_was_proposed(labels):
    fixes = Fixes(labels)
    decided = np.zeros(SIZE, bool)
    decided[30:32, 30] = True
    assert fixes.follow(labels, decided) == (slice(30, 32), slice(30, 31))
    assert fixes.painted.sum() == 2
    over = fixes.over(np.full(SIZE, 4, np.uint8))
    assert over[30, 30] == 1
    assert fixes.follow(over, np.zeros(SIZE, bool)) == (slice(30, 32), slice(30, 31))
