"""Planes are chosen by numbers and ranges, counted from 1, ends included."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.plane_choice import choice_text, chosen_planes, ranges_text


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3:9:2", [3, 5, 7, 9]),
        ("3:10:2", [3, 5, 7, 9]),
        ("1, 3, 5:7", [1, 3, 5, 6, 7]),
        ("9:", [9, 10, 11, 12]),
        (":3", [1, 2, 3]),
        ("::5", [1, 6, 11]),
        ("4,2,2:4", [2, 3, 4]),
        (np.array([7, 5]), [5, 7]),
        (None, list(range(1, 13))),
        ("", list(range(1, 13))),
    ],
)
def test_numbers_and_ranges_are_read(text, numbers):
    assert chosen_planes(choice_text(text), 12) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "0:4",
        "00:4",
        "1:4:0",
        "1" * 5000,
        "a",
        "1,,3",
        "1-4",
        "-3",
        "1:2:3:4",
        "1.5",
        [1.5, 2],
        4,
        [0, 1],
        ",",
    ],
)
def test_what_names_no_planes_is_refused(text):
    with pytest.raises(InputError, match="such as 1,3,5:9 or 3:40:2"):
        choice_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3:40:2", "the stack has 12 planes; give 1 to 12"),
        ("13:", "give 1 to 12"),
        ("5:3", "holds no plane"),
        ("4", "one plane; choose two or more"),
        ("4:5:2", "one plane"),
    ],
)
def test_planes_that_a_stack_does_not_have_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        chosen_planes(choice_text(text), 12)


def test_ranges_name_what_they_were_made_of():
    numbers = [1, 2, 4, 5, 6, 9]
    assert chosen_planes(ranges_text(numbers), 9) == numbers
