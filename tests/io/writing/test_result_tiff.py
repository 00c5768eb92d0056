"""Results as OME-TIFF, written rectangle by rectangle."""

import numpy as np
import pytest
import tifffile

from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.io.writing import result_tiff
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)
CHANNELS = (Channel("DAPI", (0, 0, 1)), Channel("GFP", (0, 1, 0)), Channel("red", (1, 0, 0)))


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (70, 101)),
        ("YXS", (70, 101, 3)),
        ("TCYX", (2, 3, 70, 101)),
        ("TYXS", (2, 70, 101, 3)),
        ("CTYX", (3, 2, 70, 101)),
    ],
)
def test_a_tiff_written_in_any_order_is_the_image(
    form_of, write, tmp_path, small_tiles, axes, shape, dtype
):
    data, path = noise(*shape, dtype=dtype), tmp_path / "fused.tif"
    form = form_of(data, axes, channels=CHANNELS if "C" in axes else ())

    write(path, data, form)

    (stack,) = find_stacks([path])
    assert (stack.axes, stack.shape, stack.dtype) == (axes, shape, data.dtype)
    assert (stack.scale, stack.units, stack.channels) == (form.scale, form.units, form.channels)
    np.testing.assert_array_equal(pixels(stack), data)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert tiff.pages.first.tile == (32, 32)
    assert [one.name for one in tmp_path.iterdir()] == ["fused.tif"]


def test_a_plain_tiff_is_read_as_one_image_with_its_record(form_of, write, tmp_path):
    data, path = noise(30, 50), tmp_path / "fused.tif"
    made = record({"specimen": "Käfer", "psf": 2.0}, weights={"fsb": "0f"})

    write(path, data, form_of(data, "YX"), made)

    assert read_record(path) == made
    np.testing.assert_array_equal(read_image(path), data)


def test_a_plane_of_up_to_four_megapixels_is_in_strips_for_fiji_has_no_tiles(
    form_of, write, tmp_path
):
    data, path = noise(700, 600), tmp_path / "fused.tif"

    write(path, data, form_of(data, "YX"), side=256)

    with tifffile.TiffFile(path) as tiff:
        assert not tiff.pages.first.is_tiled
        np.testing.assert_array_equal(tiff.asarray(), data)


def test_labels_come_back_as_labels(form_of, write, tmp_path):
    data, path = noise(30, 50, dtype="uint8"), tmp_path / "labels.tif"

    write(path, data, form_of(data, "YX", layer_type="labels"))

    (stack,) = find_stacks([path])
    assert stack.labels
    np.testing.assert_array_equal(pixels(stack), data)


def test_offsets_have_64_bits_where_they_must(form_of, write, tmp_path, monkeypatch):
    data = noise(30, 50)
    for most, big in ((data.nbytes, False), (data.nbytes - 1, True)):
        monkeypatch.setattr(result_tiff, "MAX_CLASSIC_BYTES", most)
        write(tmp_path / "fused.tif", data, form_of(data, "YX"))
        with tifffile.TiffFile(tmp_path / "fused.tif") as tiff:
            assert tiff.is_bigtiff is big
            np.testing.assert_array_equal(tiff.asarray(), data)
