"""The record in a file: written by this package, read again, or refused."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)


def noise(*shape, dtype):
    return (NOISE.random(shape) * (1 if dtype == "float32" else 200)).astype(dtype)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_record_comes_back_as_it_was(tmp_path, suffix):
    made = record({"sigma_px": 4.1, "shape": [12, 17], "specimen": "Käfer"}, weights={"fsb": "0f"})
    image = noise(12, 17, dtype="uint8")

    write_image(tmp_path / f"out{suffix}", image, record=made)

    assert read_record(tmp_path / f"out{suffix}") == made
    np.testing.assert_array_equal(read_image(tmp_path / f"out{suffix}"), image)


@pytest.mark.parametrize("name", ["plain.tif", "plain.png", "text.tif"])
def test_file_without_a_record_is_refused(tmp_path, name):
    image = noise(12, 17, dtype="uint8")
    tifffile.imwrite(tmp_path / "plain.tif", image)
    (tmp_path / "plain.png").write_bytes(imagecodecs.png_encode(image))
    (tmp_path / "text.tif").write_text("not an image")

    with pytest.raises(InputError, match="no record"):
        read_record(tmp_path / name)


def test_record_of_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_record(tmp_path / "missing.tif")
