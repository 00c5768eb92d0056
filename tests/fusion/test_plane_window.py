"""Planes are counted within a distance of a surface, in planes or in lengths."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.plane_window import PlaneWindow

SURFACE = np.array([[1.0, 2.4, 2.6, 5.0]])


def around(window, above=0, below=0, offset=0):
    return [ends[0].tolist() for ends in window.around(SURFACE, above, below, offset)]


def test_planes_are_counted_from_the_nearest_to_the_surface():
    window = PlaneWindow(np.arange(5) * 2.0, "um")
    assert around(window) == [[1, 2, 3, 5], [1, 2, 3, 5]]
    assert around(window, 1, 2) == [[1, 1, 2, 4], [3, 4, 5, 5]]
    assert around(window, offset=-1) == [[1, 1, 2, 4], [1, 1, 2, 4]]


def test_lengths_follow_the_places_of_the_planes():
    window = PlaneWindow(np.array([0.0, 1, 2, 4, 8]), "um")
    assert around(window, "1um", "2000nm") == [[1, 1, 2, 5], [3, 3, 4, 5]]
    assert around(window, "4um", "0.004mm") == [[1, 1, 1, 4], [4, 4, 4, 5]]
    assert around(window, offset="1um") == [[2, 3, 3, 5], [2, 3, 3, 5]]


@pytest.mark.parametrize(
    ("unit", "above", "message"),
    [("pixel", "1um", "is no number of planes"), ("um", "1s", "no unit of length"),
     ("um", "-1", "give 0 or more")],
)  # fmt: skip
def test_a_distance_that_says_nothing_is_refused(unit, above, message):
    with pytest.raises(InputError, match=message):
        around(PlaneWindow(np.arange(5.0), unit), above)
