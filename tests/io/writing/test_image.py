"""Writing results: nothing lost, never a partial file, and the record comes back."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.files import write_text
from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.io.writing import image as writer
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)


def noise(*shape, dtype):
    return (NOISE.random(shape) * (1 if dtype == "float32" else 200)).astype(dtype)


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".TIF"])
def test_tiff_round_trip_is_exact(tmp_path, suffix):
    for shape, dtype in product(((12, 17), (12, 17, 3)), ("uint8", "uint16", "float32")):
        image = noise(*shape, dtype=dtype)
        path = tmp_path / f"out{suffix}"

        write_image(path, image)

        assert read_image(path).dtype == dtype
        np.testing.assert_array_equal(read_image(path), image, f"{shape} {dtype}")


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


def test_png_with_a_record_is_valid_for_other_readers(tmp_path):
    image = noise(12, 17, 3, dtype="uint8")

    write_image(tmp_path / "out.png", image, record=record({}, weights={}))

    with Image.open(tmp_path / "out.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), image)


def test_float_png_is_refused_towards_tiff(tmp_path):
    with pytest.raises(InputError, match=r"cannot hold float32; use \.tif"):
        write_image(tmp_path / "out.png", np.zeros((4, 5), np.float32))


def test_stack_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\(2, 4, 5\)"):
        write_image(tmp_path / "out.tif", np.zeros((2, 4, 5), np.uint8))


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
