"""ND2 files of the layout that Nikon's program writes."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.stack_pixels import pixels

pytest.importorskip("nd2")


def test_each_position_is_a_series_with_scale_channels_and_times(write, tmp_path):
    data, path = write.noise(2, 3, 5, 2, 40, 50), tmp_path / "sample.nd2"
    write.nd2(path, data, "TPZCYX")

    stacks = find_stacks([path])

    assert len(stacks) == 3
    for position, stack in enumerate(stacks):
        assert (stack.axes, stack.shape, stack.dtype) == ("TZCYX", (2, 5, 2, 40, 50), np.uint16)
        assert stack.scale == (3.0, 2.0, 1.0, 0.25, 0.25)
        assert stack.units == ("s", "um", "pixel", "um", "um")
        assert stack.channels == (Channel("DAPI", (0, 0, 1)), Channel("GFP", (0, 1, 0)))
        np.testing.assert_array_equal(pixels(stack), data[:, position])


def test_one_plane_is_read_of_a_lazy_stack(write, tmp_path):
    data, path = write.noise(4, 1, 40, 50), tmp_path / "z.nd2"
    write.nd2(path, data, "ZCYX")

    np.testing.assert_array_equal(open_planes(path)[3], data[3, 0])
    lazy = pixels(find_stacks([path])[0], eager_bytes=0)
    np.testing.assert_array_equal(lazy[2].compute(), data[2, 0])


def test_colours_stay_colours(write, tmp_path):
    data = write.noise(5, 1, 40, 50, 3, dtype="uint8")
    write.nd2(tmp_path / "rgb.nd2", data, "ZCYXS")

    (stack,) = find_stacks([tmp_path / "rgb.nd2"])

    assert (stack.axes, stack.rgb) == ("ZYXS", True)
    np.testing.assert_array_equal(pixels(stack), data[:, 0])


def test_a_frame_that_cannot_be_in_the_file_is_refused_before_memory_is_taken(write, tmp_path):
    path = tmp_path / "large.nd2"
    write.nd2(path, write.noise(4, 1, 40, 50), "ZCYX")
    name = "uiHeight".encode("utf-16-le")
    at = path.read_bytes().index(name) + len(name) + 2
    with path.open("r+b") as file:
        file.seek(at)
        file.write((2**31).to_bytes(4, "little"))

    with pytest.raises(InputError, match=r"large\.nd2 .*a frame is larger than the file"):
        find_stacks([path])


def test_a_truncated_file_is_named(write, tmp_path):
    path = tmp_path / "cut.nd2"
    write.nd2(path, write.noise(4, 1, 40, 50), "ZCYX")
    path.write_bytes(path.read_bytes()[:-3000])

    with pytest.raises(InputError, match=r"cut\.nd2 cannot be read as ND2, it may be cut short"):
        find_stacks([path])
