"""What the plugin's manifest names: what is claimed, what layers carry, what files keep of them."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from dask.array import Array
from napari.components import ViewerModel
from napari.layers import Image, Labels
from npe2 import PluginManager
from PIL import Image as Picture

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_header import find_stacks
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.plugin.reader import get_reader, read_layers
from napari_focusstack.plugin.writer import write_layer, write_mesh
from napari_focusstack.provenance import record
from napari_focusstack.surface.napari_mesh import napari_surface
from napari_focusstack.surface.triangulation import surface_of

NOISE = np.random.default_rng(0)
PLUGIN = "napari-focusstack"
RECORD = record({"sigma_px": 4.25, "specimen": "Käfer"}, weights={"fsb": "0f"})


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def read(path):
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


def only(path):
    (layer,) = read(path)
    return layer


@pytest.fixture
def viewer():
    PluginManager.instance().discover()
    return ViewerModel()


def write_hyperstack(path, *shape, axes, **options):
    data = noise(*shape)
    meta = {"axes": axes, "spacing": 2.0, "unit": "um", **options}
    tifffile.imwrite(path, data, imagej=True, metadata=meta, resolution=(1 / 0.65, 1 / 0.65))
    return data


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "TZCYX", "QYX"])
def test_stack_is_claimed(tmp_path, axes):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(*(5,) * (len(axes) - 2), 8, 9), metadata={"axes": axes})

    assert get_reader(str(path)) is read_layers
    assert get_reader([str(path)]) is read_layers


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((8, 9), {}),
        ((8, 9, 3), {"photometric": "rgb"}),
        ((8, 9), {"metadata": None}),
        ((2, 8, 9), {"metadata": {"axes": "CYX"}}),
        ((1, 8, 9), {"metadata": {"axes": "ZYX"}}),
    ],
    ids=str,
)
def test_single_image_is_left_to_napari(tmp_path, shape, options):
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, noise(*shape), **options)

    assert get_reader(str(path)) is None


def test_pyramid_of_one_plane_is_left_to_napari(tmp_path):
    path = tmp_path / "pyramid.ome.tif"
    data = noise(64, 64)
    with tifffile.TiffWriter(path) as writer:
        writer.write(data, subifds=1, metadata={"axes": "YX"})
        writer.write(data[::2, ::2], subfiletype=1)

    assert get_reader(str(path)) is None


def test_fused_image_of_the_command_is_left_to_napari(tmp_path):
    write_image(tmp_path / "out.tif", noise(8, 9), record=RECORD)

    assert get_reader(str(tmp_path / "out.tif")) is None


@pytest.mark.parametrize("name", ["none.tif", "none", "text.tif", "text.txt"])
def test_what_is_no_image_is_left_to_napari(tmp_path, name):
    for text in ("text.tif", "text.txt"):
        (tmp_path / text).write_text("a letter, not a picture")

    assert get_reader(str(tmp_path / name)) is None


def test_folder_and_list_of_images_of_one_size_are_claimed(tmp_path):
    paths = [str(tmp_path / f"z{z}.tif") for z in (1, 2, 3)]
    for path in paths:
        tifffile.imwrite(path, noise(8, 9))

    assert get_reader(str(tmp_path)) is read_layers
    assert get_reader(paths) is read_layers


def test_folder_of_mixed_sizes_is_left_to_napari(tmp_path):
    tifffile.imwrite(tmp_path / "z1.tif", noise(8, 9))
    tifffile.imwrite(tmp_path / "z2.tif", noise(8, 10))

    assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize("count", [0, 1])
def test_folder_without_two_images_is_left_to_napari(tmp_path, count):
    for z in range(count):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, 9))

    assert get_reader(str(tmp_path)) is None


def test_folder_of_stacks_is_left_to_napari(tmp_path):
    for z in (1, 2):
        write_hyperstack(tmp_path / f"stack{z}.tif", 5, 8, 9, axes="ZYX")

    assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize("cut", [0.02, 0.4, 0.9])
def test_damaged_stack_is_claimed_to_say_what_is_wrong(tmp_path, cut):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 48, 64), metadata=None, compression="zlib")
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])

    with pytest.raises(InputError, match="cut short or damaged"):
        read(path)


def test_nothing_but_headers_is_read(tmp_path, monkeypatch):
    write_hyperstack(tmp_path / "stack.tif", 5, 8, 9, axes="ZYX")
    for z in (1, 2):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, 9))

    def refuse(*args, **kwargs):
        raise AssertionError("pixels were read")

    for kind in (tifffile.TiffPage, tifffile.TiffPageSeries):
        monkeypatch.setattr(kind, "asarray", refuse)

    assert get_reader(str(tmp_path / "stack.tif")) is read_layers
    assert get_reader([str(tmp_path / f"z{z}.tif") for z in (1, 2)]) is read_layers


def test_big_file_comes_lazily(tmp_path, monkeypatch):
    path = tmp_path / "stack.tif"
    data = write_hyperstack(path, 5, 2, 32, 48, axes="ZCYX")
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 1000)

    for channel, (pixels, _, _) in enumerate(read(path)):
        assert isinstance(pixels, Array)
        np.testing.assert_array_equal(pixels.compute(), data[:, channel])


def test_first_stack_among_several_series_is_read(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(noise(8, 9), metadata={"axes": "YX"})
        writer.write(noise(5, 8, 9), metadata={"axes": "ZYX"})

    assert only(path)[0].shape == (5, 8, 9)


def test_folder_with_a_plane_of_another_size_is_refused_by_name(tmp_path):
    for z, width in ((1, 9), (2, 10), (3, 9)):
        tifffile.imwrite(tmp_path / f"z{z}.tif", noise(8, width))

    with pytest.raises(InputError, match=r"z2\.tif"):
        read(tmp_path)


def test_napari_opens_a_stack_with_its_units(tmp_path, viewer):
    path = tmp_path / "stack.tif"
    data = write_hyperstack(path, 5, 2, 32, 48, axes="ZCYX")

    first, second = viewer.open(str(path), plugin=PLUGIN)

    np.testing.assert_array_equal(second.data, data[:, 1])
    assert first.scale == pytest.approx((2.0, 0.65, 0.65))
    assert [str(unit) for unit in first.units] == ["micrometer"] * 3
    assert first.axis_labels == ("z", "y", "x")
    assert viewer.layers.extent.units is not None


def test_napari_opens_images_and_folders_as_one_stack(tmp_path, viewer):
    for z in (1, 2, 10):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.full((8, 9), z, np.uint8))
    paths = [str(tmp_path / f"z{z}.tif") for z in (10, 1, 2)]

    (folder,) = viewer.open(str(tmp_path), plugin=PLUGIN)
    (images,) = viewer.open(paths, stack=True, plugin=PLUGIN)

    for layer in (folder, images):
        assert layer.data[:, 0, 0].tolist() == [1, 2, 10]


def made(data, kind=Image, **attributes):
    """A napari layer as its writer is given it: path apart, data and attributes."""
    layer = kind(data, **attributes)
    return layer.as_layer_data_tuple()[:2]


UM = {"scale": (2.0, 0.65, 0.325), "units": ("um", "um", "um"), "axis_labels": ("z", "y", "x")}
RESULT = {"metadata": {"focusstack": {"record": RECORD}}}


@pytest.mark.parametrize("name", ["out.tif", "out.tiff", "out.ome.tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("rgb", [False, True], ids=["grey", "rgb"])
def test_stack_keeps_pixels_scale_units_and_record(tmp_path, name, dtype, rgb):
    path = tmp_path / name
    data = noise(5, 32, 48, *([3] * rgb), dtype=dtype)
    if rgb and data.dtype.kind == "f":
        data /= 250

    assert write_layer(str(path), *made(data, rgb=rgb, **UM, **RESULT)) == [str(path)]
    pixels, meta, layer_type = only(path)

    assert (pixels.dtype, layer_type, meta["rgb"]) == (dtype, "image", rgb)
    np.testing.assert_array_equal(pixels, data)
    assert meta["scale"] == (2.0, 0.65, 0.325)
    assert meta["units"] == ("um", "um", "um")
    assert meta["axis_labels"] == ("z", "y", "x")
    assert meta["metadata"]["focusstack"]["record"] == RECORD
    assert read_record(path) == RECORD
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
def test_fused_image_is_read_again_with_all_it_had(tmp_path, name):
    path = tmp_path / name
    data = noise(32, 48, 3, dtype="uint8")
    flat = {"scale": (0.65, 0.65), "units": ("um", "um"), "axis_labels": ("y", "x")}

    write_layer(str(path), *made(data, rgb=True, **flat, **RESULT))
    pixels, meta, _ = only(path)

    np.testing.assert_array_equal(pixels, data)
    assert (meta["scale"], meta["units"]) == ((0.65, 0.65), ("um", "um"))
    assert meta["metadata"]["focusstack"] == {"path": str(path), "record": RECORD}


@pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64"])
def test_labels_are_read_again_as_labels(tmp_path, name, dtype):
    path = tmp_path / name
    data = np.arange(20, dtype=dtype).reshape(4, 5)

    write_layer(str(path), *made(data, Labels, scale=(0.5, 0.5), units=("um", "um")))
    pixels, meta, layer_type = only(path)

    assert layer_type == "labels"
    assert pixels.dtype == ("int32" if dtype == "int64" else dtype)
    np.testing.assert_array_equal(pixels, data)
    np.testing.assert_array_equal(Labels(pixels, **meta).data, data)
    np.testing.assert_array_equal(tifffile.imread(path), data)


def test_labels_beyond_32_bits_are_kept(tmp_path):
    data = np.array([[0, 2**40], [1, 2]])

    write_layer(str(tmp_path / "out.tif"), *made(data, Labels))

    np.testing.assert_array_equal(only(tmp_path / "out.tif")[0], data)


def test_mask_is_written_as_0_and_1(tmp_path):
    write_layer(str(tmp_path / "out.tif"), *made(np.eye(8, dtype=bool)))

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), np.eye(8))


def test_imagej_finds_its_axes_and_calibration(tmp_path):
    path = tmp_path / "out.tif"
    data = noise(5, 2, 32, 48)
    labels = {"axis_labels": ("z", "t", "y", "x"), "scale": (2, 30, 0.65, 0.65)}

    write_layer(str(path), *made(data, units=("um", "s", "um", "um"), **labels))

    with tifffile.TiffFile(path) as tiff:
        meta = tiff.imagej_metadata
        assert (meta["slices"], meta["frames"]) == (5, 2)
        assert (meta["spacing"], meta["finterval"], meta["unit"]) == (2.0, 30.0, "um")
        assert json.loads(meta["Info"])["software"] == PLUGIN
        np.testing.assert_array_equal(tiff.asarray(), data.swapaxes(0, 1))


def test_channels_and_focus_are_known_by_their_names(tmp_path):
    data = np.arange(2 * 3 * 20 * 30, dtype=np.uint16).reshape(3, 2, 20, 30)
    write_layer(str(tmp_path / "out.tif"), *made(data, axis_labels=("focus", "channels", "y", "x")))
    (stack,) = find_stacks([tmp_path / "out.tif"])
    sizes = dict(zip(stack.axes, stack.shape, strict=True))
    assert (sizes["Z"], sizes["C"]) == (3, 2)


def test_axes_without_names_are_depth_then_time(tmp_path):
    data = noise(2, 5, 32, 48)

    write_layer(str(tmp_path / "out.tif"), *made(data))

    assert only(tmp_path / "out.tif")[1]["axis_labels"] == ("t", "z", "y", "x")


def test_finest_level_of_a_pyramid_is_written(tmp_path):
    data = noise(32, 48)

    write_layer(str(tmp_path / "out.tif"), *made([data, data[::2, ::2]], multiscale=True))

    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), data)


class OnDisk:
    """An array that is too large for memory: one plane at a time, please."""

    def __init__(self, data):
        self.data, self.shape, self.ndim, self.dtype = data, data.shape, data.ndim, data.dtype

    def __getitem__(self, index):
        assert len(index) >= self.ndim - 2
        return self.data[index]

    def __array__(self, *args, **options):
        raise AssertionError("all of it was asked for")


@pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
@pytest.mark.parametrize("kind", ["image", "labels"])
def test_lazy_layers_are_written_plane_by_plane(tmp_path, name, kind):
    # ImageJ stores time before depth
    data = np.arange(5 * 2 * 32 * 48).reshape(5, 2, 32, 48).astype("u2" if kind == "image" else int)
    attributes = {"axis_labels": ("z", "t", "y", "x")}
    if kind == "labels":
        attributes["features"] = {}

    write_layer(str(tmp_path / name), OnDisk(data), attributes)
    pixels, meta, layer_type = only(tmp_path / name)

    assert layer_type == kind
    order = [meta["axis_labels"].index(axis) for axis in "ztyx"]
    np.testing.assert_array_equal(np.transpose(pixels, order), data)


def test_damage_in_a_lazy_layer_is_said_and_nothing_is_written(tmp_path, monkeypatch):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 32, 48), imagej=True, metadata={"axes": "ZYX"})
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 0)
    data, meta, _ = only(path)
    path.unlink()

    with pytest.raises(OSError, match=r"stack\.tif"):
        write_layer(str(tmp_path / "out.tif"), data, meta)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_layers_come_back_to_their_place(tmp_path, viewer, name, dtype):
    path = str(tmp_path / name)
    layer = viewer.add_image(noise(5, 32, 48, dtype=dtype), **UM, translate=(4.0, -1.3, 0.7))

    layer.save(path, plugin=PLUGIN)
    (again,) = viewer.open(path, plugin=PLUGIN)

    np.testing.assert_array_equal(again.translate, layer.translate)
    np.testing.assert_array_equal(again.extent.world, layer.extent.world)


def test_layer_without_units_has_pixels(tmp_path):
    write_layer(str(tmp_path / "out.tif"), noise(5, 32, 48), {})

    meta = only(tmp_path / "out.tif")[1]
    assert (meta["units"], meta["scale"]) == (("pixel",) * 3, (1.0,) * 3)


def test_result_without_a_record_says_so(tmp_path):
    write_layer(str(tmp_path / "out.tif"), noise(32, 48), {})

    with pytest.raises(InputError, match="no record"):
        read_record(tmp_path / "out.tif")


@pytest.mark.parametrize(
    ("name", "dtype", "message"),
    [
        ("out.ome.tif", "float16", r"cannot hold float16 \(8, 9\)"),
        ("out.png", "uint8", "suffix '.png'"),
        ("none/out.tif", "uint8", "does not exist"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, name, dtype, message):
    with pytest.raises(OSError, match=message):
        write_layer(str(tmp_path / name), np.zeros((8, 9), dtype), {})

    assert list(tmp_path.iterdir()) == []


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out.tif"
    path.write_text("older result")

    def full_disk(path, *args, **kwargs):
        path.write_bytes(b"the first half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_layer(str(path), noise(32, 48), {})

    assert path.read_text() == "older result"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["image", "labels"])
def test_napari_saves_and_opens_with_nothing_lost(tmp_path, viewer, kind):
    path = str(tmp_path / "out.tif")
    data = noise(5, 32, 48)
    add = viewer.add_image if kind == "image" else viewer.add_labels
    layer = add(data, **UM, **RESULT)

    assert viewer.layers.save(path, plugin=PLUGIN) == [path]
    (again,) = viewer.open(path, plugin=PLUGIN)

    assert type(again) is type(layer)
    np.testing.assert_array_equal(again.data, data)
    assert again.scale == pytest.approx(layer.scale)
    assert again.units == layer.units
    assert again.metadata["focusstack"]["record"] == RECORD


SERIES = {
    "scale": (30.0, 10.0, 0.65, 0.325),
    "units": ("s", "um", "um", "um"),
    "axis_labels": ("t", "z", "y", "x"),
    "translate": (60.0, 4.0, -1.3, 0.7),
}


@pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
@pytest.mark.parametrize("shape", [(3, 1, 32, 48), (1, 1, 32, 48), (1, 5, 32, 48)], ids=str)
@pytest.mark.parametrize("kind", ["image", "labels", "labels of 32 bits"])
def test_axes_of_one_slice_come_back(tmp_path, viewer, name, shape, kind):
    path = str(tmp_path / name)
    data = noise(*shape, dtype="int32" if kind.endswith("bits") else "uint16")
    layer = (viewer.add_image if kind == "image" else viewer.add_labels)(data, **SERIES)

    layer.save(path, plugin=PLUGIN)
    (again,) = viewer.open(path, plugin=PLUGIN)

    assert type(again) is type(layer)
    np.testing.assert_array_equal(again.data, data)
    assert again.axis_labels == layer.axis_labels
    assert again.units == layer.units
    np.testing.assert_array_equal(again.scale, layer.scale)
    np.testing.assert_array_equal(again.translate, layer.translate)


def test_colours_of_a_series_come_back_beside_its_stack(tmp_path):
    path = tmp_path / "out.tif"
    data = noise(3, 1, 32, 48, 3, dtype="uint8")

    write_layer(str(path), *made(data, rgb=True, **SERIES))
    pixels, meta, _ = only(path)

    np.testing.assert_array_equal(pixels, data)
    assert (meta["rgb"], meta["axis_labels"]) == (True, ("t", "z", "y", "x"))


def test_time_of_a_fused_series_is_not_taken_for_focus(tmp_path):
    path = tmp_path / "out.tif"

    write_layer(str(path), *made(noise(3, 1, 32, 48), **SERIES))

    assert only(path)[1]["metadata"]["focusstack"] == {"path": str(path)}


def test_axes_come_back_in_their_order(tmp_path):
    path = tmp_path / "out.tif"
    data = noise(5, 2, 32, 48)  # ImageJ stores time before depth
    attributes = {"axis_labels": ("z", "t", "y", "x"), "scale": (2.0, 30.0, 0.65, 0.65)}

    write_layer(str(path), *made(data, **attributes))
    pixels, meta, _ = only(path)

    np.testing.assert_array_equal(pixels, data)
    assert (meta["axis_labels"], meta["scale"]) == tuple(attributes.values())
    assert meta["metadata"]["focusstack"]["focus_axis"] == 0


def test_channels_of_a_series_come_back_with_their_slice_along_depth(tmp_path):
    path = tmp_path / "out.tif"
    data = noise(2, 3, 1, 32, 48)

    write_layer(str(path), *made(data, axis_labels=("c", "t", "z", "y", "x")))

    for channel, (pixels, meta, _) in enumerate(read(path)):
        np.testing.assert_array_equal(pixels, data[channel])
        assert meta["axis_labels"] == ("t", "z", "y", "x")


def test_a_layer_of_one_channel_comes_back_without_that_axis(tmp_path):
    data = noise(1, 5, 32, 48)

    write_layer(str(tmp_path / "out.tif"), *made(data, axis_labels=("c", "z", "y", "x")))

    np.testing.assert_array_equal(only(tmp_path / "out.tif")[0], data[0])


def test_large_series_comes_back_lazily(tmp_path, monkeypatch):
    data = noise(3, 1, 32, 48)
    write_layer(str(tmp_path / "out.tif"), *made(data, **SERIES))
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 1000)

    pixels, _, _ = only(tmp_path / "out.tif")

    assert isinstance(pixels, Array)
    np.testing.assert_array_equal(pixels.compute(), data)


def test_layers_of_channels_tell_which_of_the_file_they_are(tmp_path):
    write_hyperstack(tmp_path / "two.tif", 5, 2, 8, 9, axes="ZCYX")
    write_hyperstack(tmp_path / "one.tif", 5, 8, 9, axes="ZYX")

    told = [
        meta["metadata"]["focusstack"].get("channel") for _, meta, _ in read(tmp_path / "two.tif")
    ]
    assert told == [1, 2]
    assert "channel" not in only(tmp_path / "one.tif")[1]["metadata"]["focusstack"]


@pytest.mark.parametrize("by_menu", [False, True], ids=["console", "menu"])
def test_napari_says_why_a_layer_was_not_saved(tmp_path, viewer, by_menu):
    viewer.add_image(np.zeros((8, 9), np.float16), name="half")
    path = str(tmp_path / "out.ome.tif")
    # its menu names the writer that was chosen, its console the plugin
    writer = PluginManager.instance().get_writer(path, ["image"], PLUGIN)[0]
    asked = {"_writer": writer} if by_menu else {"plugin": PLUGIN}

    with pytest.raises(OSError, match=r"out\.ome\.tif cannot hold float16 .* use \.tif"):
        viewer.layers.save(path, **asked)

    assert list(tmp_path.iterdir()) == []


def test_napari_says_why_a_surface_was_not_saved(tmp_path, viewer):
    data = np.zeros((3, 3), np.float32), np.array([[0, 1, 2]]), np.ones(3, np.float32)
    layer = viewer.add_surface(data)

    with pytest.raises(OSError, match="needs a texture"):
        layer.save(str(tmp_path / "plain.obj"), plugin=PLUGIN)


def test_napari_says_why_a_file_was_not_opened(tmp_path, viewer):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(5, 48, 64), metadata=None, compression="zlib")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(InputError, match=r"stack\.tif .*cut short or damaged"):
        viewer.open(str(path), plugin=PLUGIN)


def test_samples_are_layers_that_napari_can_open(viewer):
    PluginManager.instance().discover()
    for key, names in (
        ("pair", ["pair", "truth"]),
        ("stack", ["stack"]),
        ("microscopy", ["microscopy"]),
    ):
        added = viewer.open_sample(PLUGIN, key)

        assert [layer.name for layer in added] == names
        assert added[0].metadata["focusstack"]["focus_axis"] == 0
        assert added[0].axis_labels == ("z", "y", "x")

    pair, truth, stack, microscopy = viewer.layers
    assert pair.data.shape == (2, 384, 512, 3)
    assert truth.data.shape == (384, 512, 3)
    assert (pair.visible, truth.visible) == (True, False)
    assert (stack.data.shape, stack.rgb) == ((8, 384, 512, 3), True)
    assert microscopy.scale == pytest.approx((2.0, 0.65, 0.65))
    assert [str(unit) for unit in microscopy.units] == ["micrometer"] * 3


def test_naming_a_reader_imports_nothing_heavy(tmp_path):
    write_hyperstack(tmp_path / "stack.tif", 5, 8, 9, axes="ZYX")
    heavy = {"torch", "skimage", "scipy", "dask", "napari", "qtpy"}
    code = (
        "import sys; from napari_focusstack.plugin.reader import get_reader;"
        f"get_reader({str(tmp_path / 'stack.tif')!r}); print({heavy!r} & sys.modules.keys())"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "set()"


@pytest.fixture
def surface(viewer):
    """A slope of 6 x 7 px in a viewer, dark left and bright right, that lies somewhere."""
    image = np.repeat(np.linspace(20, 230, 7).astype(np.uint8)[None], 6, 0)
    depth = np.repeat(np.arange(6, dtype=np.float32)[:, None], 7, 1)
    data, look = napari_surface(surface_of(depth, image, (1, 0.5, 0.5), jump=2), image)
    return viewer.add_surface(data, translate=(10, 2, 3), name="slope", **look)


def test_surface_is_saved_as_obj_where_it_lies_with_its_texture(tmp_path, surface):
    assert surface.save(str(tmp_path / "slope.obj"), plugin=PLUGIN)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "slope.mtl",
        "slope.obj",
        "slope.png",
    ]
    lines = (tmp_path / "slope.obj").read_text().splitlines()
    vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    # x to the right, y up, z towards the viewer
    np.testing.assert_allclose(vertices[:, 0], surface.vertices[:, 2] + 3)
    np.testing.assert_allclose(vertices[:, 1], -(surface.vertices[:, 1] + 2))
    np.testing.assert_allclose(vertices[:, 2], -(surface.vertices[:, 0] + 10))
    assert sum(line.startswith("f ") for line in lines) == len(surface.faces)
    texture = np.asarray(Picture.open(tmp_path / "slope.png"))
    np.testing.assert_array_equal(texture, surface.texture)


def test_surface_is_saved_as_ply_with_the_colour_under_each_vertex(tmp_path, viewer, surface):
    path = str(tmp_path / "slope.ply")
    viewer.layers.selection = {surface}
    assert viewer.layers.save(path, selected=True, plugin=PLUGIN) == [path]
    content = (tmp_path / "slope.ply").read_bytes()
    _, body = content.split(b"end_header\n")
    record = np.dtype([("position", "<f4", 3), ("colour", "u1", 3)])
    vertices = np.frombuffer(body, record, count=42)
    column = np.rint((vertices["position"][:, 0] - 3) / 0.5).astype(int)
    grey = np.linspace(20, 230, 7).astype(np.uint8)
    np.testing.assert_array_equal(vertices["colour"], np.repeat(grey[column][:, None], 3, 1))


def test_surface_without_a_texture_is_saved_as_ply_only(tmp_path, viewer):
    vertices = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]], np.float32)
    layer = viewer.add_surface((vertices, np.array([[0, 1, 2]]), np.array([0, 0.5, 1])))
    with pytest.raises(OSError, match="needs a texture"):
        write_mesh(str(tmp_path / "plain.obj"), *layer.as_layer_data_tuple()[:2])
    assert list(tmp_path.iterdir()) == []
    layer.save(str(tmp_path / "plain.ply"), plugin=PLUGIN)
    body = (tmp_path / "plain.ply").read_bytes().split(b"end_header\n")[1]
    colours = np.frombuffer(body, [("position", "<f4", 3), ("colour", "u1", 3)], count=3)["colour"]
    assert colours[:, 0].tolist() == [0, 128, 255]


def test_surface_of_several_time_points_is_refused(tmp_path):
    data = np.zeros((3, 4)), np.array([[0, 1, 2]]), np.ones(3)
    with pytest.raises(OSError, match="one time point"):
        write_mesh(str(tmp_path / "out.ply"), data, {})
