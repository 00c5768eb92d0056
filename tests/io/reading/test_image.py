"""Reading images: every container, every dtype, and every way a file can be broken."""

import errno
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import images_in, read_image, read_labels

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint8"):
    if dtype == "float32":
        return NOISE.random(shape, dtype=np.float32)
    return NOISE.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 3)])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib"])
def test_tiff_keeps_every_pixel_and_dtype(tmp_path, dtype, shape, compression):
    image = noise(*shape, dtype=dtype)
    path = tmp_path / "plane.tif"
    photometric = "rgb" if len(shape) == 3 else "minisblack"
    tifffile.imwrite(path, image, photometric=photometric, compression=compression)

    read = read_image(path)

    assert read.dtype == dtype
    np.testing.assert_array_equal(read, image)


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


def test_format_is_told_by_content_not_by_suffix(tmp_path):
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

    with pytest.raises(InputError, match=f"{named}.*extract one"):
        read_image(path)


def test_images_of_different_shapes_in_one_tiff_are_refused(tmp_path):
    path = tmp_path / "mixed.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(noise(8, 9))
        writer.write(noise(7, 9))

    with pytest.raises(InputError, match="different shapes"):
        read_image(path)


def test_stack_where_one_plane_is_expected_is_refused(tmp_path):
    write_bare(tmp_path / "stack.tif", noise(5, 8, 9))

    with pytest.raises(InputError, match="holds 5 planes"):
        read_image(tmp_path / "stack.tif")


@pytest.mark.parametrize("dtype", ["bool", "int16", "uint32", "float64"])
def test_other_dtypes_are_refused_by_name(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "plane.tif", np.zeros((4, 5), dtype))

    with pytest.raises(InputError, match=f"dtype {dtype}"):
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
def test_transparent_pixels_are_refused(tmp_path, colours):
    image = np.full((6, 7, colours + 1), 255, np.uint8)
    image[0, 0, -1] = 254
    path = tmp_path / "plane.png"
    path.write_bytes(imagecodecs.png_encode(image))

    with pytest.raises(InputError, match="remove its transparency"):
        read_image(path)


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
def test_what_may_not_be_read_is_told_apart_from_damage(tmp_path, monkeypatch, read):
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


@pytest.mark.parametrize("cut", CUTS)
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
def test_truncated_picture_raises_in_one_line(tmp_path, options, cut):
    whole = BytesIO()
    Image.fromarray(noise(48, 64, 3)).save(whole, **options)
    path = tmp_path / "plane"
    path.write_bytes(whole.getvalue()[: int(cut * whole.tell())])

    with pytest.raises(InputError, match="cut short") as raised:
        read_image(path)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("write", [*STACK_WRITERS, write_jpeg_pages])
def test_truncated_tiff_raises_rather_than_losing_planes(tmp_path, write, cut):
    path = tmp_path / "stack.tif"
    write(path, noise(5, 48, 64))
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])

    with pytest.raises(InputError, match="cut short"):
        read_image(path)


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
