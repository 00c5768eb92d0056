"""Understanding focal stacks: their axes, series and files, from headers alone."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.stack_header import focus_axis, plane_size
from napari_focusstack.io.reading.stack_pixels import pixels

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def only(*paths):
    (stack,) = find_stacks(list(paths))
    return stack


def test_an_imagej_hyperstack_is_recognised_by_its_header(tmp_path):
    path = tmp_path / "hyper.tif"
    data = noise(2, 5, 3, 32, 48)
    tifffile.imwrite(
        path,
        data,
        imagej=True,
        resolution=(1 / 0.65, 1 / 0.325),
        metadata={"axes": "TZCYX", "spacing": 2.0, "unit": "micron", "finterval": 30.0},
    )

    stack = only(path)

    assert (stack.axes, stack.shape, stack.dtype) == ("TZCYX", data.shape, np.uint16)
    assert stack.scale == (30.0, 2.0, 1.0, 0.325, 0.65)
    assert stack.units == ("s", "um", "pixel", "um", "um")
    assert (stack.focus_axis, stack.rgb, stack.name) == (1, False, "hyper")
    assert stack.channels == (Channel(),) * 3
    np.testing.assert_array_equal(pixels(stack), data)


def test_two_samples_are_channels(tmp_path):
    path = tmp_path / "stack.tif"
    data = noise(5, 32, 48, 2)
    tifffile.imwrite(path, data, photometric="minisblack", planarconfig="contig")

    stack = only(path)

    assert stack.axes[-3:] == "CYX"
    assert len(stack.channels) == 2
    np.testing.assert_array_equal(pixels(stack), np.moveaxis(data, -1, 1))


def test_unnamed_axes_get_letters_of_their_own_and_the_last_is_focus(tmp_path):
    path = tmp_path / "stack.tif"
    data = noise(2, 5, 32, 48)
    tifffile.imwrite(path, data)

    stack = only(path)

    assert len(set(stack.axes)) == 4
    assert stack.focus_axis == 1


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("TZCYX", (4, 5, 2, 8, 9), 1),
        ("TZYX", (4, 1, 8, 9), 0),
        ("QIYX", (4, 5, 8, 9), 1),
        ("TIYX", (4, 5, 8, 9), 1),
        ("CYX", (3, 8, 9), None),
        ("YXS", (8, 9, 3), None),
    ],
)
def test_focus_is_depth_before_unnamed_before_time_and_never_channels(axes, shape, expected):
    assert focus_axis(axes, shape) == expected


def test_thumbnails_and_levels_of_a_pyramid_are_not_series(tmp_path):
    path = tmp_path / "pyramid.ome.tif"
    data = noise(3, 64, 64)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(data, subifds=1, metadata={"axes": "ZYX"})
        writer.write(data[:, ::2, ::2], subfiletype=1)

    stack = only(path)

    np.testing.assert_array_equal(pixels(stack), data)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_size_of_a_plane_comes_from_its_header(tmp_path, suffix):
    path = tmp_path / f"plane.{suffix}"
    Image.fromarray(noise(12, 17, dtype="uint8")).save(path)

    assert plane_size(path) == (12, 17)


def test_pages_of_several_sizes_raise_rather_than_being_left_out(tmp_path):
    path = tmp_path / "stack.tif"
    with tifffile.TiffWriter(path) as writer:
        for rows in (32, 24, 32):
            writer.write(noise(rows, 48))

    with pytest.raises(InputError, match="holds pages of 32 x 48, 24 x 48 px; give planes of one"):
        find_stacks([path])


def test_an_empty_plane_is_named(tmp_path):
    for z in range(3):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, 9))
    (tmp_path / "z1.tif").write_bytes(b"")

    with pytest.raises(InputError, match=r"z1\.tif is empty \(0 bytes\)"):
        pixels(only(tmp_path))


def test_damage_is_named_once(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 8, 9))
    path.write_bytes(path.read_bytes()[:300])

    code = (
        "import sys; from napari_focusstack.commands.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "fuse", path, "-o", tmp_path / "out.tif"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cut short" in done.stderr
