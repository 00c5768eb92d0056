"""Files and folders that are stacks."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def only(*paths):
    (stack,) = find_stacks(list(paths))
    return stack


@pytest.mark.parametrize("limit", [None, 0], ids=["eager", "lazy"])
def test_folder_is_a_stack_in_natural_order(tmp_path, limit):
    for z in (10, 2, 1):
        Image.fromarray(np.full((8, 9, 3), z, np.uint8)).save(tmp_path / f"z{z}.png")
    (tmp_path / "notes.txt").write_text("not an image")

    stack = only(tmp_path)

    assert (stack.axes, stack.shape, stack.dtype) == ("ZYXS", (3, 8, 9, 3), np.uint8)
    assert stack.name == tmp_path.name
    assert np.asarray(pixels(stack, limit))[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_list_of_images_is_a_stack_in_natural_order_with_the_pixel_of_its_tiffs(tmp_path):
    paths = [tmp_path / f"z{z}.tif" for z in (10, 9)]
    for path, value in zip(paths, (10, 9), strict=True):
        tifffile.imwrite(
            path,
            np.full((8, 9), value, np.uint16),
            resolution=(20_000, 20_000),
            resolutionunit="centimeter",
        )

    stack = only(*paths)

    assert pixels(stack)[:, 0, 0].tolist() == [9, 10]
    assert stack.scale == (1.0, 0.5, 0.5)
    assert stack.units == ("pixel", "um", "um")


def test_folder_with_one_image_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "z1.tif", noise(8, 9))

    with pytest.raises(InputError, match=r"z1\.tif is the only image"):
        find_stacks([tmp_path])


def test_single_picture_of_another_format_is_refused(tmp_path):
    Image.fromarray(noise(8, 9, dtype="uint8")).save(tmp_path / "plane.png")

    with pytest.raises(InputError, match="is a single picture"):
        find_stacks([tmp_path / "plane.png"])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.tif does not exist"):
        find_stacks([tmp_path / "none.tif"])


def test_text_named_tif_is_refused(tmp_path):
    (tmp_path / "stack.tif").write_text("a letter, not a picture")

    with pytest.raises(InputError, match="is not an image"):
        find_stacks([tmp_path / "stack.tif"])
