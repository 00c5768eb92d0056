"""Distances are planes, or lengths with a unit."""

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.distance import Distance, read_distance


@pytest.mark.parametrize(
    ("given", "distance"),
    [
        ("3", Distance(3.0)),
        (2, Distance(2.0)),
        ("1.5 planes", Distance(1.5)),
        ("-2um", Distance(-2.0, "um")),
        ("+.5 µm", Distance(0.5, "µm")),
        (Distance(1.0, "nm"), Distance(1.0, "nm")),
    ],
)
def test_distances_are_read(given, distance):
    assert read_distance(given, "below") == distance


@pytest.mark.parametrize("given", ["", "um", "2 3", "two", "nan", "1e5", "9" * 40])
def test_what_is_no_distance_is_refused(given):
    with pytest.raises(InputError, match="below is"):
        read_distance(given, "below")
