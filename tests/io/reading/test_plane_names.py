"""Names of planes: natural order; gaps and second stacks are refused, doubtful names accepted."""

from pathlib import Path

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import in_natural_order
from napari_focusstack.io.reading.plane_names import check_names


def check(names):
    check_names(in_natural_order([Path("bee") / name for name in names.split()]))


@pytest.mark.parametrize(
    "names",
    [
        "z1.tif z2.tif z10.tif z11.tif",
        "1.tif 2.tif 10.tif a.tif",
        "A1.tif a2.tif B1.TIF b2.tif",  # case does not matter
        "z01.tif z1.tif z02.tif z2.tif",  # equal numbers: by the characters
        "t1_z2.tif t1_z10.tif t2_z1.tif t10_z1.tif",
        "z1.tif z-1.tif z-2.tif",  # a minus is a mere character
        "z0.5.png z0.25.png z1.0.png",  # so is a point
        "1e2.tif 2e1.tif 10e1.tif",  # no exponents
        "a1.tif a1b.tif a.tif",
        "zä1.tif zä2.tif zb1.tif",  # ä follows a
    ],
)
def test_numbers_in_names_are_ordered_by_value(names):
    expected = [Path("bee") / name for name in names.split()]
    assert in_natural_order(reversed(expected)) == expected
    assert in_natural_order(sorted(expected)) == expected


def test_names_in_composed_and_decomposed_unicode_are_ordered_alike():
    names = ["é1.tif", "e\u03012.tif", "é3.tif"]  # file systems of macOS decompose
    assert [path.name for path in in_natural_order(map(Path, names[::-1]))] == names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("z1.tif z2.tif z4.tif", r"bee lacks plane z3\.tif between z2\.tif and z4\.tif; add it"),
        ("z008.tif z009.tif z011.tif z012.tif", r"lacks plane z010\.tif between z009\.tif and"),
        ("0.png 1.png 2.png 5.png", r"lacks 2 planes, 3\.png first, between .* add them"),
        ("um_0.png um_25.png um_75.png um_100.png", r"lacks plane um_50\.png between um_25\.png"),
        ("1_z1.tif 1_z2.tif 1_z4.tif 1_z5.tif", r"lacks plane 1_z3\.tif"),
    ],
)
def test_a_missing_plane_is_named(names, message):
    with pytest.raises(InputError, match=message):
        check(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("a1.tif a2.tif b1.tif b2.tif", r"2 stacks \(a1\.tif to a2\.tif, b1\.tif to b2\.tif\);"),
        ("z1_c1.tif z1_c2.tif z2_c1.tif z2_c2.tif z3_c1.tif z3_c2.tif",
         r"2 stacks \(z1_c1\.tif to z3_c1\.tif, z1_c2\.tif to z3_c2\.tif\)"),
        ("t1z1.tif t1z2.tif t1z3.tif t2z1.tif t2z2.tif t2z3.tif", r"2 stacks \(t1z1\.tif to t1z3"),
    ],
)  # fmt: skip
def test_several_stacks_are_named(names, message):
    with pytest.raises(InputError, match=message):
        check(names)


@pytest.mark.parametrize(
    "names",
    [
        "near.png far.png",
        "bee_near_1.png bee_far_2.png",
        "z1.tif z2.tif z3.tif",
        "Z1.TIF z2.tif",
        "z2.tif z4.tif z6.tif",
        "z1.tif z2.tif z10.tif",
        "1.tif 2.tif 7.tif 12.tif 13.tif 20.tif",  # chosen, not counted
        "DSC_0356.jpg DSC_0358.jpg DSC_0359.jpg DSC_0360.jpg",  # a picture was thrown away
        "z0.0.png z0.5.png z1.0.png z1.5.png",  # micrometres
        "z1.tif z2.tif z3.tif preview.jpg",
        "z01.tif z1.tif",
        "10h05m01.png 10h05m04.png 10h06m03.png",
    ],
)
def test_doubtful_names_are_accepted(names):
    check(names)
