"""The planes of a layer, by what it says of its axes."""

import numpy as np
import pytest
from napari.layers import Image

from napari_focusstack.planes.layer_planes import focus_axis_of, stack_planes

MOVIE = np.arange(3 * 5 * 8 * 9, dtype=np.uint16).reshape(3, 5, 8, 9)


@pytest.mark.parametrize(
    ("labels", "told", "axis"),
    [
        (("t", "z", "y", "x"), {}, 1),
        (("Depth", "time", "y", "x"), {}, 0),
        (("t", "z", "y", "x"), {"focus_axis": 0}, 0),  # who opened it knows better
        (None, {}, 0),
    ],
)
def test_the_focus_axis_is_that_of_the_metadata_or_else_the_one_named_z(labels, told, axis):
    layer = Image(MOVIE, axis_labels=labels, metadata={"focusstack": told})
    assert focus_axis_of(layer) == axis


def test_planes_are_taken_along_an_axis_that_is_named_z():
    layer = Image(MOVIE, axis_labels=("t", "z", "y", "x"))
    np.testing.assert_array_equal(stack_planes(layer, step=(2, 0)), MOVIE[2])
