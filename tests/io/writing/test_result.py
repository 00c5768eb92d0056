"""Streamed results: any order of rectangles makes the image, with all its metadata, or nothing."""

import sys

import numpy as np
import pytest
import tifffile

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import Channel
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_header import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.io.writing import result_tiff, result_zarr
from napari_focusstack.io.writing.result import ResultForm
from napari_focusstack.io.writing.result_file import result_file
from napari_focusstack.provenance import record

NOISE = np.random.default_rng(0)
CHANNELS = (Channel("DAPI", (0, 0, 1)), Channel("GFP", (0, 1, 0)), Channel("red", (1, 0, 0)))


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def form_of(data, axes, **more):
    scale = {"T": (30.0, "s"), "C": (1.0, "pixel"), "Z": (2.0, "um"), "Y": (0.5, "um")}
    known = [scale.get(axis, (0.25, "um")) for axis in axes if axis != "S"]
    return ResultForm(
        shape=data.shape,
        dtype=data.dtype,
        axes=axes,
        scale=tuple(step for step, _ in known),
        units=tuple(unit for _, unit in known),
        **more,
    )


def write(path, data, form, made=None, *, side=40):
    """Write data in rectangles in random order."""
    leading = data.shape[: len(form.leading)]
    places = [
        (index, top, left)
        for index in np.ndindex(leading)
        for top in range(0, form.plane_shape[0], side)
        for left in range(0, form.plane_shape[1], side)
    ]
    with result_file(path, form) as result:
        for number in NOISE.permutation(len(places)):
            index, top, left = places[number]
            part = np.s_[top : top + side, left : left + side]
            result.write(data[index][part], part, dict(zip(form.leading, index, strict=True)))
        result.record = made


@pytest.fixture
def small_tiles(monkeypatch):
    for module in (result_tiff, result_zarr):
        monkeypatch.setattr(module, "TILE_PX", 32)
    monkeypatch.setattr(result_tiff, "MAX_STRIP_PIXELS", 32 * 32)


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
def test_a_tiff_written_in_any_order_is_the_image(tmp_path, small_tiles, axes, shape, dtype):
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


def test_a_plain_tiff_is_read_as_one_image_with_its_record(tmp_path):
    data, path = noise(30, 50), tmp_path / "fused.tif"
    made = record({"specimen": "Käfer", "psf": 2.0}, weights={"fsb": "0f"})

    write(path, data, form_of(data, "YX"), made)

    assert read_record(path) == made
    np.testing.assert_array_equal(read_image(path), data)


def test_a_plane_of_up_to_four_megapixels_is_in_strips_for_fiji_has_no_tiles(tmp_path):
    data, path = noise(700, 600), tmp_path / "fused.tif"

    write(path, data, form_of(data, "YX"), side=256)

    with tifffile.TiffFile(path) as tiff:
        assert not tiff.pages.first.is_tiled
        np.testing.assert_array_equal(tiff.asarray(), data)


@pytest.mark.parametrize(("axes", "shape"), [("YX", (70, 101)), ("CYXS", (1, 70, 101, 3))])
def test_a_png_written_in_any_order_is_the_image_with_its_record(tmp_path, axes, shape):
    data, path, made = noise(*shape), tmp_path / "fused.png", record({"psf": 2.0}, weights={})

    write(path, data, form_of(data, axes), made)

    np.testing.assert_array_equal(read_image(path), data.reshape(shape[axes.index("Y") :]))
    assert read_record(path) == made


@pytest.mark.parametrize(
    ("axes", "dtype", "said"), [("TYX", "uint8", "the axes TYX"), ("YX", "float32", "float32")]
)
def test_what_no_png_can_hold_is_refused(tmp_path, axes, dtype, said):
    data = noise(*(2, 30, 50)[-len(axes) :], dtype=dtype)
    with pytest.raises(InputError, match=f"cannot hold {said}; use .tif"):
        write(tmp_path / "fused.png", data, form_of(data, axes))
    assert list(tmp_path.iterdir()) == []


def test_labels_come_back_as_labels(tmp_path):
    data, path = noise(30, 50, dtype="uint8"), tmp_path / "labels.tif"

    write(path, data, form_of(data, "YX", layer_type="labels"))

    (stack,) = find_stacks([path])
    assert stack.labels
    np.testing.assert_array_equal(pixels(stack), data)


