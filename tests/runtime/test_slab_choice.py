"""Slabs cover all planes, each with planes of the slab before."""

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import SlabParameters
from napari_focusstack.runtime.slab_choice import read_slab, slab_ranges


@pytest.mark.parametrize(
    ("count", "size", "overlap", "slabs"),
    [
        (10, 4, 1, [(1, 4), (4, 7), (7, 10)]),
        (10, 4, 0, [(1, 4), (5, 8), (9, 10)]),
        (9, 4, 0, [(1, 4), (5, 8), (8, 9)]),  # one plane alone cannot be fused
        (5, 9, 3, [(1, 5)]),
        (4, 3, 2, [(1, 3), (2, 4)]),
    ],
)
def test_slabs_cover_all_planes(count, size, overlap, slabs):
    made = slab_ranges(range(1, count + 1), size, overlap)
    assert [(one[0], one[-1]) for one in made] == slabs
    assert {number for one in made for number in one} == set(range(1, count + 1))


@pytest.mark.parametrize("text", ["1", "3:3", "3:4", "a:1", "3:1:1", "", "-3:1"])
def test_what_is_no_slab_is_refused(text):
    with pytest.raises(InputError, match="slab"):
        read_slab(text)


def test_parameters_take_what_is_a_slab():
    assert SlabParameters(slab="10:3").slab == "10:3"
    assert SlabParameters().slab is None
    for text in ("3:3", 10):
        with pytest.raises(InputError, match="slab"):
            SlabParameters(slab=text)
