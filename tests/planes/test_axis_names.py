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
def test_axis_names_have_letters_and_other_names_have_none(labels, letters):
    assert axis_letters(labels, 3) == letters
