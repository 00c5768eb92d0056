"""OME-Zarr of both Zarr versions: levels, labels, plates, series, and results of this package."""

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.plane_store import open_planes
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.io.writing.result import ResultForm
from napari_focusstack.io.writing.result_file import result_file

zarr = pytest.importorskip("zarr")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_full_resolution_is_read_with_scale_channels_and_times(write, tmp_path, version):
    data, path = write.noise(2, 2, 3, 40, 50), tmp_path / "sample.ome.zarr"
    write.zarr(path, data, "TCZYX", version=version)

    (stack,) = find_stacks([path])

    assert (stack.name, stack.axes, stack.shape) == ("sample", "TCZYX", data.shape)
    assert stack.scale == (3.0, 1.0, 2.0, 0.5, 0.25)
    assert stack.units == ("s", "pixel", "um", "um", "um")
    assert stack.channels == (Channel("DAPI", (0, 0, 1)), Channel("GFP", (0, 1, 0)))
    np.testing.assert_array_equal(pixels(stack), data)
    np.testing.assert_array_equal(open_planes(path, {"T": 1, "C": 1})[2], data[1, 1, 2])


def test_one_plane_is_decoded_from_its_own_chunks(write, tmp_path, monkeypatch):
    data, path = write.noise(4, 40, 50), tmp_path / "sample.zarr"
    write.zarr(path, data, "ZYX")
    for chunk in (path / "0").glob("[013]/*/*"):
        chunk.write_bytes(b"damaged")

    lazy = pixels(find_stacks([path])[0], eager_bytes=0)

    np.testing.assert_array_equal(lazy[2].compute(), data[2])
    with pytest.raises(InputError, match=r"sample\.zarr cannot be read as OME-Zarr"):
        lazy[1].compute()


def test_a_label_image_inside_is_not_taken_for_a_series(write, tmp_path):
    path = tmp_path / "sample.zarr"
    group = write.zarr(path, write.noise(3, 40, 50), "ZYX")
    group.create_group("labels").attrs["labels"] = ["cells"]
    cells = write.zarr(path / "labels" / "cells", write.noise(3, 40, 50, dtype="uint8"), "ZYX")
    cells.attrs["image-label"] = {"version": "0.4"}

    assert [stack.labels for stack in find_stacks([path])] == [False]
    assert [stack.labels for stack in find_stacks([path / "labels" / "cells"])] == [True]


def test_each_series_of_a_converted_file_is_one_in_the_order_of_numbers(write, tmp_path):
    root = zarr.open_group(tmp_path / "many.zarr", mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    root.create_group("OME")
    root.create_array("table", data=write.noise(3, 4))
    (tmp_path / "many.zarr" / ".DS_Store").touch()  # of which zarr would warn
    for number in (0, 10, 2):
        write.zarr(tmp_path / "many.zarr" / str(number), write.noise(number + 2, 20, 30), "ZYX")

    assert [stack.shape[0] for stack in find_stacks([tmp_path / "many.zarr"])] == [2, 4, 12]


def test_each_field_of_a_plate_is_a_series(write, tmp_path):
    path = tmp_path / "plate.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/3"}]}
    data = write.noise(2, 2, 3, 20, 30)
    for number, well in enumerate(("A/1", "B/3")):
        root.create_group(well).attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
        for field in (0, 1):
            write.zarr(path / well / str(field), data[number, field], "ZYX")

    stacks = find_stacks([path])

    assert len(stacks) == 4
    np.testing.assert_array_equal(pixels(stacks[3]), data[1, 1])


def test_axes_without_types_and_axes_of_early_versions_are_known(write, tmp_path):
    data = write.noise(1, 2, 3, 20, 30)
    early = write.zarr(tmp_path / "early.zarr", data, "TCZYX")
    image = early.attrs["multiscales"][0]
    for axes, letters in ((None, "TCZYX"), (["t", "c", "z", "y", "x"], "TCZYX")):
        image.pop("axes", None)
        image |= {"axes": axes} if axes else {}
        early.attrs["multiscales"] = [image]
        (stack,) = find_stacks([tmp_path / "early.zarr"])
        assert (stack.axes, stack.shape) == (letters, data.shape)


def test_scales_of_image_and_level_are_multiplied(write, tmp_path):
    group = write.zarr(tmp_path / "scaled.zarr", write.noise(3, 20, 30), "ZYX")
    image = group.attrs["multiscales"][0]
    image["coordinateTransformations"] = [{"type": "scale", "scale": [3.0, 1.0, 1.0]}]
    group.attrs["multiscales"] = [image]

    assert find_stacks([tmp_path / "scaled.zarr"])[0].scale == (6.0, 0.5, 0.25)


@pytest.mark.parametrize(
    ("axes", "shape", "layer_type"),
    [("ZYXS", (3, 40, 50, 3), "image"), ("CYX", (3, 40, 50), "image"), ("YX", (40, 50), "labels")],
)
def test_a_result_is_read_as_it_was_written(write, tmp_path, axes, shape, layer_type):
    data, path = write.noise(*shape, dtype="uint8"), tmp_path / "fused.ome.zarr"
    letters = axes.removesuffix("S")
    form = ResultForm(
        shape=shape,
        dtype=data.dtype,
        axes=axes,
        scale=tuple({"Z": 2.0, "Y": 0.5, "X": 0.25}.get(axis, 1.0) for axis in letters),
        units=tuple("pixel" if axis == "C" else "um" for axis in letters),
        layer_type=layer_type,
    )
    with result_file(path, form) as result:
        for at in np.ndindex(*shape[: axes.index("Y")]):
            result.write(data[at], at=dict(zip(axes, at, strict=False)))
        result.record = {"software": "napari-focusstack"}

    (stack,) = find_stacks([path])

    assert (stack.axes, stack.scale, stack.units) == (axes, form.scale, form.units)
    assert stack.labels == (layer_type == "labels")
    assert stack.record == read_record(path) == {"software": "napari-focusstack"}
    np.testing.assert_array_equal(pixels(stack), data)


def test_what_is_no_image_is_named(write, tmp_path):
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    with pytest.raises(InputError, match=r"empty\.zarr holds no OME-Zarr image; give the folder"):
        find_stacks([tmp_path / "empty.zarr"])
    zarr.create_array(tmp_path / "array.zarr", data=write.noise(3, 20, 30))
    with pytest.raises(InputError, match="is a Zarr array without OME-NGFF metadata; give the"):
        find_stacks([tmp_path / "array.zarr"])
