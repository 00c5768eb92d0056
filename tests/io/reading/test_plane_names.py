"""Names of planes: a gap and a second stack are told, and what names cannot tell is left alone."""

from pathlib import Path

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import in_natural_order
from napari_focusstack.io.reading.plane_names import check_names


def check(names):
    check_names(in_natural_order([Path("bee") / name for name in names.split()]))


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
def test_what_names_cannot_tell_is_left_alone(names):
    check(names)
