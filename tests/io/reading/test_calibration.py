"""Scale, units, channel names and colours, as each kind of TIFF tells them."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.io.reading.calibration import calibration, positions, unit_name
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels

NOISE = np.random.default_rng(0)
RED, WHITE, ORANGE = 0xFF0000FF, 0xFFFFFFFF, 0xFF8000FF


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def only(*paths):
    (stack,) = find_stacks(list(paths))
    return stack


def signed(colour):
    return colour - (1 << 32) if colour >= 1 << 31 else colour


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [("\\u00B5m", "um"), ("µm", "um"), ("nm", "nm"), ("inch", "inch"), ("furlong", "pixel")],
)
def test_units_of_imagej_are_known_by_their_spellings(tmp_path, spelling, unit):
    path = tmp_path / "stack.tif"
    ascii_spelling = spelling if spelling.isascii() else "um"
    meta = {"axes": "ZYX", "spacing": -3.0, "unit": ascii_spelling}
    tifffile.imwrite(path, noise(4, 8, 9), imagej=True, metadata=meta, resolution=(4, 4))

    stack = only(path)

    assert unit_name(spelling) == unit
    assert stack.units == (unit,) * 3
    assert stack.scale == (3.0, 0.25, 0.25)


def test_lookup_tables_of_imagej_give_the_colours(tmp_path):
    ramp = np.arange(256, dtype=np.uint8)
    tables = [np.stack([ramp, 0 * ramp, 0 * ramp]), np.stack([ramp, ramp // 2, 0 * ramp])]
    path = tmp_path / "stack.tif"
    meta = {"axes": "ZCYX", "mode": "composite", "LUTs": tables}
    tifffile.imwrite(path, noise(3, 2, 8, 9), imagej=True, metadata=meta)

    red, orange = only(path).channels

    assert red.colour == (1, 0, 0)
    assert orange.colour == pytest.approx((1, 0.5, 0), abs=0.01)


def test_ome_gives_calibration_channel_names_and_colours(tmp_path):
    path = tmp_path / "stack.ome.tif"
    data = noise(3, 4, 32, 48)
    meta = {
        "axes": "CZYX",
        "PhysicalSizeX": 325,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 325,
        "PhysicalSizeYUnit": "nm",
        "PhysicalSizeZ": 1.5,
        "Channel": {
            "Name": ["DAPI", "GFP", "bright"],
            "Color": [signed(RED), signed(ORANGE), signed(WHITE)],
        },
    }
    tifffile.imwrite(path, data, metadata=meta)

    stack = only(path)

    assert (stack.axes, stack.name, stack.focus_axis) == ("CZYX", "stack", 1)
    assert stack.scale == (1.0, 1.5, 325.0, 325.0)
    assert stack.units == ("pixel", "um", "nm", "nm")
    assert [channel.name for channel in stack.channels] == ["DAPI", "GFP", "bright"]
    assert [channel.colour for channel in stack.channels] == [
        (1, 0, 0),
        (1, 128 / 255, 0),
        (1,) * 3,
    ]
    np.testing.assert_array_equal(pixels(stack), data)


def test_each_ome_image_is_a_series_with_its_own_calibration(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(noise(8, 9), metadata={"axes": "YX", "PhysicalSizeX": 9.0})
        writer.write(noise(3, 8, 9), metadata={"axes": "ZYX", "PhysicalSizeX": 0.5})

    overview, stack = find_stacks([path])

    assert (overview.axes, overview.scale[-1], overview.focus_axis) == ("YX", 9.0, None)
    assert (stack.axes, stack.scale[-1], stack.focus_axis, stack.series) == ("ZYX", 0.5, 0, 1)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        ((10_000 / 0.65, 10_000 / 0.65), "centimeter", (0.65, "um")),
        ((25_400 / 2, 25_400 / 2), "inch", (2.0, "um")),
        ((300, 300), "inch", (1.0, "pixel")),  # how it is to be printed
        ((28.35, 28.35), "centimeter", (1.0, "pixel")),
        ((72, 72), "none", (1.0, "pixel")),
    ],
)
def test_resolution_of_a_plain_tiff_counts_where_it_can_be_a_measure(
    tmp_path, resolution, unit, expected
):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(
        path, noise(5, 8, 9), metadata=None, resolution=resolution, resolutionunit=unit
    )

    stack = only(path)

    assert stack.scale == (1.0, expected[0], expected[0])
    assert stack.units == ("pixel", expected[1], expected[1])


def test_ome_gives_the_positions_of_planes(tmp_path):
    planes = np.zeros((3, 2, 16, 16), np.uint16)
    places = [0.0, 0.0, 1.5, 1.5, 4.0, 4.0]
    path = tmp_path / "uneven.ome.tif"
    tifffile.imwrite(path, planes, metadata={"axes": "ZCYX", "Plane": {"PositionZ": places}})
    with tifffile.TiffFile(path) as tiff:
        assert positions(tiff, 0, 3) == (0.0, 1.5, 4.0)
        assert positions(tiff, 0, 4) == ()
    tifffile.imwrite(path, planes, metadata={"axes": "ZCYX"})
    with tifffile.TiffFile(path) as tiff:
        assert positions(tiff, 0, 3) == ()


@pytest.mark.parametrize(
    ("about", "places", "z"),
    [
        ({"PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}, (0.0, 1500.0, 4000.0), (2.0, "um")),
        ({}, (0.0, 1.5, 4.0), (2.0, "mm")),
    ],
)
def test_positions_in_another_unit_than_the_step_are_given_in_that_of_the_step(
    tmp_path, about, places, z
):
    plane = {"PositionZ": [0.0, 1.5, 4.0], "PositionZUnit": ["mm"] * 3}
    path = tmp_path / "uneven.ome.tif"
    planes = np.zeros((3, 16, 16), np.uint16)
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX", "Plane": plane} | about)
    with tifffile.TiffFile(path) as tiff:
        assert positions(tiff, 0, 3) == places
        assert calibration(tiff)["Z"] == z


def test_positions_that_are_all_equal_say_nothing(tmp_path):
    path = tmp_path / "still.ome.tif"
    plane = {"PositionZ": [7.0, 7.0, 7.0]}
    planes = np.zeros((3, 16, 16), np.uint16)
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX", "Plane": plane})
    with tifffile.TiffFile(path) as tiff:
        assert positions(tiff, 0, 3) == ()
        assert "Z" not in calibration(tiff)
