"""Layers that this plugin saved come back as they were: axes, scale, place."""

import numpy as np
import pytest
from dask.array import Array
from napari.components import ViewerModel
from napari.layers import Image
from npe2 import PluginManager

from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.plugin.reader import get_reader
from napari_focusstack.plugin.writer import write_layer

NOISE = np.random.default_rng(0)
PLUGIN = "napari-focusstack"


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


@pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_layers_come_back_to_their_place(tmp_path, viewer, name, dtype):
    path = str(tmp_path / name)
    layer = viewer.add_image(noise(5, 32, 48, dtype=dtype), **UM, translate=(4.0, -1.3, 0.7))

    layer.save(path, plugin=PLUGIN)
    (again,) = viewer.open(path, plugin=PLUGIN)

    np.testing.assert_array_equal(again.translate, layer.translate)
    np.testing.assert_array_equal(again.extent.world, layer.extent.world)


SERIES = {
    "scale": (30.0, 10.0, 0.65, 0.325),
    "units": ("s", "um", "um", "um"),
    "axis_labels": ("t", "z", "y", "x"),
    "translate": (60.0, 4.0, -1.3, 0.7),
}


@pytest.mark.parametrize("kind", ["image", "labels", "labels of 32 bits"])
def test_axes_of_one_slice_come_back(tmp_path, viewer, kind):
    for name, shape in (
        ("out.tif", (3, 1, 32, 48)),
        ("out.tif", (1, 1, 32, 48)),
        ("out.ome.tif", (1, 1, 32, 48)),
        ("out.ome.tif", (1, 5, 32, 48)),
    ):
        path, case = str(tmp_path / name), f"{name}, {shape}"
        data = noise(*shape, dtype="int32" if kind.endswith("bits") else "uint16")
        layer = (viewer.add_image if kind == "image" else viewer.add_labels)(data, **SERIES)

        layer.save(path, plugin=PLUGIN)
        (again,) = viewer.open(path, plugin=PLUGIN)

        assert type(again) is type(layer), case
        np.testing.assert_array_equal(again.data, data, case)
        assert again.axis_labels == layer.axis_labels, case
        assert again.units == layer.units, case
        np.testing.assert_array_equal(again.scale, layer.scale, case)
        np.testing.assert_array_equal(again.translate, layer.translate, case)


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
