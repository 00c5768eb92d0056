"""LIF files of the layout that Leica's program writes."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.stack_pixels import pixels

pytest.importorskip("liffile")


def test_each_image_is_a_series_with_scale_channels_and_times(write, tmp_path):
    data, colours = write.noise(2, 3, 2, 40, 50), write.noise(3, 40, 50, 3, dtype="uint8")
    path = tmp_path / "sample.lif"
    write.lif(path, [("one", "TZCYX", data), ("two", "ZYXS", colours)])

    one, two = find_stacks([path])

    assert (one.axes, one.shape, one.dtype) == ("TZCYX", (2, 3, 2, 40, 50), np.uint16)
    assert one.scale == (3.0, 2.0, 1.0, 0.5, 0.25)
    assert one.units == ("s", "um", "pixel", "um", "um")
    assert one.channels == (Channel("Blue", (0, 0, 1)), Channel("Green", (0, 1, 0)))
    np.testing.assert_array_equal(pixels(one), data)
    np.testing.assert_array_equal(open_planes(path, {"T": 1, "C": 1})[2], data[1, 2, 1])
    assert (two.axes, two.scale) == ("ZYXS", (2.0, 0.5, 0.25))
    np.testing.assert_array_equal(pixels(two), colours)


def test_each_tile_of_a_mosaic_is_a_series(write, tmp_path):
    data = write.noise(2, 3, 40, 50)
    write.lif(tmp_path / "tiles.lif", [("tiles", "MZYX", data)])

    stacks = find_stacks([tmp_path / "tiles.lif"])

    for stack, tile in zip(stacks, data, strict=True):
        assert stack.axes == "ZYX"
        np.testing.assert_array_equal(pixels(stack), tile)


def test_one_plane_is_read_of_a_lazy_stack(write, tmp_path):
    data = write.noise(4, 40, 50)
    write.lif(tmp_path / "z.lif", [("z", "ZYX", data)])

    lazy = pixels(find_stacks([tmp_path / "z.lif"])[0], eager_bytes=0)

    np.testing.assert_array_equal(lazy[2].compute(), data[2])


def test_sections_along_z_are_left_out(write, tmp_path):
    section, stack = write.noise(30, 50), write.noise(3, 40, 50)
    write.lif(tmp_path / "both.lif", [("xz", "ZX", section), ("xyz", "ZYX", stack)])

    (found,) = find_stacks([tmp_path / "both.lif"])

    np.testing.assert_array_equal(pixels(found), stack)
    write.lif(tmp_path / "none.lif", [("xz", "ZX", section)])
    with pytest.raises(InputError, match="holds no image with rows and columns"):
        find_stacks([tmp_path / "none.lif"])


def test_a_truncated_file_is_named(write, tmp_path):
    path = tmp_path / "cut.lif"
    write.lif(path, [("z", "ZYX", write.noise(4, 40, 50))])
    path.write_bytes(path.read_bytes()[:-3000])

    with pytest.raises(InputError, match=r"cut\.lif cannot be read as LIF, it may be cut short"):
        pixels(find_stacks([path])[0])
