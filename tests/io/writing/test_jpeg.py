"""JPEG: what the screen shows, with the record as a comment."""

import numpy as np
import pytest
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing.jpeg import write_jpeg
from napari_focusstack.provenance import record


@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 3)])
def test_pixels_and_record_come_back(tmp_path, shape):
    path = tmp_path / "fused.jpg"
    image = np.linspace(0, 255, np.prod(shape)).reshape(shape).astype(np.uint8)
    made = record({"psf": 4.5}, weights={})
    write_jpeg(path, image, record=made)
    with Image.open(path) as again:
        assert np.abs(np.asarray(again).astype(int) - image).max() <= 4
    assert read_record(path) == made


def test_a_record_that_does_not_fit_is_left_out(tmp_path):
    write_jpeg(tmp_path / "fused.jpg", np.zeros((8, 8), np.uint8), record={"long": "x" * 70_000})
    with pytest.raises(InputError, match="holds no record"):
        read_record(tmp_path / "fused.jpg")


@pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint16), np.zeros((8, 8, 4), np.uint8)])
def test_other_pixels_are_refused_and_nothing_is_left(tmp_path, image):
    with pytest.raises(InputError, match="cannot hold"):
        write_jpeg(tmp_path / "fused.jpg", image)
    assert not list(tmp_path.iterdir())
