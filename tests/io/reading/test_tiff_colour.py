"""Palettes and inverted values: what a picture shows is what is read."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.stack_pixels import pixels

CHANCE = np.random.default_rng(0)
GREY = CHANCE.integers(0, 256, (3, 20, 24)).astype(np.uint8)
COLOURS = CHANCE.integers(0, 256, (256, 3)).astype(np.uint8)


def stack_of(path):
    """Return the planes of a file, read one by one, at once and lazily: all must be equal."""
    with open_planes(path) as store:
        planes = np.stack([store[number] for number in range(len(store))])
        np.testing.assert_array_equal(store.read(1, np.s_[3:9, 4:6]), planes[1, 3:9, 4:6])
    (stack,) = find_stacks([path])
    for limit in (None, 0):
        np.testing.assert_array_equal(np.asarray(pixels(stack, limit)), planes)
    assert planes.dtype == stack.dtype
    return planes


def write_palette(path, indices, table, **options):
    """Write indices with a palette (N, 3) of 16 bits."""
    options = {"photometric": "palette", "colormap": table.T.astype(np.uint16)} | options
    tifffile.imwrite(path, indices, **options)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=["plain", "compressed"])
def test_a_palette_is_expanded_to_its_colours(tmp_path, options):
    write_palette(tmp_path / "stack.tif", GREY, COLOURS.astype(int) * 257, **options)

    planes = stack_of(tmp_path / "stack.tif")

    assert planes.dtype == np.uint8
    np.testing.assert_array_equal(planes, COLOURS[GREY])


@pytest.mark.parametrize("factor", [257, 256, 1])
def test_a_palette_of_greys_in_any_order_gives_grey(tmp_path, factor):
    order = CHANCE.permutation(256)
    table = np.zeros((256, 3), int)
    table[order] = factor * np.arange(256)[:, None]
    write_palette(tmp_path / "stack.tif", order[GREY].astype(np.uint8), table)

    planes = stack_of(tmp_path / "stack.tif")

    assert planes.dtype == np.uint8
    np.testing.assert_array_equal(planes, GREY)


def test_a_palette_of_sixteen_bits_keeps_them(tmp_path):
    table = np.repeat(np.arange(256)[:, None] * 250 + 7, 3, 1)
    write_palette(tmp_path / "stack.tif", GREY, table)

    planes = stack_of(tmp_path / "stack.tif")

    assert planes.dtype == np.uint16
    np.testing.assert_array_equal(planes, GREY.astype(np.uint16) * 250 + 7)


def test_each_page_may_have_a_palette_of_its_own(tmp_path):
    tables = CHANCE.integers(0, 256, (3, 256, 3)) * 257
    with tifffile.TiffWriter(tmp_path / "stack.tif") as writer:
        for plane, table in zip(GREY, tables, strict=True):
            colormap = table.T.astype(np.uint16)
            writer.write(plane, photometric="palette", colormap=colormap, metadata=None)

    expected = [table[plane] // 257 for plane, table in zip(GREY, tables, strict=True)]
    np.testing.assert_array_equal(stack_of(tmp_path / "stack.tif"), expected)


def test_the_colour_table_of_a_channel_in_imagej_is_how_it_is_shown_not_what_it_is(tmp_path):
    green = np.zeros((256, 3), int)
    green[:, 1] = 257 * np.arange(256)
    description = "ImageJ=1.53t\nimages=3\nslices=3\n"
    path = tmp_path / "stack.tif"
    write_palette(path, GREY, green, description=description, metadata=None)

    np.testing.assert_array_equal(stack_of(path), GREY)


@pytest.mark.parametrize("mode", ["colour", "grey"])
def test_palettes_of_png_are_expanded_too(tmp_path, mode):
    table = COLOURS if mode == "colour" else np.repeat(COLOURS[:, :1], 3, 1)
    image = Image.fromarray(GREY[0], mode="P")
    image.putpalette(table.ravel().tolist())
    image.save(tmp_path / "plane.png")

    expected = table[GREY[0]] if mode == "colour" else table[GREY[0], 0]
    np.testing.assert_array_equal(read_image(tmp_path / "plane.png"), expected)


@pytest.mark.parametrize(
    ("dtype", "greatest"),
    [("uint8", 255), ("uint16", 65535), ("uint32", 2**32 - 1), ("int16", -1), ("float32", 1)],
)
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=["plain", "compressed"])
def test_where_white_is_zero_values_are_inverted(tmp_path, dtype, greatest, options):
    shown = (GREY / 256 if dtype == "float32" else GREY).astype(dtype)
    stored = (greatest - shown.astype(float if dtype == "float32" else int)).astype(dtype)
    tifffile.imwrite(tmp_path / "stack.tif", stored, photometric="miniswhite", **options)

    np.testing.assert_array_equal(stack_of(tmp_path / "stack.tif"), shown)


def test_a_fax_is_read_as_it_is_shown(tmp_path):
    black = GREY > 128
    tifffile.imwrite(tmp_path / "stack.tif", black, photometric="miniswhite", software="scanner")

    np.testing.assert_array_equal(stack_of(tmp_path / "stack.tif"), ~black)


@pytest.mark.parametrize("options", [{}, {"ome": True}, {"bigtiff": True}, {"compression": "zlib"}])
def test_an_array_of_bool_is_read_as_it_was_written(tmp_path, options):
    path = tmp_path / ("stack.ome.tif" if options.get("ome") else "stack.tif")
    tifffile.imwrite(path, GREY > 128, metadata={"axes": "ZYX"}, **options)

    np.testing.assert_array_equal(stack_of(path), GREY > 128)
    np.testing.assert_array_equal(stack_of(path), tifffile.imread(path))


def test_labels_are_the_numbers_that_are_stored(tmp_path):
    write_palette(tmp_path / "labels.tif", GREY[0], COLOURS.astype(int) * 257)
    tifffile.imwrite(tmp_path / "mask.tif", GREY[0] > 128)  # tifffile calls 0 white

    np.testing.assert_array_equal(read_labels(tmp_path / "labels.tif"), GREY[0])
    np.testing.assert_array_equal(read_labels(tmp_path / "mask.tif"), GREY[0] > 128)


@pytest.mark.parametrize(("coding", "samples"), [("separated", 4), ("cielab", 3), ("ycbcr", 3)])
def test_other_codings_of_colour_are_refused_by_name(tmp_path, coding, samples):
    path = tmp_path / "plane.tif"
    values = CHANCE.integers(0, 256, (2, 16, 16, samples)).astype(np.uint8)
    tifffile.imwrite(path, values, photometric=coding, planarconfig="contig")

    with pytest.raises(InputError, match=r"CMYK|L\*a\*b\*|YCbCr"):
        find_stacks([path])
