"""Axes of a layer are known by what people call them."""

import pytest

from napari_focusstack.planes.axis_names import axis_letters


@pytest.mark.parametrize(
    ("labels", "letters"),
    [
        (("t", "c", "z", "y", "x"), ["T", "C", "Z"]),
        (("Time", "Channels", "Focus", "y", "x"), ["T", "C", "Z"]),
        (("axis 0", "depth", "-3", "y", "x"), [None, "Z", None]),
        (("channel",), ["C", None, None]),
        (None, [None, None, None]),
    ],
)
def test_names_tell_letters_and_what_has_none_tells_none(labels, letters):
    assert axis_letters(labels, 3) == letters
