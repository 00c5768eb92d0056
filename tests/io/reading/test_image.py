"""Reading images: every container, every dtype, and every way a file can be broken."""

import errno
from io import BytesIO
from itertools import product
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import (
    images_in,
    in_natural_order,
    read_image,
    read_labels,
)

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint8"):
    if dtype == "float32":
        return NOISE.random(shape, dtype=np.float32)
    return NOISE.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
def test_tiff_keeps_every_pixel_and_dtype(tmp_path, compression):
    for shape, dtype in product(((12, 17), (12, 17, 3)), ("uint8", "uint16", "float32")):
        image = noise(*shape, dtype=dtype)
        path = tmp_path / "plane.tif"
        photometric = "rgb" if len(shape) == 3 else "minisblack"
        tifffile.imwrite(path, image, photometric=photometric, compression=compression)

        read = read_image(path)

        assert read.dtype == dtype
        np.testing.assert_array_equal(read, image, f"{shape} {dtype}")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 3)])
def test_png_keeps_every_pixel_and_dtype(tmp_path, dtype, shape):
    image = noise(*shape, dtype=dtype)
    path = tmp_path / "plane.png"
    path.write_bytes(imagecodecs.png_encode(image))

    read = read_image(path)

    assert read.dtype == dtype
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize("suffix", ["bmp", "webp"])
def test_other_lossless_pictures_are_read(tmp_path, suffix):
    image = noise(12, 17, 3)
    Image.fromarray(image).save(tmp_path / f"plane.{suffix}", lossless=True)

    np.testing.assert_array_equal(read_image(tmp_path / f"plane.{suffix}"), image)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_is_read_as_grey_or_rgb(tmp_path, mode):
    picture = Image.fromarray(np.full((16, 24, 3), 90, np.uint8)).convert(mode)
    picture.save(tmp_path / "plane.jpg")

    read = read_image(tmp_path / "plane.jpg")

    assert read.shape == ((16, 24) if mode == "L" else (16, 24, 3))
    assert np.abs(read.astype(int) - 90).max() <= 1


def test_format_is_recognised_by_content_and_not_by_suffix(tmp_path):
    image = noise(8, 9)
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(imagecodecs.png_encode(image))

    np.testing.assert_array_equal(read_image(path), image)


def test_palette_picture_becomes_rgb(tmp_path):
    Image.fromarray(noise(8, 9, 3)).convert("P").save(tmp_path / "plane.bmp")

    assert read_image(tmp_path / "plane.bmp").shape == (8, 9, 3)


def test_big_endian_and_planar_tiffs_come_out_as_any_other(tmp_path):
    image = noise(12, 17, 3, dtype="uint16")
    path = tmp_path / "planar.tif"
    planar = np.moveaxis(image, -1, 0)
    tifffile.imwrite(path, planar, photometric="rgb", planarconfig="separate", byteorder=">")

    read = read_image(path)

    assert read.dtype.isnative
    np.testing.assert_array_equal(read, image)


def test_folder_is_sorted_naturally_and_other_files_are_ignored(tmp_path):
    for z in (10, 2, 1):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.full((4, 5), z, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._z1.tif").write_bytes(b"junk some systems leave")
    (tmp_path / "previews.png").mkdir()

    assert [path.name for path in images_in(tmp_path)] == ["z1.tif", "z2.tif", "z10.tif"]


def write_bare(path, stack):
    tifffile.imwrite(path, stack, metadata=None)


def test_stack_where_one_plane_is_expected_is_refused(tmp_path):
    write_bare(tmp_path / "stack.tif", noise(5, 8, 9))

    with pytest.raises(InputError, match="holds 5 planes"):
        read_image(tmp_path / "stack.tif")


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "uint32", "float16", "float64"])
def test_planes_of_other_numbers_are_read_without_loss(tmp_path, dtype):
    stored = noise(4, 5).astype(dtype)
    tifffile.imwrite(tmp_path / "plane.tif", stored, photometric="minisblack")

    read = read_image(tmp_path / "plane.tif")

    assert read.dtype == ("float32" if dtype == "bool" else dtype)
    np.testing.assert_array_equal(read, stored)


def test_other_types_are_refused_with_those_that_are_read(tmp_path):
    tifffile.imwrite(tmp_path / "plane.tif", np.zeros((4, 5), "complex64"))

    with pytest.raises(InputError, match=r"plane\.tif is of type complex64; give one of bool"):
        read_image(tmp_path / "plane.tif")


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_opaque_alpha_is_dropped(tmp_path, colours, dtype):
    image = noise(6, 7, colours + 1, dtype=dtype)
    image[..., -1] = np.iinfo(dtype).max
    path = tmp_path / "plane.png"
    path.write_bytes(imagecodecs.png_encode(image))

    np.testing.assert_array_equal(read_image(path), image[..., :-1].squeeze())


