"""What is said of pixels that planes do not show."""

import numpy as np

from napari_focusstack.fusion.shown_findings import shown_findings
from napari_focusstack.planes.shown import Shown, ShownMask

SIZE = (20, 50)


def mask(rows, **how):
    shown = np.ones(SIZE, bool)
    shown[:rows] = False
    return ShownMask(shown, **how)


def test_each_kind_is_one_sentence_with_the_greatest_share():
    border = {"is_black_border": True}
    given = Shown(SIZE, (None, mask(1, **border), mask(2, **border), mask(4), mask(20)))
    blank = [False] * 4 + [True]
    assert shown_findings(given, blank, given.take([1, 2, 3, 4])) == [
        "Planes 2, 3 do not show up to 10.0% of the pixels (a black border, as an alignment "
        "elsewhere leaves it); other planes are used there.",
        "Plane 4 does not show up to 20.0% of the pixels (they are NaN, infinite, masked or "
        "transparent); other planes are used there.",
    ]


def test_pixels_that_no_plane_shows_are_said():
    given = Shown(SIZE, (mask(3), mask(5)))
    said = shown_findings(given, [False, False], given)
    assert said[1:] == [
        "No plane shows 15.0% of the pixels; they are 0 or NaN in the result, and crop cuts them "
        "off."
    ]


def test_nothing_is_said_where_all_is_shown_or_registration_moves_in():
    whole = Shown(SIZE, (None, None))
    assert shown_findings(whole, [False] * 2, whole) == []
    assert shown_findings(whole, [False] * 2, Shown(SIZE, (None, mask(3)))) == []
