"""Writing results: nothing lost, never a partial file, and the record comes back."""

import os
from functools import partial

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable, write_text
from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing import image as writer
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)


def noise(*shape, dtype):
    return (NOISE.random(shape) * (1 if dtype == "float32" else 200)).astype(dtype)


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".TIF"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 3)])
def test_tiff_round_trip_is_exact(tmp_path, suffix, dtype, shape):
    image = noise(*shape, dtype=dtype)
    path = tmp_path / f"out{suffix}"

    write_image(path, image)

    assert read_image(path).dtype == dtype
    np.testing.assert_array_equal(read_image(path), image)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 3)])
def test_png_round_trip_is_exact(tmp_path, dtype, shape):
    image = noise(*shape, dtype=dtype)

    write_image(tmp_path / "out.png", image, record=record({}, weights={}))

    assert read_image(tmp_path / "out.png").dtype == dtype
    np.testing.assert_array_equal(read_image(tmp_path / "out.png"), image)


def test_labels_round_trip_in_their_dtype(tmp_path):
    labels = np.arange(20, dtype=np.int32).reshape(4, 5)

    write_image(tmp_path / "labels.tif", labels)

    assert read_labels(tmp_path / "labels.tif").dtype == np.int32
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.tif"), labels)


def test_a_view_that_is_not_contiguous_is_written_as_seen(tmp_path):
    image = noise(12, 34, dtype="uint8")[::-1, ::2]

    write_image(tmp_path / "out.png", image)
    write_image(tmp_path / "out.tif", image)

    np.testing.assert_array_equal(read_image(tmp_path / "out.png"), image)
    np.testing.assert_array_equal(read_image(tmp_path / "out.tif"), image)


def test_tiff_is_compressed_and_signed(tmp_path):
    write_image(tmp_path / "out.tif", np.zeros((256, 256, 3), np.uint16))

    assert (tmp_path / "out.tif").stat().st_size < 10_000
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.pages.first.photometric == tifffile.PHOTOMETRIC.RGB
        assert tiff.pages.first.software == "napari-focusstack"


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_record_comes_back_as_it_was(tmp_path, suffix):
    made = record({"sigma_px": 4.1, "shape": [12, 17], "specimen": "Käfer"}, weights={"fsb": "0f"})
    image = noise(12, 17, dtype="uint8")

    write_image(tmp_path / f"out{suffix}", image, record=made)

    assert read_record(tmp_path / f"out{suffix}") == made
    np.testing.assert_array_equal(read_image(tmp_path / f"out{suffix}"), image)


def test_png_with_a_record_is_valid_for_other_readers(tmp_path):
    image = noise(12, 17, 3, dtype="uint8")

    write_image(tmp_path / "out.png", image, record=record({}, weights={}))

    with Image.open(tmp_path / "out.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), image)


@pytest.mark.parametrize("name", ["plain.tif", "plain.png", "text.tif"])
def test_file_without_a_record_is_refused(tmp_path, name):
    image = noise(12, 17, dtype="uint8")
    tifffile.imwrite(tmp_path / "plain.tif", image)
    (tmp_path / "plain.png").write_bytes(imagecodecs.png_encode(image))
    (tmp_path / "text.tif").write_text("not an image")

    with pytest.raises(InputError, match="no record"):
        read_record(tmp_path / name)


def test_record_of_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_record(tmp_path / "missing.tif")


def test_float_png_is_refused_towards_tiff(tmp_path):
    with pytest.raises(InputError, match=r"cannot hold float32; use \.tif"):
        write_image(tmp_path / "out.png", np.zeros((4, 5), np.float32))


def test_stack_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\(2, 4, 5\)"):
        write_image(tmp_path / "out.tif", np.zeros((2, 4, 5), np.uint8))


def test_unknown_suffix_lists_the_good_ones(tmp_path):
    with pytest.raises(InputError, match=r"'\.jpg'; use \.tif, \.tiff, \.png"):
        check_writable(tmp_path / "out.jpg")


def test_missing_folder_is_found_early(tmp_path):
    with pytest.raises(InputError, match="missing does not exist"):
        check_writable(tmp_path / "missing" / "out.tif")


def test_file_in_place_of_the_folder_is_found_early(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match="file does not exist"):
        check_writable(tmp_path / "file" / "out.tif")


def test_folder_in_place_of_the_file_is_found_early(tmp_path):
    (tmp_path / "out.tif").mkdir()

    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path / "out.tif")


@pytest.mark.parametrize("locked", ["folder", "file"])
def test_missing_permission_is_found_early(tmp_path, monkeypatch, locked):
    path = tmp_path / "out.tif"
    path.touch()
    # An administrator may write anywhere, so the refusal is staged.
    refused = tmp_path if locked == "folder" else path
    monkeypatch.setattr(os, "access", lambda target, mode: target != refused)

    with pytest.raises(InputError, match=r"not writable|write-protected"):
        check_writable(path)


def test_writable_path_passes_and_nothing_is_created(tmp_path):
    check_writable(tmp_path / "out.tif", dtype="float32")
    check_writable(tmp_path / "report.json", suffixes=(".json",))

    assert list(tmp_path.iterdir()) == []


def full_disk(path, *args):
    path.write_bytes(b"the first half")
    raise OSError(28, "No space left on device")


def interrupted(path, *args):
    path.write_bytes(b"the first half")
    raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [(full_disk, InputError, "No space left"), (interrupted, KeyboardInterrupt, None)],
)
def test_failed_write_keeps_the_old_file_and_leaves_nothing_else(
    tmp_path, monkeypatch, suffix, failure, error, message
):
    path = tmp_path / f"out{suffix}"
    path.write_text("older result")
    monkeypatch.setattr(writer, "_write_tiff", failure)
    monkeypatch.setattr(writer, "_write_png", failure)

    with pytest.raises(error, match=message):
        write_image(path, np.zeros((4, 5), np.uint8))

    assert path.read_text() == "older result"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("write", "content"),
    [
        (partial(write_image, "out.tif"), noise(128, 128, dtype="uint8")),
        (partial(write_image, "out.png"), noise(128, 128, dtype="uint8")),
        (partial(write_text, "report.json"), "x" * 20_000),
    ],
    ids=["tiff", "png", "text"],
)
def test_system_that_refuses_more_bytes_gives_one_line(tmp_path, monkeypatch, write, content):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix feature")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.chdir(tmp_path)

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError, match="cannot write") as raised:
            write(content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_record_that_json_cannot_hold_writes_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_image(tmp_path / "out.tif", np.zeros((4, 5), np.uint8), record={"a": object()})

    assert list(tmp_path.iterdir()) == []


def test_linked_result_is_replaced_behind_its_link(tmp_path):
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store" / "out.tif", tmp_path / "out.tif"
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("this system does not allow links")

    write_image(link, np.ones((4, 5), np.uint8))

    assert link.is_symlink()
    assert read_image(target).all()


def test_text_replaces_the_old_file_in_utf8(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("older report")

    write_text(path, '{"sigma": "σ"}')

    assert path.read_bytes().decode("utf-8") == '{"sigma": "σ"}'
    assert list(tmp_path.iterdir()) == [path]
