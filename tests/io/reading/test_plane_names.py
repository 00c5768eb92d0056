"""Parts of file names: words, numbers, signs, decimals and units."""

from pathlib import Path

import pytest

from napari_focusstack.io.reading.plane_names import PlaneName, values


def of(*names):
    return values([PlaneName.of(Path(name)) for name in names])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["z-4.0um.tif", "z+2.5um.tif"], [(-4.0,), (2.5,)]),
        (["z-2.tif", "z0.tif", "z2.tif"], [(-2.0,), (0.0,), (2.0,)]),
        (["z_-2.tif", "z_+2.tif"], [(-2.0,), (2.0,)]),
        (["z-1um.tif", "z-2um.tif"], [(-1.0,), (-2.0,)]),  # a unit follows
        (["cell-1.tif", "cell-2.tif"], [(1.0,), (2.0,)]),  # a hyphen
        (["2026-07-01_z2.tif", "2026-07-02_z2.tif"], [(2026, 7, 1, 2), (2026, 7, 2, 2)]),
        (["z0,5.tif", "z10,25.tif"], [(0.5,), (10.25,)]),
        (["stack_2.5 µm.tif", "stack_2.5 \u03bcm.tif"], [(2.5,), (2.5,)]),
        (["v1.2_z3.tif", "v1.2_z4.tif"], [(1, 2, 3), (1, 2, 4)]),  # a version
        (["near.tif", "far.tif"], [(), ()]),
    ],
)
def test_numbers_have_the_sign_and_decimals_that_are_meant(names, expected):
    assert of(*names) == expected


@pytest.mark.parametrize(
    ("name", "unit"),
    [("z5um", "um"), ("z5.5µm", "um"), ("z5 microns", "um"), ("z5nm", "nm"), ("z5mm", "mm"),
     ("z5umbra", "pixel"), ("z5", "pixel")],
)  # fmt: skip
def test_a_unit_is_known_where_it_follows_a_number(name, unit):
    assert PlaneName.of(Path(f"{name}.tif")).numbers[0].unit == unit


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("z_001.tif", "z2.tif"),
        ("Z1.TIF", "z2.tif"),
        ("é1.tif", "e\u03012.tif"),  # composed and decomposed
        ("my bee 1.tif", "my bee_2.tif"),
    ],
)
def test_names_of_one_series_have_one_pattern(first, second):
    patterns = {PlaneName.of(Path(name)).pattern for name in (first, second)}
    assert len(patterns) == 1


@pytest.mark.parametrize(
    ("name", "letters"),
    [("t0_z0_c0", "TZC"), ("img_channel001_position2_time3_z4", "CSTZ"), ("bee_Ch1_Slice2", "CZ"),
     ("Cy3_z1", "CZ"), ("DSC_0001", ""), ("test1_plant2", "")],
)  # fmt: skip
def test_the_word_before_a_number_names_its_axis(name, letters):
    parts = PlaneName.of(Path(f"{name}.tif"))
    assert "".join(parts.axis(place) for place in range(len(parts.numbers))) == letters


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("z009.tif", 9, 10, "z010.tif"),
        ("z-2.0um.tif", -2, 0, "z0.0um.tif"),
        ("z+2.0um.tif", 2, 4, "z+4.0um.tif"),
        ("z0.5.tif", 0.5, 0.75, "z0.75.tif"),
        ("cell-1.tif", 1, 2, "cell-2.tif"),
        ("z0,5.tif", 0.5, 1, "z1,0.tif"),
    ],
)
def test_another_value_is_written_as_the_first_is(name, old, new, expected):
    assert PlaneName.of(Path(name)).renumbered(0, old, new) == expected
