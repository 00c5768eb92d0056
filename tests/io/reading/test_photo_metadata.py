"""Photos: their orientation is applied, and their metadata are kept or named as dropped."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.io.reading.photo_metadata import photo_metadata
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.stack_pixels import pixels

NOISE = np.random.default_rng(0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
#: Pillow's operation that undoes each EXIF orientation.
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def noise(*shape):
    return (NOISE.random(shape) * 250).astype(np.uint8)


def exif_of(orientation=1):
    """EXIF as a camera writes it, with everything that a result must not repeat."""
    exif = Image.Exif()
    exif[270], exif[271], exif[272], exif[274] = "a caption", "MAKER", "CAMERA 1", orientation
    exif[306], exif[315], exif[33432] = "2026:07:18 19:22:04", "A. Miller", "CC0"
    exif.get_ifd(34665).update(
        {
            33434: (1, 250),  # ExposureTime
            36867: "2026:07:18 19:22:04",  # DateTimeOriginal
            37386: 100.0,  # FocalLength
            37396: (10, 20),  # SubjectArea
            37500: b"offsets of the maker",  # MakerNote
            40961: 1,  # ColorSpace
            40962: 6000,  # PixelXDimension
            40963: 4000,
        }
    )
    exif.get_ifd(34853).update({1: "N", 2: (52.0, 31.0, 12.0)})
    return exif


def save(path, image, orientation=1, **options):
    Image.fromarray(image).save(path, exif=exif_of(orientation), **options)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_a_picture_is_turned_as_its_orientation_demands(tmp_path, suffix, orientation):
    path, image = tmp_path / f"p.{suffix}", noise(24, 40, 3)
    options = {"lossless": True} if suffix == "webp" else {}
    save(path, image, orientation, **options)
    with Image.open(path) as stored:
        turn = None if suffix == "tif" else TURNS[orientation]  # Pillow turns a TIFF itself
        upright = np.asarray(stored if turn is None else stored.transpose(turn))

    np.testing.assert_array_equal(read_image(path), upright)


def test_a_mask_is_turned_with_its_photo(tmp_path):
    save(tmp_path / "mask.png", noise(24, 40), 6)

    assert read_labels(tmp_path / "mask.png").shape == (40, 24)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_a_stack_of_turned_photos_is_upright(tmp_path, suffix):
    for number in range(3):
        save(tmp_path / f"p{number}.{suffix}", noise(24, 40, 3), 8)
    planes = [read_image(tmp_path / f"p{number}.{suffix}") for number in range(3)]

    (stack,) = find_stacks([tmp_path])

    assert stack.shape == (3, 40, 24, 3)
    np.testing.assert_array_equal(pixels(stack), planes)
    with open_planes(tmp_path) as store:  # also in rectangles
        np.testing.assert_array_equal(store.read(1, np.s_[3:20, 5:11]), planes[1][3:20, 5:11])


def test_planes_that_were_stored_turned_are_one_stack(tmp_path):
    planes = noise(3, 24, 40)
    for number, (plane, orientation) in enumerate(zip(planes, (1, 3, 6), strict=True)):
        stored = np.rot90(plane, {1: 0, 3: 2, 6: 1}[orientation])
        save(tmp_path / f"p{number}.png", np.ascontiguousarray(stored), orientation)

    np.testing.assert_array_equal(pixels(find_stacks([tmp_path])[0]), planes)


def test_orientations_that_make_different_sizes_are_named(tmp_path):
    for number, orientation in enumerate((1, 1, 6)):
        save(tmp_path / f"p{number}.jpg", noise(24, 40, 3), orientation)

    with pytest.raises(
        InputError,
        match=r"p2\.jpg has the EXIF orientation 6, p0\.jpg 1, so they are turned to 40 x 24 and "
        r"24 x 40 px; set one orientation, or remove it\.",
    ):
        pixels(find_stacks([tmp_path])[0])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "heic"])
def test_what_is_kept_and_what_is_dropped(tmp_path, suffix):
    path = tmp_path / f"p.{suffix}"
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    save(path, noise(24, 40, 3), icc_profile=SRGB)

    photo = photo_metadata(path, rgb=True)

    assert {"Make", "Model", "DateTime", "Artist", "Copyright"} <= set(photo.kept)
    assert {"ExposureTime", "DateTimeOriginal", "FocalLength", "GPS"} <= set(photo.kept)
    assert {"MakerNote", "SubjectArea"} <= set(photo.dropped)
    assert "ImageDescription" in photo.dropped
    assert "ICC profile" in photo.kept
    assert photo.icc == SRGB
    assert photo.tags[271] == "MAKER"
    assert photo.exif[36867] == "2026:07:18 19:22:04"
    assert not {37500, 37396, 40962, 40963} & set(photo.exif)


def test_a_profile_that_does_not_fit_the_pixels_is_dropped(tmp_path):
    Image.fromarray(noise(24, 40)).save(tmp_path / "grey.png", icc_profile=SRGB)

    photo = photo_metadata(tmp_path / "grey.png", rgb=False)

    assert (photo.icc, photo.kept, photo.dropped) == (b"", (), ("ICC profile",))


def test_the_first_plane_of_a_folder_has_the_metadata_of_the_stack(tmp_path):
    for number in range(2):
        exif = exif_of()
        exif[306] = f"2026:07:18 19:22:0{number}"
        Image.fromarray(noise(24, 40, 3)).save(tmp_path / f"p{number}.jpg", exif=exif)

    assert find_stacks([tmp_path])[0].photo.tags[306] == "2026:07:18 19:22:00"


def test_pictures_without_metadata_and_with_damaged_ones_are_read(tmp_path):
    image = noise(24, 40, 3)
    tifffile.imwrite(tmp_path / "plain.tif", image, photometric="rgb", software=False)
    Image.fromarray(image).save(tmp_path / "plain.png")
    Image.fromarray(image).save(tmp_path / "bad.png", exif=b"Exif\0\0MM\0*\0\0\xff\xffnothing")

    for name in ("plain.tif", "plain.png", "bad.png"):
        assert photo_metadata(tmp_path / name, rgb=True) is None
        np.testing.assert_array_equal(read_image(tmp_path / name), image)
