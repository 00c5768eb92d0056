"""Layers of napari as files: what they keep, and what cannot be written."""

import json
from itertools import product

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.layers import Image, Labels
from npe2 import PluginManager
from PIL import Image as Picture

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.plugin.reader import get_reader
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


def made(data, kind=Image, **attributes):
    """A napari layer as its writer is given it: path apart, data and attributes."""
    layer = kind(data, **attributes)
    return layer.as_layer_data_tuple()[:2]


UM = {"scale": (2.0, 0.65, 0.325), "units": ("um", "um", "um"), "axis_labels": ("z", "y", "x")}
RESULT = {"metadata": {"focusstack": {"record": RECORD}}}


@pytest.mark.parametrize("name", ["out.tif", "out.tiff", "out.ome.tif"])
def test_stack_keeps_pixels_scale_units_and_record(tmp_path, name):
    dtypes = ("uint8", "uint16", "int16", "int32", "float32", "float64")
    for dtype, rgb in product(dtypes, (False, True)):
        path, case = tmp_path / name, f"{dtype}, rgb {rgb}"
        data = noise(5, 32, 48, *([3] * rgb), dtype=dtype)
        if rgb and data.dtype.kind == "f":
            data /= 250

        assert write_layer(str(path), *made(data, rgb=rgb, **UM, **RESULT)) == [str(path)]
        pixels, meta, layer_type = only(path)

        assert (pixels.dtype, layer_type, meta["rgb"]) == (dtype, "image", rgb)
        np.testing.assert_array_equal(pixels, data, case)
        assert meta["scale"] == (2.0, 0.65, 0.325), case
        assert meta["units"] == ("um", "um", "um"), case
        assert meta["axis_labels"] == ("z", "y", "x"), case
        assert meta["metadata"]["focusstack"]["record"] == RECORD, case
        assert read_record(path) == RECORD, case
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


def test_an_image_layer_of_photos_keeps_their_metadata(tmp_path, viewer):
    exif = Picture.Exif()
    exif[271] = "MAKER"
    for number in range(2):
        plane = noise(48, 64, 3, dtype="uint8")
        Picture.fromarray(plane).save(tmp_path / f"p{number}.jpg", exif=exif)
    (layer,) = viewer.open(tmp_path, plugin=PLUGIN)

    layer.save(str(tmp_path / "stack.tif"), plugin=PLUGIN)

    with tifffile.TiffFile(tmp_path / "stack.tif") as tiff:
        assert tiff.pages.first.tags["Make"].value == "MAKER"
        np.testing.assert_array_equal(tiff.asarray(), layer.data)
