"""Order of a series by the numbers in its names; gaps and second stacks are refused."""

from pathlib import Path

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.name_series import series_by_names
from napari_focusstack.io.reading.plane_names import PlaneName


def series(names):
    return series_by_names([PlaneName.of(Path("bee") / name) for name in names.split()])


def ordered(found):
    return " ".join(path.name for path in found.files.flat)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("z1.tif z2.tif z4.tif", r"bee lacks plane z3\.tif between z2\.tif and z4\.tif; add it"),
        ("z008.tif z009.tif z011.tif z012.tif", r"lacks plane z010\.tif between z009\.tif and"),
        ("0.png 1.png 2.png 5.png", r"lacks 2 planes, 3\.png first, between .* add them"),
        ("um_0.png um_25.png um_75.png um_100.png", r"lacks plane um_50\.png between um_25\.png"),
        ("1_z1.tif 1_z2.tif 1_z4.tif 1_z5.tif", r"lacks plane 1_z3\.tif"),
        ("z-4um.tif z-2um.tif z+2um.tif z+4um.tif", r"lacks plane z0um\.tif between z-2um\.tif"),
        ("z1_c1.tif z1_c2.tif z2_c1.tif z2_c2.tif z3_c1.tif", r"lacks z3_c2\.tif; add it, or"),
        ("c1_z1.tif c1_z2.tif c1_z4.tif c2_z1.tif c2_z2.tif c2_z4.tif", r"lacks plane c1_z3\.tif"),
    ],
)
def test_a_missing_plane_is_named(names, message):
    with pytest.raises(InputError, match=message):
        series(names)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("1_1.tif 1_2.tif 2_1.tif 2_2.tif 3_1.tif 3_2.tif",
         r"2 stacks \(1_1\.tif to 3_1\.tif, 1_2\.tif to 3_2\.tif\); put each into a folder of its"),
        ("s1_z1.tif s1_z2.tif s2_z1.tif s2_z2.tif s2_z3.tif", r"2 stacks \(s1_z1\.tif to s1_z2"),
        ("p1_t1_z1.tif p1_t1_z2.tif p2_t1_z1.tif p2_t1_z2.tif", r"2 stacks \(p1_t1_z1\.tif to"),
    ],
)  # fmt: skip
def test_several_stacks_are_named(names, message):
    with pytest.raises(InputError, match=message):
        series(names)


@pytest.mark.parametrize(
    "names",
    [
        "z1.tif z2.tif z3.tif",
        "z2.tif z4.tif z6.tif",
        "z1.tif z2.tif z10.tif",
        "z_1.tif z2.tif z003.tif",
        "1.tif 2.tif 7.tif 12.tif 13.tif 20.tif",  # chosen, not counted
        "DSC_0356.jpg DSC_0358.jpg DSC_0359.jpg DSC_0360.jpg",  # a picture was thrown away
        "z0.0.png z0.5.png z1.0.png z1.5.png",
        "z01.tif z1.tif",
        "10h05m01.png 10h05m04.png 10h06m03.png",
        "z1_t0003.tif z2_t0009.tif z3_t0021.tif",  # when each plane was taken
        "z998.tif z999.tif z1000.tif",
        "IMG_0001.jpg IMG_0002.jpg IMG_7000.jpg",
    ],
)
def test_doubtful_names_are_accepted_in_their_order(names):
    found = series(" ".join(reversed(names.split())))
    assert (ordered(found), found.axes, found.notes) == (names, "Z", ())


def test_signed_positions_are_one_stack_in_order_with_its_step():
    names = "cell_z-4.0um.tif cell_z-2.0um.tif cell_z+0.0um.tif cell_z+2.0um.tif cell_z+4.0um.tif"
    found = series(" ".join(sorted(names.split())))
    assert ordered(found) == names
    assert found.positions == (-4, -2, 0, 2, 4)
    assert found.unit == "um"


@pytest.mark.parametrize(
    "names",
    [
        "DSC_9998.JPG DSC_9999.JPG DSC_0001.JPG DSC_0002.JPG DSC_0003.JPG",
        "IMG9999.jpg IMG0000.jpg IMG0001.jpg",
        "pic-99997.tif pic-99999.tif pic-00001.tif pic-00002.tif",
        "a998.png a999.png a000.png",
    ],
)
def test_a_counter_that_started_again_is_noticed_and_said(names):
    found = series(" ".join(sorted(names.split())))
    assert ordered(found) == names
    assert found.notes[0].startswith("The counter starts again: ")


@pytest.mark.parametrize(
    ("names", "axes", "shape", "channels", "order"),
    [
        ("z1_c1.tif z1_c2.tif z2_c1.tif z2_c2.tif z3_c1.tif z3_c2.tif", "CZ", (2, 3),
         ("c1", "c2"), "z1_c1.tif z2_c1.tif z3_c1.tif z1_c2.tif z2_c2.tif z3_c2.tif"),
        ("t1z1.tif t1z2.tif t1z3.tif t2z1.tif t2z2.tif t2z3.tif", "TZ", (2, 3), (),
         "t1z1.tif t1z2.tif t1z3.tif t2z1.tif t2z2.tif t2z3.tif"),
        ("Cy5_1.tif Cy5_2.tif Cy3_1.tif Cy3_2.tif", "CZ", (2, 2), ("Cy3", "Cy5"),
         "Cy3_1.tif Cy3_2.tif Cy5_1.tif Cy5_2.tif"),
    ],
)  # fmt: skip
def test_words_before_numbers_name_the_axes(names, axes, shape, channels, order):
    found = series(names)
    assert (found.axes, found.files.shape, found.channels) == (axes, shape, channels)
    assert ordered(found) == order


@pytest.mark.parametrize(
    ("names", "axes"),
    [("img_ch00.tif img_ch01.tif", "C"), ("Channel1.tif Channel2.tif", "C"),
     ("c1.tif c2.tif", "Z"), ("t1.tif t2.tif", "Z")],
)  # fmt: skip
def test_channels_alone_are_no_planes_if_a_word_says_so(names, axes):
    assert series(names).axes == axes


def test_three_axes_are_time_channel_and_depth():
    names = [f"t{t}_z{z}_c{c}.tif" for t in range(2) for z in range(3) for c in range(2)]
    found = series(" ".join(names))
    assert (found.axes, found.files.shape) == ("TCZ", (2, 2, 3))
    assert found.files[1, 0, 2].name == "t1_z2_c0.tif"
