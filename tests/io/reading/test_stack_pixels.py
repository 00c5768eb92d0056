"""The pixels of focal stacks: all of them, in memory or from disk, and never fewer than stored."""

import re
from itertools import product

import numpy as np
import pytest
import tifffile
from dask.array import Array

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def only(*paths):
    (stack,) = find_stacks(list(paths))
    return stack


def write_page_by_page(path, data):
    with tifffile.TiffWriter(path) as writer:
        for plane in data:
            writer.write(plane)


def write_bare(path, data):
    tifffile.imwrite(path, data, metadata=None)


def write_compressed(path, data):
    tifffile.imwrite(path, data, compression="zlib")


def write_imagej(path, data):
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "ZYXS"[: data.ndim]})


def write_virtual(path, data):
    tifffile.imwrite(path, data, metadata={"axes": "ZYXS"[: data.ndim]}, truncate=True)


def write_ome(path, data):
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "ZYXS"[: data.ndim]})


def write_big_endian(path, data):
    tifffile.imwrite(path, data, byteorder=">")


def write_tiled(path, data):
    meta = {"axes": "ZYXS"[: data.ndim]}
    tifffile.imwrite(path, data, tile=(16, 16), compression="lzw", ome=True, metadata=meta)


WRITERS = [
    write_page_by_page,
    write_bare,
    write_compressed,
    write_imagej,
    write_virtual,
    write_ome,
    write_big_endian,
    write_tiled,
]


@pytest.mark.parametrize("write", WRITERS)
def test_stack_of_any_origin_gives_its_pixels_at_once_and_lazily(tmp_path, write):
    path = tmp_path / "stack.tif"
    for shape, dtype in (
        ((5, 32, 48), "uint8"),
        ((5, 32, 48), "uint16"),
        ((5, 32, 48), "float32"),
        ((5, 32, 48, 3), "uint8"),
    ):
        data = noise(*shape, dtype=dtype)
        write(path, data)
        stack = only(path)
        assert (stack.shape, stack.dtype, stack.rgb) == (shape, dtype, len(shape) == 4)
        assert stack.focus_axis == 0
        for limit, kind in ((None, np.ndarray), (0, Array)):
            read = pixels(stack, limit)
            assert isinstance(read, kind)
            assert read.dtype == dtype
            np.testing.assert_array_equal(np.asarray(read), data)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_lazy_hyperstack_is_read_plane_by_plane(tmp_path, monkeypatch, compression):
    path = tmp_path / "stack.tif"
    data = noise(2, 5, 3, 32, 48)
    meta = {"axes": "TZCYX"}
    tifffile.imwrite(path, data, imagej=True, metadata=meta, compression=compression)
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", data.nbytes - 1)

    read = pixels(only(path))

    assert isinstance(read, Array)
    assert read.chunksize == (1, 1, 1, 32, 48)
    assert read.shape == data.shape
    np.testing.assert_array_equal(read[1, 4, 2].compute(), data[1, 4, 2])
    np.testing.assert_array_equal(read.compute(), data)


def test_stack_at_the_limit_comes_into_memory(tmp_path, monkeypatch):
    path = tmp_path / "stack.tif"
    data = noise(5, 32, 48)
    write_bare(path, data)
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", data.nbytes)

    assert isinstance(pixels(only(path)), np.ndarray)


def test_planar_colours_come_last(tmp_path):
    path = tmp_path / "stack.tif"
    data = noise(5, 3, 32, 48, dtype="uint8")
    tifffile.imwrite(path, data, photometric="rgb", planarconfig="separate")

    stack = only(path)

    assert (stack.axes[1:], stack.shape) == ("YXS", (5, 32, 48, 3))
    for limit in (None, 0):
        np.testing.assert_array_equal(np.asarray(pixels(stack, limit)), np.moveaxis(data, 1, -1))


def test_images_of_other_size_or_type_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "z1.tif", noise(8, 9))
    tifffile.imwrite(tmp_path / "z2.tif", noise(8, 10))

    with pytest.raises(InputError, match=r"z2\.tif is .*\(8, 10\), z1\.tif .*\(8, 9\); give"):
        pixels(only(tmp_path))

    tifffile.imwrite(tmp_path / "z2.tif", noise(8, 9, dtype="uint8"))
    with pytest.raises(InputError, match=r"z2\.tif is uint8 .*z1\.tif uint16"):
        pixels(only(tmp_path))


def test_lazy_plane_of_another_type_is_found_when_it_is_read(tmp_path):
    tifffile.imwrite(tmp_path / "z1.tif", noise(8, 9))
    tifffile.imwrite(tmp_path / "z2.tif", noise(8, 9, dtype="uint8"))

    lazy = pixels(only(tmp_path), 0)

    with pytest.raises(InputError, match=r"z2\.tif is uint8"):
        lazy[1].compute()


CUTS = [0.02, 0.3, 0.5, 0.8, 0.99]


def test_truncated_tiff_raises_in_one_sentence_rather_than_losing_planes(tmp_path):
    path, said = tmp_path / "stack.tif", {}
    for write in WRITERS:
        write(path, noise(5, 48, 64))
        whole = path.read_bytes()
        for cut, limit in product(CUTS, (None, 0)):
            path.write_bytes(whole[: int(cut * len(whole))])
            said[write.__name__, cut, limit] = "nothing"
            try:
                pixels(only(path), limit)
            except InputError as error:
                said[write.__name__, cut, limit] = str(error)

    refused = re.compile(".*cut short or damaged.*")
    assert {case: text for case, text in said.items() if not refused.fullmatch(text)} == {}


def test_damage_inside_a_lazy_plane_raises_when_it_is_read(tmp_path):
    path = tmp_path / "stack.tif"
    write_compressed(path, noise(5, 48, 64))
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[3].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 200] = bytes(200)
    path.write_bytes(content)

    lazy = pixels(only(path), 0)

    lazy[2].compute()
    with pytest.raises(InputError, match="cut short or damaged"):
        lazy[3].compute()


@pytest.mark.parametrize("eager_bytes", [None, 0])
def test_images_with_transparent_pixels_are_rgba(tmp_path, eager_bytes):
    planes = noise(3, 20, 30, 4, dtype="uint8")
    planes[..., 3] = 255
    planes[1, :4, :, 3] = 0
    for number, plane in enumerate(planes):
        tifffile.imwrite(tmp_path / f"z{number}.tif", plane, photometric="rgb")
    read = pixels(only(tmp_path), eager_bytes)
    np.testing.assert_array_equal(np.asarray(read), planes)


def test_grey_images_with_transparent_pixels_are_0_there(tmp_path):
    planes = noise(3, 20, 30, 2, dtype="uint8")
    planes[..., 1] = 255
    planes[1, :4, :, 1] = 0
    for number, plane in enumerate(planes):
        tifffile.imwrite(tmp_path / f"z{number}.tif", plane, extrasamples=["unassalpha"])
    read = pixels(only(tmp_path))
    np.testing.assert_array_equal(read, planes[..., 0] * (planes[..., 1] > 0))