@pytest.mark.parametrize("colours", [1, 3])
def test_pixels_that_are_not_opaque_are_masked(tmp_path, colours):
    image = np.full((6, 7, colours + 1), 255, np.uint8)
    image[0, :3, -1] = [0, 250, 253]  # 253 is opaque but for rounding
    path = tmp_path / "plane.png"
    path.write_bytes(imagecodecs.png_encode(image))

    read = read_image(path)

    np.testing.assert_array_equal(read.data, image[..., :-1].squeeze())
    mask = read.mask if colours == 1 else read.mask[..., 0]
    assert mask[0, :4].tolist() == [True, True, False, False]
    assert mask.sum() == 2
    with pytest.raises(InputError, match="transparent pixels; save labels"):
        read_labels(path)


def test_cmyk_picture_is_refused(tmp_path):
    Image.new("CMYK", (8, 8)).save(tmp_path / "plane.jpg")

    with pytest.raises(InputError, match="CMYK"):
        read_image(tmp_path / "plane.jpg")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"near\.png does not exist"):
        read_image(tmp_path / "near.png")


def test_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no images"):
        images_in(tmp_path)


def test_folder_where_an_image_is_expected_is_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


def test_empty_file_is_refused(tmp_path):
    (tmp_path / "plane.png").touch()

    with pytest.raises(InputError, match="empty"):
        read_image(tmp_path / "plane.png")


@pytest.mark.parametrize("read", [read_image, lambda path: images_in(path.parent)])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, read):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    write_bare(tmp_path / "plane.tif", noise(8, 9))
    for name in ("open", "iterdir"):
        monkeypatch.setattr(Path, name, refused)

    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); ask its owner"):
        read(tmp_path / "plane.tif")


def test_file_that_is_not_an_image_is_refused(tmp_path):
    (tmp_path / "plane.png").write_text("a letter, not a picture")

    with pytest.raises(InputError, match="not an image"):
        read_image(tmp_path / "plane.png")


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


@pytest.mark.parametrize(
    "options",
    [
        {"format": "JPEG"},
        {"format": "JPEG", "progressive": True},
        {"format": "PNG"},
        {"format": "WEBP"},
        {"format": "BMP"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_truncated_picture_raises_in_one_line(tmp_path, options):
    whole = BytesIO()
    Image.fromarray(noise(48, 64, 3)).save(whole, **options)

    assert undetected_cuts(tmp_path / "plane", whole.getvalue()) == {}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64"])
def test_labels_keep_their_integer_dtype(tmp_path, dtype):
    labels = np.arange(20, dtype=dtype).reshape(4, 5)
    tifffile.imwrite(tmp_path / "labels.tif", labels)

    read = read_labels(tmp_path / "labels.tif")

    assert read.dtype == dtype
    np.testing.assert_array_equal(read, labels)


def test_labels_may_be_saved_as_rgb_with_equal_channels(tmp_path):
    mask = noise(4, 5)
    Image.fromarray(np.dstack([mask] * 3)).save(tmp_path / "mask.png")

    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png"), mask)


def test_mask_with_a_tinge_along_its_soft_edge_counts_as_grey(tmp_path):
    mask = np.zeros((4, 5, 3), np.uint8)
    mask[:, 2] = 79, 81, 83
    mask[:, 3:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")

    np.testing.assert_array_equal(read_labels(tmp_path / "mask.png"), mask[..., 0])


def test_one_bit_mask_becomes_uint8(tmp_path):
    tifffile.imwrite(tmp_path / "mask.tif", np.eye(4, dtype=bool))

    labels = read_labels(tmp_path / "mask.tif")

    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, np.eye(4))


def test_coloured_labels_are_refused(tmp_path):
    Image.fromarray(noise(4, 5, 3)).save(tmp_path / "mask.png")

    with pytest.raises(InputError, match="coloured"):
        read_labels(tmp_path / "mask.png")


def test_fractional_labels_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "labels.tif", np.zeros((4, 5), np.float32))

    with pytest.raises(InputError, match=r"float32.*integers"):
        read_labels(tmp_path / "labels.tif")


@pytest.mark.parametrize(
    "names",
    [
        "z1.tif z2.tif z10.tif z11.tif",
        "1.tif 2.tif 10.tif a.tif",
        "A1.tif a2.tif B1.TIF b2.tif",  # case does not matter
        "z01.tif z1.tif z02.tif z2.tif",  # equal numbers: by the characters
        "t1_z2.tif t1_z10.tif t2_z1.tif t10_z1.tif",
        "z1.tif z-1.tif z-2.tif",  # a minus is a mere character here
        "z0.5.png z0.25.png z1.0.png",  # so is a point
        "1e2.tif 2e1.tif 10e1.tif",  # no exponents
        "a1.tif a1b.tif a.tif",
        "zä1.tif zä2.tif zb1.tif",  # ä follows a
    ],
)
def test_numbers_in_names_are_ordered_by_value(names):
    expected = [Path("bee") / name for name in names.split()]
    assert in_natural_order(reversed(expected)) == expected
    assert in_natural_order(sorted(expected)) == expected


def test_names_in_composed_and_decomposed_unicode_are_ordered_alike():
    names = ["é1.tif", "e\u03012.tif", "é3.tif"]  # file systems of macOS decompose
    assert [path.name for path in in_natural_order(map(Path, names[::-1]))] == names
