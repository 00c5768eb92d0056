"""Planes of a TIFF: all pages, or an error that says what is missing."""

import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint8"):
    if dtype == "float32":
        return NOISE.random(shape, dtype=np.float32)
    return NOISE.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def write_page_by_page(path, stack):
    with tifffile.TiffWriter(path) as writer:
        for plane in stack:
            writer.write(plane)


def write_with_pillow(path, stack):
    first, *rest = (Image.fromarray(plane) for plane in stack)
    first.save(path, save_all=True, append_images=rest, compression="tiff_lzw")


def write_imagej(path, stack):
    axes = "ZYX" if stack.ndim == 3 else "ZYXS"
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": axes})


def write_ome(path, stack):
    axes = "ZYX" if stack.ndim == 3 else "ZYXS"
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": axes})


def write_bare(path, stack):
    tifffile.imwrite(path, stack, metadata=None)


def write_described(path, stack):
    tifffile.imwrite(path, stack)


def write_jpeg_pages(path, stack):
    tifffile.imwrite(path, stack, compression="jpeg", compressionargs={"level": 100})


STACK_WRITERS = [
    write_imagej,
    write_ome,
    write_bare,
    write_described,
    write_page_by_page,
    write_with_pillow,
]


@pytest.mark.parametrize(
    ("axes", "shape", "named"),
    [
        ("ZCYX", (3, 2, 8, 9), "Z = 3, C = 2"),
        ("TZYX", (4, 3, 8, 9), "T = 4, Z = 3"),
        ("CYX", (5, 8, 9), "C = 5"),
    ],
)
def test_more_axes_than_a_focal_stack_has_are_named(tmp_path, axes, shape, named):
    path = tmp_path / "hyperstack.tif"
    tifffile.imwrite(path, noise(*shape), ome=True, metadata={"axes": axes})

    with pytest.raises(InputError, match=f"{named}.*give this file alone"):
        read_image(path)


def test_images_of_different_shapes_in_one_tiff_are_refused(tmp_path):
    path = tmp_path / "mixed.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(8, 9))
        writer.write(noise(7, 9))

    with pytest.raises(InputError, match="different shapes"):
        read_image(path)


CUTS = [0.02, 0.1, 0.3, 0.5, 0.8, 0.95, 0.99]


def undetected_cuts(path, whole):
    """Return the truncations of a file that are not refused in one line, with what was said."""
    said = {}
    for cut in CUTS:
        path.write_bytes(whole[: int(cut * len(whole))])
        said[cut] = "nothing"
        try:
            read_image(path)
        except InputError as error:
            said[cut] = str(error)
    return {cut: text for cut, text in said.items() if "cut short" not in text or "\n" in text}


def test_truncated_tiff_raises_rather_than_losing_planes(tmp_path):
    path = tmp_path / "stack.tif"
    for write in (*STACK_WRITERS, write_jpeg_pages):
        write(path, noise(5, 48, 64))

        assert undetected_cuts(path, path.read_bytes()) == {}, write.__name__


@pytest.mark.parametrize("lost", [1, 200])
def test_ome_tiff_that_lost_the_end_of_its_axes_raises(tmp_path, lost):
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, noise(3, 2, 8, 9), ome=True, metadata={"axes": "ZCYX"})
    path.write_bytes(path.read_bytes()[:-lost])

    with pytest.raises(InputError, match="cut short"):
        read_image(path)


def test_ome_tiff_whose_other_file_is_missing_raises(tmp_path):
    path = tmp_path / "stack.ome.tif"
    write_ome(path, noise(3, 8, 9))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'PlaneCount="3"', b'PlaneCount="2"'))

    with pytest.raises(InputError, match="pixels are missing"):
        read_image(path)


@pytest.mark.parametrize("claim", [10**9, 2000, 0, -3])
def test_planes_that_a_file_claims_but_cannot_hold_take_no_memory(tmp_path, claim):
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, noise(3, 8, 9), ome=True, metadata={"axes": "ZYX"})
    xml = tifffile.tiffcomment(path).replace('SizeZ="3"', f'SizeZ="{claim}"')
    tifffile.tiffcomment(path, xml.encode())

    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=f"it claims {claim} planes, in .* bytes of its files"):
            find_stacks([path])
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_page_that_unpacks_to_more_than_its_bytes_can_hold_is_refused(tmp_path):
    path = tmp_path / "bomb.tif"
    tifffile.imwrite(path, noise(3, 8, 9), photometric="minisblack", compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name in ("ImageLength", "ImageWidth", "RowsPerStrip"):
            tiff.pages.first.tags[name].overwrite(2**20)

    with pytest.raises(InputError, match=r"it claims planes of .* GB, in \d+ bytes"):
        find_stacks([path])
