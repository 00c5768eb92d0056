"""Focal stacks as layers: what the user chooses of them, and what each layer carries."""

import numpy as np
import pytest
import tifffile
from napari.layers import Image

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.plugin.layer_data import Choice, choose, layers_of

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


def read(path):
    (stack,) = find_stacks([path])
    return layers_of(stack, pixels(stack))


def test_hyperstack_becomes_a_layer_per_channel(tmp_path):
    path = tmp_path / "hyper.tif"
    data = noise(2, 5, 3, 32, 48)
    meta = {"axes": "TZCYX", "spacing": 2.0, "unit": "um", "finterval": 30.0}
    tifffile.imwrite(path, data, imagej=True, metadata=meta, resolution=(1 / 0.65, 1 / 0.65))

    found = read(path)

    assert [meta["name"] for _, meta, _ in found] == [f"hyper channel {c}" for c in (1, 2, 3)]
    assert [meta["colormap"] for _, meta, _ in found] == ["red", "green", "blue"]
    for channel, (part, meta, layer_type) in enumerate(found):
        np.testing.assert_array_equal(part, data[:, :, channel])
        assert layer_type == "image"
        assert meta["scale"] == (30.0, 2.0, 0.65, 0.65)
        assert meta["units"] == ("s", "um", "um", "um")
        assert meta["axis_labels"] == ("t", "z", "y", "x")
        assert meta["rgb"] is False
        assert meta["metadata"]["focusstack"] == {
            "path": str(path),
            "focus_axis": 1,
            "z_step": 2.0,
            "unit": "um",
        }


def test_channel_names_and_colours_of_ome_are_kept(tmp_path):
    path = tmp_path / "stack.ome.tif"
    orange = 0xFF8000FF - (1 << 32)
    channel = {"Name": ["DAPI", "Cy3", "grey"], "Color": [0x0000FFFF, orange, -1]}
    tifffile.imwrite(path, noise(3, 5, 8, 9), metadata={"axes": "CZYX", "Channel": channel})

    dapi, cy3, grey = (meta for _, meta, _ in read(path))

    assert (dapi["name"], dapi["colormap"], dapi["blending"]) == ("stack DAPI", "blue", "additive")
    assert (cy3["name"], cy3["colormap"]) == ("stack Cy3", ((0, 0, 0), (1, 128 / 255, 0)))
    assert grey["colormap"] == "gray"
    assert Image(np.zeros((5, 8, 9)), **cy3).colormap.colors[-1][:3] == pytest.approx(
        (1, 128 / 255, 0)
    )


def test_rgb_stack_has_one_entry_of_scale_less_than_axes(tmp_path):
    path = tmp_path / "stack.tif"
    data = noise(5, 32, 48, 3, dtype="uint8")
    tifffile.imwrite(path, data, imagej=True, metadata={"axes": "ZYXS"})

    ((part, meta, _),) = read(path)

    assert part.shape == data.shape
    assert (meta["rgb"], meta["scale"]) == (True, (1.0, 1.0, 1.0))
    assert meta["axis_labels"] == ("z", "y", "x")
    assert meta["units"] == ("pixel",) * 3


def stack_with(tmp_path, axes="TCZYX", shape=(6, 2, 3, 8, 9)):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, noise(*shape), ome=True, metadata={"axes": axes})
    (stack,) = find_stacks([path])
    return stack, pixels(stack)


def test_focus_comes_first_and_the_rest_follows(tmp_path):
    stack, data = stack_with(tmp_path)
    choice = Choice(focus="T", near="last", planes=(1, 4), z_step=0.5, unit="um")

    chosen, planes = choose(stack, data, choice)

    assert chosen.axes == "ZCQYX"  # what was called Z is not focus
    assert chosen.scale[0] == 0.5
    np.testing.assert_array_equal(planes, data[1:5])
    for channel, (part, meta, _) in enumerate(layers_of(chosen, planes, choice.near)):
        np.testing.assert_array_equal(part, data[1:5, channel])
        told = meta["metadata"]["focusstack"]
        assert (told["focus_axis"], told["near"], told["z_step"]) == (0, "last", 0.5)


def test_one_channel_makes_one_layer(tmp_path):
    stack, data = stack_with(tmp_path)

    chosen, planes = choose(stack, data, Choice(focus="Z", channel=1))
    ((part, meta, _),) = layers_of(chosen, planes)

    np.testing.assert_array_equal(part, np.moveaxis(data[:, 1], 1, 0))
    assert meta["axis_labels"] == ("z", "t", "y", "x")


def test_channels_may_be_the_planes(tmp_path):
    stack, data = stack_with(tmp_path, "CYX", (5, 8, 9))

    ((part, meta, _),) = layers_of(*choose(stack, data, Choice(focus="C", channel=1)))

    np.testing.assert_array_equal(part, data)
    assert meta["axis_labels"] == ("z", "y", "x")


def test_planes_that_are_stored_last_may_be_the_planes(tmp_path):
    stack, data = stack_with(tmp_path, "QYX", (12, 8, 9))

    ((part, meta, _),) = layers_of(*choose(stack, data, Choice(focus="X")))

    np.testing.assert_array_equal(part, data.transpose(2, 0, 1))
    assert meta["axis_labels"] == ("z", "y", "x")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(focus="Z", z_step=0), "z step is 0"),
        (Choice(focus="Z", planes=(2, 3)), "no planes 3 to 4 of 3"),
    ],
)
def test_impossible_choice_is_refused(tmp_path, choice, message):
    with pytest.raises(InputError, match=message):
        choose(*stack_with(tmp_path), choice)


def test_unequal_steps_go_with_the_layer_as_far_as_its_planes_are_chosen(tmp_path):
    path, places = tmp_path / "uneven.ome.tif", [0.0, 1.0, 2.0, 2.0, 6.0]
    about = {"axes": "ZYX", "PhysicalSizeZ": 1.5, "Plane": {"PositionZ": places}}
    tifffile.imwrite(path, noise(5, 16, 16), metadata=about)
    (stack,) = find_stacks([path])

    def positions(**chosen):
        chosen = Choice(focus="Z", **{"z_step": stack.scale[0], **chosen})
        ((_, meta, _),) = layers_of(*choose(stack, pixels(stack), chosen))
        return meta["metadata"]["focusstack"].get("positions")

    assert positions() == (0, 1, 2, 2, 6)
    assert positions(planes=(2, 4)) == (2, 2, 6)
    assert positions(planes=(0, 2)) is None  # equal steps
    assert positions(z_step=2.5) is None
