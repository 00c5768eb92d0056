"""*Project*: layers of the planes around the surface, as the function of the API returns them."""

import numpy as np
import pytest
from napari.components import ViewerModel

import napari_focusstack as nfs
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.plugin.writer import write_layer


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def planes(make_focal_stack):
    return np.stack(make_focal_stack(4, 1.0, side=64).planes("uint16", grey=True))


@pytest.fixture
def dock(viewer, planes, qtbot, open_stack_dock):
    """The dock over a stack of four planes with two channels, in two layers."""
    place = {"scale": (2, 0.5, 0.5), "units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
    viewer.add_image(planes, name="membrane", **place)
    viewer.add_image(planes[::-1] // 2, name="nuclei", **place)
    opened = open_stack_dock(viewer)
    opened.stack.value = "membrane"
    opened.channels.choose("nuclei")
    return opened


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


def test_all_channels_are_projected_around_the_surface_that_is_shown(
    qtbot, dock, viewer, planes, tmp_path
):
    assert "nothing is fused yet" in press(qtbot, dock, "project")
    press(qtbot, dock, "run_all")
    dock.projection["project"].value = "sum"
    dock.projection["above"].value = "2um"
    dock.projection["below"].value = "1"
    dock.projection["channel_offset"].value = "nuclei=2um"
    press(qtbot, dock, "project")

    surface = dock.session.result
    for name, channel, offset in (("membrane", planes, 0), ("nuclei", planes[::-1] // 2, 1)):
        layer = viewer.layers[f"{name} projected"]
        expected = nfs.project(
            channel, surface, project="sum", above=1, below=1, offset=offset, z_step=2.0
        )
        np.testing.assert_array_equal(layer.data, expected)
        assert layer.scale.tolist() == [0.5, 0.5]
    data, attributes, _ = viewer.layers["membrane projected"].as_layer_data_tuple()
    write_layer(str(tmp_path / "p.tif"), data, attributes)
    assert read_record(tmp_path / "p.tif")["projection"]["above"] == "2um"

    dock.projection["channel_offset"].value = "actin=1"
    said = press(qtbot, dock, "project")
    assert said == "there is no channel 'actin'; give one of 1 (membrane), 2 (nuclei)."


def test_an_empty_box_is_none_and_a_new_projection_replaces_the_earlier(qtbot, dock, viewer):
    press(qtbot, dock, "run_all")
    for box in ("above", "below", "channel_offset"):
        dock.projection[box].value = ""
    count = []
    for _ in range(2):
        press(qtbot, dock, "project")
        count.append(len(viewer.layers))
    assert count[0] == count[1]
    fused = viewer.layers["membrane fused"].data
    assert viewer.layers["membrane projected"].data.dtype == fused.dtype
