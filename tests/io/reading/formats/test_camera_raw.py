"""Raw files of cameras, here uncompressed DNG."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.stack_header import plane_size
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.plugin.reader import get_reader, read_layers

pytest.importorskip("rawpy")


@pytest.fixture
def scene():
    """Smooth linear light of 16 bits, (64, 80, 3)."""
    y, x = np.mgrid[:64, :80]
    return np.stack([x * 500 + 9000, y * 600 + 9000, (x + y) * 250 + 9000], -1).astype(np.uint16)


def test_a_picture_is_developed_to_linear_light_with_16_bits(write, tmp_path, scene):
    write.dng(tmp_path / "a.dng", scene)

    image = read_image(tmp_path / "a.dng")

    assert (image.shape, image.dtype) == (scene.shape, np.uint16)
    error = (image.astype(float) - scene)[4:-4, 4:-4]
    assert np.abs(error).max() < 0.01 * 65_535  # a pixel of the mosaic has one colour


def test_dark_and_bright_planes_are_developed_alike(write, tmp_path, scene):
    write.dng(tmp_path / "a.dng", scene)
    write.dng(tmp_path / "b.dng", scene // 4)

    bright, dark = (read_image(tmp_path / name) for name in ("a.dng", "b.dng"))

    np.testing.assert_allclose(dark, bright / 4, atol=3)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_picture_of_a_turned_camera_is_upright(write, tmp_path, scene, orientation, turns):
    write.dng(tmp_path / "a.dng", scene)
    write.dng(tmp_path / "b.dng", scene, orientation)

    upright = np.rot90(read_image(tmp_path / "a.dng"), turns)

    np.testing.assert_array_equal(read_image(tmp_path / "b.dng"), upright)
    assert plane_size(tmp_path / "b.dng") == upright.shape[:2]


def test_a_folder_of_raw_files_is_a_stack_and_pictures_beside_them_count_once(
    write, tmp_path, scene
):
    for number in (1, 2, 3):
        write.dng(tmp_path / f"DSC_{number}.dng", scene // number)
    (stack,) = find_stacks([tmp_path])
    assert (stack.axes, stack.shape) == ("ZYXS", (3, 64, 80, 3))
    np.testing.assert_array_equal(pixels(stack)[1], read_image(tmp_path / "DSC_2.dng"))

    for number in (1, 2, 3):
        write_image(tmp_path / f"DSC_{number}.png", scene)
    (stack,) = find_stacks([tmp_path])
    assert [path.name for path in stack.files] == ["DSC_1.png", "DSC_2.png", "DSC_3.png"]
    assert stack.notes == (
        "Left out, beside a picture of the same name: DSC_1.dng, DSC_2.dng, DSC_3.dng.",
    )
    assert get_reader(str(tmp_path)) is read_layers


def test_what_is_no_raw_file_is_named(tmp_path):
    (tmp_path / "a.nef").write_text("no raw file")

    with pytest.raises(InputError, match=r"a\.nef cannot be read as camera RAW"):
        read_image(tmp_path / "a.nef")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_named(write, tmp_path, scene, share):
    path = tmp_path / "a.dng"
    write.dng(path, scene)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    with pytest.raises(
        InputError, match=r"a\.dng cannot be read as camera RAW, it may be cut short"
    ):
        read_image(path)
