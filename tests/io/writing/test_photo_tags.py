"""EXIF and colour profile in TIFF and PNG, as Pillow and tifffile read them."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from napari_focusstack.io.reading.photo_metadata import photo_metadata
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.io.writing.layer_tiff import write_tiff
from napari_focusstack.io.writing.photo_tags import add_directories, tiff_tags
from napari_focusstack.io.writing.result import ResultForm
from napari_focusstack.io.writing.result_file import result_file
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IMAGE = (NOISE.random((40, 56, 3)) * 250).astype(np.uint8)
RECORD = record({"sigma_px": 4.25}, weights={})


@pytest.fixture
def photo(tmp_path):
    """Metadata of a photo of another size, turned."""
    exif = Image.Exif()
    exif[271], exif[272], exif[274] = "MAKER", "CAMERA 1", 6
    exif[306], exif[315] = "2026:07:18 19:22:04", "A. Müller".encode()
    exif.get_ifd(34665).update(
        {
            33434: IFDRational(1, 250),  # ExposureTime
            36864: b"0232",  # ExifVersion
            36867: "2026:07:18 19:22:04",  # DateTimeOriginal
            37380: IFDRational(-1, 3),  # ExposureBiasValue
            37386: IFDRational(100),  # FocalLength
            37510: b"ASCII\0\0\0a comment",
            42034: (IFDRational(100), IFDRational(100), IFDRational(0, 0), IFDRational(0, 0)),
            40962: 6000,
            40963: 4000,
        }
    )
    exif.get_ifd(34853).update({0: b"\2\3\0\0", 1: "N", 2: (52.0, 31.0, 12.0)})
    Image.fromarray(IMAGE).save(tmp_path / "source.jpg", exif=exif, icc_profile=SRGB)
    return photo_metadata(tmp_path / "source.jpg", rgb=True)


def write_result(path, photo, image=IMAGE):
    form = ResultForm(
        shape=image.shape,
        dtype=image.dtype,
        axes="YXS",
        scale=(1.0, 1.0),
        units=("pixel", "pixel"),
        photo=photo,
    )
    with result_file(path, form) as result:
        result.write(image)
        result.record = RECORD


def write_layer(path, photo):
    options = {"scale": (1.0, 1.0), "units": ("pixel", "pixel"), "record": RECORD}
    write_tiff(path, IMAGE, axes="YXS", photo=photo, **options)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_result, "fused.tif"),
        (write_result, "fused.png"),
        (lambda path, photo: write_image(path, IMAGE, record=RECORD, photo=photo), "fused.tif"),
        (lambda path, photo: write_image(path, IMAGE, record=RECORD, photo=photo), "fused.png"),
        (write_layer, "fused.tif"),
        (write_layer, "fused.ome.tif"),
    ],
)
def test_other_programs_find_camera_date_profile_and_no_wrong_size(tmp_path, photo, write, name):
    path = tmp_path / name
    write(path, photo)

    with Image.open(path) as image:
        image.load()
        found = image.getexif()
        exif, gps = found.get_ifd(34665), found.get_ifd(34853)
        assert (found[271], found[272], found[306]) == ("MAKER", "CAMERA 1", "2026:07:18 19:22:04")
        assert found.get(274, 1) == 1
        sizes = exif.get(40962), exif.get(40963)
        assert sizes == ((56, 40) if path.suffix == ".png" else (None, None))
        assert (exif[37386], exif[33434]) == (100.0, 0.004)
        assert exif[37380] == pytest.approx(-1 / 3)
        assert (exif[36864], exif[37510]) == (b"0232", b"ASCII\0\0\0a comment")
        assert found[315].encode("latin-1").decode() == "A. Müller"
        assert gps[2] == (52.0, 31.0, 12.0)
        assert image.info["icc_profile"] == SRGB
        np.testing.assert_array_equal(np.asarray(image), IMAGE)
    assert read_record(path) == RECORD
    again = photo_metadata(path, rgb=True)
    assert set(photo.kept) <= set(again.kept)


def test_tifffile_reads_the_directories_and_all_pages(tmp_path, photo):
    stack = np.stack([IMAGE, IMAGE[::-1]])
    options = {"scale": (2.0, 1.0, 1.0), "units": ("um",) * 3}
    write_tiff(tmp_path / "stack.tif", stack, axes="ZYXS", photo=photo, **options)

    with tifffile.TiffFile(tmp_path / "stack.tif") as tiff:
        tags = tiff.pages.first.tags
        assert tags["ExifTag"].value["FocalLength"] == (100, 1)
        assert tags["GPSTag"].value["GPSLatitudeRef"] == "N"
        assert [tags[code].value for code in sorted(code for code in (271, 306))] == [
            "MAKER",
            "2026:07:18 19:22:04",
        ]
        assert list(tags.keys()) == sorted(tags.keys())
        np.testing.assert_array_equal(tiff.asarray(), stack)


@pytest.mark.parametrize(("byteorder", "bigtiff"), [("<", False), ("<", True), (">", False)])
def test_directories_suit_any_kind_of_tiff(tmp_path, photo, byteorder, bigtiff):
    path = tmp_path / "a.tif"
    options = {"photometric": "rgb", "metadata": None, **tiff_tags(photo)}
    tifffile.imwrite(path, IMAGE, byteorder=byteorder, bigtiff=bigtiff, **options)

    add_directories(path, photo)

    with tifffile.TiffFile(path) as tiff:
        exif = tiff.pages.first.tags["ExifTag"].value
        assert exif["ExposureTime"] == (1, 250)
        assert tiff.pages.first.tags["Artist"].value == "A. Müller"
        np.testing.assert_array_equal(tiff.asarray(), IMAGE)


def test_without_metadata_files_are_as_before(tmp_path):
    write_image(tmp_path / "a.tif", IMAGE)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert not {"Make", "ExifTag", "InterColorProfile"} & {
            tag.name for tag in tiff.pages[0].tags
        }
