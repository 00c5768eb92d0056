"""CZI as Zeiss's library writes it."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.formats import czi as reader
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.stack_pixels import pixels

czi = pytest.importorskip("pylibCZIrw.czi")
#: As in files of a spinning-disk microscope: channels by Id, times in an attachment.
METADATA = """<ImageDocument><Metadata><Information><Image><Dimensions>
<Channels><Channel Id="Channel:0" Name="EGFP"><Color>#FF00FF5B</Color></Channel>
<Channel Id="Channel:1" Name="Bright"/></Channels>
<T><Positions><Interval><Increment>2.5</Increment></Interval></Positions></T>
</Dimensions></Image></Information><Scaling><Items>
<Distance Id="X"><Value>8.5978835978835974E-08</Value></Distance>
<Distance Id="Z"><Value>3.1E-07</Value></Distance></Items></Scaling>
<DisplaySetting><Channels><Channel Id="Channel:1"><Color>#FFFF0000</Color></Channel></Channels>
</DisplaySetting></Metadata></ImageDocument>"""


def test_planes_are_read_with_scale_channels_and_times(write, tmp_path):
    data, path = write.noise(2, 2, 3, 40, 50), tmp_path / "sample.czi"
    write.czi(path, data)

    (stack,) = find_stacks([path])

    assert (stack.axes, stack.shape, stack.dtype) == ("TZCYX", (2, 3, 2, 40, 50), np.uint16)
    assert stack.scale == (1.0, 2.0, 1.0, 0.5, 0.25)
    assert stack.units == ("pixel", "um", "pixel", "um", "um")
    assert [channel.name for channel in stack.channels] == ["DAPI", "GFP"]
    np.testing.assert_array_equal(pixels(stack), data.transpose(0, 2, 1, 3, 4))
    np.testing.assert_array_equal(open_planes(path, {"T": 1, "C": 1})[2], data[1, 1, 2])


def test_colours_are_red_green_blue(write, tmp_path):
    data = write.noise(1, 1, 3, 40, 50, 3, dtype="uint8")
    write.czi(tmp_path / "rgb.czi", data)

    (stack,) = find_stacks([tmp_path / "rgb.czi"])

    assert (stack.axes, stack.rgb) == ("ZYXS", True)
    np.testing.assert_array_equal(pixels(stack), data[0, 0])


def test_each_scene_is_a_series_of_its_own_size(write, tmp_path):
    first, second = write.noise(1, 1, 3, 40, 50), write.noise(1, 1, 3, 30, 60)
    with czi.create_czi(str(tmp_path / "scenes.czi")) as document:
        write.czi(None, first, scene=0, document=document)
        write.czi(None, second, scene=1, document=document)

    stacks = find_stacks([tmp_path / "scenes.czi"])

    for stack, data in zip(stacks, (first, second), strict=True):
        np.testing.assert_array_equal(pixels(stack), data[0, 0])
    with open_planes(tmp_path / "scenes.czi", series=2) as store:
        np.testing.assert_array_equal(list(store), second[0, 0])
    with pytest.raises(InputError, match=r"scenes\.czi has no series 3; give one from 1 to 2\."):
        open_planes(tmp_path / "scenes.czi", series=3)


@pytest.mark.parametrize(
    "compression", ["uncompressed:", "zstd0:ExplicitLevel=2", "zstd1:ExplicitLevel=2"]
)
def test_tiles_are_stitched_wherever_they_lie_and_however_planes_are_counted(
    write, tmp_path, compression
):
    data = write.noise(4, 40, 50)
    with czi.create_czi(str(tmp_path / "part.czi")) as document:
        for z, y, x in np.ndindex(4, 2, 2):
            tile = data[z, 20 * y : 20 * y + 20, 25 * x : 25 * x + 25, None]
            document.write(
                np.ascontiguousarray(tile),
                plane={"Z": z + 2, "T": 7, "C": 0},
                location=(25 * x - 100, 20 * y + 30),
                compression_options=compression,
            )

    (stack,) = find_stacks([tmp_path / "part.czi"])

    np.testing.assert_array_equal(pixels(stack), data)


def test_channels_of_different_types_are_named(tmp_path):
    with czi.create_czi(str(tmp_path / "mixed.czi")) as document:
        for c, dtype in enumerate(("uint8", "uint16")):
            for z in range(2):
                document.write(np.ones((20, 30, 1), dtype), plane={"C": c, "Z": z})

    with pytest.raises(InputError, match="has channels of the types Gray16, Gray8; export those"):
        find_stacks([tmp_path / "mixed.czi"])


def test_metadata_of_microscopes_are_understood():
    xml = reader.ElementTree.fromstring(METADATA)

    assert dict(reader._steps(xml)) == {
        "X": (0.085978836, "um"),
        "Z": (0.31, "um"),
        "T": (2.5, "s"),
    }
    green, bright, unknown = reader._channels(xml, 3)
    assert (green.name, green.colour) == ("EGFP", (0.0, 1.0, 0x5B / 255))
    assert (bright.name, bright.colour) == ("Bright", (1.0, 0.0, 0.0))
    assert (unknown.name, unknown.colour) == (None, None)