def test_offsets_have_64_bits_where_they_must(tmp_path, monkeypatch):
    data = noise(30, 50)
    for most, big in ((data.nbytes, False), (data.nbytes - 1, True)):
        monkeypatch.setattr(result_tiff, "MAX_CLASSIC_BYTES", most)
        write(tmp_path / "fused.tif", data, form_of(data, "YX"))
        with tifffile.TiffFile(tmp_path / "fused.tif") as tiff:
            assert tiff.is_bigtiff is big
            np.testing.assert_array_equal(tiff.asarray(), data)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("YX", (70, 101)),
        ("YXS", (70, 101, 3)),
        ("CTYX", (3, 2, 70, 101)),
        ("TYXS", (2, 70, 101, 3)),
    ],
)
def test_a_zarr_written_in_any_order_is_the_image_in_the_order_of_ngff(
    tmp_path, small_tiles, axes, shape
):
    zarr = pytest.importorskip("zarr")
    data, path = noise(*shape), tmp_path / "fused.ome.zarr"
    form = form_of(data, axes, channels=CHANNELS if "C" in axes else ())
    made = record({"psf": 2.0}, weights={})

    write(path, data, form, made)

    group = zarr.open_group(path, mode="r")
    stored = axes.replace("S", "C")
    order = [stored.index(axis) for axis in "TCZYX" if axis in stored]
    np.testing.assert_array_equal(group["0"][:], data.transpose(order))
    assert group.metadata.zarr_format == 3
    assert group.attrs["napari-focusstack"]["record"] == made
    told = group.attrs["ome"]
    (image,) = told["multiscales"]
    assert (told["version"], image["name"]) == ("0.5", "fused")
    units = {"t": "second", "y": "micrometer", "x": "micrometer"}
    assert {axis["name"]: axis.get("unit") for axis in image["axes"]} == {
        axis: units.get(axis) for axis in "tcyx" if axis.upper() in stored
    }
    assert [axis["type"] for axis in image["axes"]][-2:] == ["space", "space"]
    assert group["0"].chunks[-2:] == (32, 32)
    (level,) = image["datasets"]
    assert group[level["path"]].shape == tuple(data.shape[axis] for axis in order)
    (transformation,) = level["coordinateTransformations"]
    assert transformation["scale"][-2:] == [0.5, 0.25]
    if "C" in axes:
        assert [one["color"] for one in told["omero"]["channels"]] == ["0000FF", "00FF00", "FF0000"]
        assert told["omero"]["channels"][1]["label"] == "GFP"
        window = told["omero"]["channels"][2]["window"]
        assert (window["start"], window["end"]) == (data[2].min(), data[2].max())
    assert [one.name for one in tmp_path.iterdir()] == ["fused.ome.zarr"]


def test_an_older_zarr_is_replaced_and_another_folder_never(tmp_path):
    zarr = pytest.importorskip("zarr")
    data, path = noise(30, 50), tmp_path / "fused.zarr"
    write(path, data, form_of(data, "YX"))
    write(path, data + 1, form_of(data, "YX"))
    np.testing.assert_array_equal(zarr.open_group(path, mode="r")["0"][:], data + 1)

    photos = tmp_path / "photos.zarr"
    photos.mkdir()
    (photos / "dear.txt").touch()
    with pytest.raises(InputError, match="is there and no Zarr group; choose another name"):
        write(photos, data, form_of(data, "YX"))
    assert (photos / "dear.txt").exists()


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("plane 4 of 5"), ValueError])
def test_an_error_keeps_the_older_result_and_leaves_nothing_else(tmp_path, suffix, error):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    data, path = noise(2, 30, 50), tmp_path / f"fused{suffix}"
    form = form_of(data, "CYX")
    write(path, data, form)

    def interrupted():
        with result_file(path, form) as result:
            result.write(data[0], at={"C": 0})
            raise error

    with pytest.raises(error if isinstance(error, type) else InputError):
        interrupted()

    assert list(tmp_path.iterdir()) == [path]
    if suffix == ".tif":
        np.testing.assert_array_equal(tifffile.imread(path), data)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".zarr"])
def test_missing_pixels_are_a_mistake_not_a_result(tmp_path, suffix):
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    data, path = noise(30, 50), tmp_path / f"fused{suffix}"

    def lacking():
        with result_file(path, form_of(data, "YX")) as result:
            result.write(data[:29], np.s_[:29, :])

    with pytest.raises(ValueError, match=r"lacks pixels|50 values were not written"):
        lacking()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_a_full_disk_gives_one_line_and_leaves_nothing(tmp_path, suffix):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix feature")
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    data, path = NOISE.integers(0, 2**16, (4, 64, 64), np.uint16), tmp_path / f"fused{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Less than all planes in a file; less than a chunk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000 if suffix == ".tif" else 5000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"cannot write .*too large.*free space") as raised:
            write(path, data, form_of(data, "ZYX"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.jpg", r"'\.jpg'; use \.tif, \.tiff, \.png, \.zarr"), ("gone/out.tif", "does not exist"),
     ("gone/out.zarr", "does not exist")],
)  # fmt: skip
def test_a_name_that_cannot_be_written_is_found_at_the_start(tmp_path, name, message):
    data = noise(30, 50)
    with pytest.raises(InputError, match=message):
        write(tmp_path / name, data, form_of(data, "YX"))


@pytest.mark.parametrize(("axes", "dtype"), [("QYX", "uint8"), ("TXY", "uint8"), ("TYX", "int64")])
def test_what_no_file_can_hold_is_refused(axes, dtype):
    with pytest.raises(InputError, match=f"{axes}|{dtype}"):
        form_of(noise(2, 30, 50, dtype=dtype), axes)


def test_without_zarr_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match=r"needs the package zarr 3; pip install"):
        write(tmp_path / "out.zarr", noise(30, 50), form_of(noise(30, 50), "YX"))
