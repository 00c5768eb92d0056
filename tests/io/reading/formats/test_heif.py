"""HEIC pictures as phones write them."""

import numpy as np
import pytest
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.stack_header import plane_size
from napari_focusstack.io.reading.stack_pixels import pixels

pillow_heif = pytest.importorskip("pillow_heif")


@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 3)])
def test_a_picture_without_loss_is_read_bit_for_bit(write, tmp_path, shape):
    image = write.noise(*shape, dtype="uint8")
    write.heic(tmp_path / "a.heic", image)

    np.testing.assert_array_equal(read_image(tmp_path / "a.heic"), image)
    assert plane_size(tmp_path / "a.heic") == (40, 56)


def test_more_than_8_bits_become_16(tmp_path):
    image = (np.arange(40 * 56, dtype=np.uint16) * 29 // 64 * 64).reshape(40, 56)
    heif = pillow_heif.from_bytes("I;16", (56, 40), image.tobytes())
    heif.save(tmp_path / "a.heic", quality=-1)

    found = read_image(tmp_path / "a.heic")

    assert found.dtype == np.uint16
    assert np.abs(found.astype(int) - image).max() <= 64  # ten bits of sixteen


def test_a_turned_picture_is_upright(write, tmp_path):
    image = write.noise(40, 56, 3, dtype="uint8")
    exif = Image.Exif()
    exif[0x112] = 6
    write.heic(tmp_path / "a.heic", image, exif=exif.tobytes())

    np.testing.assert_array_equal(read_image(tmp_path / "a.heic"), np.rot90(image, 3))
    assert plane_size(tmp_path / "a.heic") == (56, 40)


def test_a_folder_of_pictures_is_a_stack(write, tmp_path):
    planes = write.noise(3, 40, 56, 3, dtype="uint8")
    for number, plane in enumerate(planes):
        write.heic(tmp_path / f"IMG_{number}.heic", plane)

    (stack,) = find_stacks([tmp_path])

    assert (stack.axes, stack.shape) == ("ZYXS", planes.shape)
    np.testing.assert_array_equal(pixels(stack), planes)


def test_a_truncated_picture_is_named(write, tmp_path):
    write.heic(tmp_path / "a.heic", write.noise(40, 56, 3, dtype="uint8"))
    (tmp_path / "a.heic").write_bytes((tmp_path / "a.heic").read_bytes()[:2000])

    with pytest.raises(InputError, match=r"a\.heic cannot be read as HEIC, it may be cut short"):
        read_image(tmp_path / "a.heic")
