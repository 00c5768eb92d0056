"""The widget that opens focal stacks: what it offers of a file, and what it adds to a viewer."""

import numpy as np
import pytest
import tifffile
from dask.array import Array
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent

from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.plugin.layer_data import Choice
from napari_focusstack.widgets.controls.eliding import NARROWEST_DOCK_PX
from napari_focusstack.widgets.controls.plane_preview import HEIGHT_PX, middle_plane
from napari_focusstack.widgets.open_stack import OpenStackWidget
from napari_focusstack.widgets.session.source import Source

NOISE = np.random.default_rng(0)


def noise(*shape, dtype="uint16"):
    return (NOISE.random(shape) * 250).astype(dtype)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def widget(viewer, qtbot):
    widget = OpenStackWidget(viewer)
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def hyperstack(tmp_path):
    path = tmp_path / "hyper.tif"
    data = noise(4, 5, 2, 32, 48)
    meta = {"axes": "TZCYX", "spacing": 2.0, "unit": "um", "finterval": 30.0}
    tifffile.imwrite(path, data, imagej=True, metadata=meta, resolution=(4, 4))
    return path, data


def settle(qtbot, widget):
    qtbot.waitUntil(lambda: not widget.task.busy, timeout=20_000)


def inspect(qtbot, widget, *paths):
    """Show a file and wait for its middle plane."""
    widget.inspect(paths)
    settle(qtbot, widget)
    qtbot.waitUntil(lambda: not widget.preview.pixmap().isNull(), timeout=20_000)


def opened(qtbot, widget):
    widget.open_button.click()
    settle(qtbot, widget)
    return list(widget._viewer.layers)


def titles(menu):
    return [menu.itemText(number) for number in range(menu.count())]


def choose(menu, value):
    menu.setCurrentIndex(menu.findData(value))


def test_nothing_can_be_opened_before_a_file_is_chosen(widget, viewer):
    assert widget.chosen.isHidden()
    assert not widget.open_button.isEnabled()
    widget.open()
    assert len(viewer.layers) == 0


def test_file_is_shown_as_it_describes_itself(widget, qtbot, hyperstack):
    inspect(qtbot, widget, hyperstack[0])

    assert widget.source.text() == "hyper.tif"
    assert titles(widget.series) == ["1: TZCYX 4 x 5 x 2 x 32 x 48 uint16"]
    assert titles(widget.focus) == ["T (time)", "Z (depth)", "C (channel)"]
    assert titles(widget.channel) == ["all", "channel 1", "channel 2"]
    assert widget.choice == Choice(focus="Z", planes=(0, 4), z_step=2.0, unit="um")
    assert not widget.chosen.isHidden()
    assert not widget.channel.isHidden()
    assert widget.open_button.isEnabled()


def test_open_adds_a_layer_per_channel_with_focus_first(widget, qtbot, hyperstack):
    path, data = hyperstack
    inspect(qtbot, widget, path)

    first, second = opened(qtbot, widget)

    assert widget.task.message.text() == "opened hyper channel 1, hyper channel 2: 5 planes"
    assert (first.name, second.name) == ("hyper channel 1", "hyper channel 2")
    np.testing.assert_array_equal(second.data, data[:, :, 1].swapaxes(0, 1))
    assert second.axis_labels == ("z", "t", "y", "x")
    assert second.scale == pytest.approx((2.0, 30.0, 0.25, 0.25))
    assert [str(unit) for unit in second.units] == ["micrometer", "second"] + ["micrometer"] * 2
    assert second.metadata["focusstack"] == {
        "path": str(path),
        "focus_axis": 0,
        "z_step": 2.0,
        "unit": "um",
        "near": "auto",
        "channel": 2,
    }


def test_what_is_dropped_is_offered(widget, qtbot, hyperstack):
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(hyperstack[0]))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    where = QPointF(5, 5), Qt.DropAction.CopyAction, dropped, left, none
    enter = QDragEnterEvent(where[0].toPoint(), *where[1:])
    enter.ignore()
    widget.dragEnterEvent(enter)
    assert enter.isAccepted()
    widget.dropEvent(QDropEvent(*where))
    settle(qtbot, widget)
    assert widget.source.text() == "hyper.tif"


def test_nothing_is_cut_in_a_narrow_dock(widget, qtbot, hyperstack, cut_off):
    inspect(qtbot, widget, hyperstack[0])
    widget.resize(600, 600)
    widget.show()
    widget.resize(NARROWEST_DOCK_PX, 600)
    qtbot.waitUntil(lambda: widget.preview.pixmap().width() < NARROWEST_DOCK_PX)
    assert widget.width() == NARROWEST_DOCK_PX
    assert cut_off(widget) == []


def test_a_stack_is_in_view_also_beside_a_longer_one(widget, viewer, qtbot, tmp_path):
    viewer.add_image(noise(30, 32, 48))
    viewer.dims.set_point(0, 20)
    tifffile.imwrite(tmp_path / "short.ome.tif", noise(5, 32, 48), metadata={"axes": "ZYX"})
    inspect(qtbot, widget, tmp_path / "short.ome.tif")
    opened(qtbot, widget)
    assert viewer.dims.point[0] == 2


def test_what_the_user_says_overrides_the_file(widget, qtbot, hyperstack):
    path, data = hyperstack
    inspect(qtbot, widget, path)

    choose(widget.focus, "T")
    assert (widget.planes.maximum(), widget.unit.currentText()) == (4, "pixel")
    choose(widget.channel, 1)
    choose(widget.near, "last")
    widget.planes.setValue((2, 4))
    widget.z_step.setValue(0.325)
    widget.unit.setCurrentText("um")
    (layer,) = opened(qtbot, widget)

    np.testing.assert_array_equal(layer.data, data[1:, :, 1])
    assert layer.scale[0] == pytest.approx(0.325)
    assert layer.metadata["focusstack"]["near"] == "last"
    assert layer.metadata["focusstack"]["z_step"] == pytest.approx(0.325)
    assert layer.metadata["focusstack"]["channel"] == 2


def test_channels_can_be_the_planes(widget, qtbot, tmp_path):
    data = noise(5, 32, 48)
    tifffile.imwrite(tmp_path / "stack.ome.tif", data, metadata={"axes": "CYX"})
    inspect(qtbot, widget, tmp_path / "stack.ome.tif")

    assert titles(widget.focus) == ["C (channel)"]
    assert widget.channel.isHidden()
    (layer,) = opened(qtbot, widget)

    np.testing.assert_array_equal(layer.data, data)
    assert "channel" not in layer.metadata["focusstack"]
    assert Source((layer,), 0).axis_letter == "C"  # which a copied command names


def test_planes_that_may_be_stored_last_can_be_opened_so(widget, qtbot, tmp_path):
    data = noise(64, 60, 20)
    tifffile.imwrite(tmp_path / "numpy.tif", data)
    with pytest.warns(UserWarning, match="choose X as the focus axis"):
        inspect(qtbot, widget, tmp_path / "numpy.tif")

    choose(widget.focus, "X")
    (layer,) = opened(qtbot, widget)

    np.testing.assert_array_equal(layer.data, data.transpose(2, 0, 1))
    assert Source((layer,), 0).axis_letter == "X"


def test_folder_of_rgb_planes_is_opened_as_one_layer(widget, qtbot, tmp_path):
    data = noise(3, 32, 48, 3, dtype="uint8")
    for z, plane in enumerate(data):
        tifffile.imwrite(tmp_path / f"z{z}.tif", plane, photometric="rgb")
    inspect(qtbot, widget, tmp_path)

    (layer,) = opened(qtbot, widget)

    assert (layer.rgb, layer.name) == (True, tmp_path.name)
    np.testing.assert_array_equal(layer.data, data)
    assert layer.metadata["focusstack"]["path"] == str(tmp_path)


def test_series_with_planes_is_offered_first_and_another_can_be_chosen(widget, qtbot, tmp_path):
    path = tmp_path / "two.ome.tif"
    data = noise(3, 32, 48)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(noise(8, 9), metadata={"axes": "YX"})
        writer.write(data, metadata={"axes": "ZYX"})
        writer.write(data[:2], metadata={"axes": "TYX"})
    inspect(qtbot, widget, path)

    assert widget.stack.series == 1
    widget.series.setCurrentIndex(0)
    assert not widget.open_button.isEnabled()
    widget.series.setCurrentIndex(2)
    (layer,) = opened(qtbot, widget)

    np.testing.assert_array_equal(layer.data, data[:2])


def test_large_file_is_opened_lazily(widget, qtbot, hyperstack, monkeypatch):
    path, data = hyperstack
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 1000)
    inspect(qtbot, widget, path)

    first, _ = opened(qtbot, widget)

    assert isinstance(first.data, Array)
    np.testing.assert_array_equal(first.data.compute(), data[:, :, 0].swapaxes(0, 1))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("a letter"), "is not an image"),
        (lambda path: tifffile.imwrite(path, noise(8, 9)), "holds one plane only"),
        (lambda path: None, "does not exist"),
    ],
    ids=["text", "single", "missing"],
)
def test_what_is_no_stack_is_said_in_one_sentence(widget, qtbot, tmp_path, write, message):
    path = tmp_path / "stack.tif"
    write(path)

    widget.inspect([path])
    settle(qtbot, widget)

    assert message in widget.task.message.text()
    assert "\n" not in widget.task.message.text()
    assert not widget.open_button.isEnabled()


def test_damage_found_on_opening_is_said_and_nothing_is_added(widget, qtbot, hyperstack, viewer):
    path, _ = hyperstack
    inspect(qtbot, widget, path)
    path.write_bytes(path.read_bytes()[:20_000])

    assert opened(qtbot, widget) == []
    assert "cut short or damaged" in widget.task.message.text()


def test_a_layer_that_cannot_be_made_leaves_none_of_its_siblings(
    widget, qtbot, hyperstack, viewer, monkeypatch
):
    inspect(qtbot, widget, hyperstack[0])
    make = Layer.create

    def refuse_the_second(data, meta, layer_type):
        if meta["name"].endswith("2"):
            raise ValueError("no such layer")
        return make(data, meta, layer_type)

    monkeypatch.setattr(Layer, "create", refuse_the_second)
    with qtbot.captureExceptions() as raised:
        assert opened(qtbot, widget) == []
    assert [str(value) for _, value, _ in raised] == ["no such layer"]


def test_widget_fits_a_small_screen(widget, qtbot, hyperstack):
    inspect(qtbot, widget, hyperstack[0])

    assert widget.sizeHint().height() <= 700


def stack_of(path, data, axes):
    tifffile.imwrite(path, data, ome=True, metadata={"axes": axes})
    return find_stacks([path])[0]


def test_middle_plane_of_the_choice_is_shown_with_full_contrast(tmp_path):
    data = np.zeros((5, 32, 48), np.uint16)
    data[3, :, 24:] = 900
    stack = stack_of(tmp_path / "stack.ome.tif", data, "ZYX")

    shown = middle_plane(stack, Choice(focus="Z", planes=(2, 4)))

    assert (shown.shape, shown.dtype) == ((32, 48, 3), np.uint8)
    assert shown[:, :24].max() == 0
    assert shown[:, 24:].min() == 255


def test_large_planes_are_thinned(tmp_path):
    stack = stack_of(tmp_path / "stack.ome.tif", np.ones((2, 8 * HEIGHT_PX, 900)), "ZYX")

    assert middle_plane(stack, Choice(focus="Z")).shape == (2 * HEIGHT_PX, 225, 3)


def test_preview_follows_the_focus_axis(widget, qtbot, hyperstack):
    inspect(qtbot, widget, hyperstack[0])
    before = widget.preview.pixmap().cacheKey()

    choose(widget.focus, "T")

    qtbot.waitUntil(lambda: widget.preview.pixmap().cacheKey() != before, timeout=20_000)


def test_each_series_of_an_ome_zarr_is_offered(qtbot, widget, tmp_path):
    zarr = pytest.importorskip("zarr")
    data = noise(2, 5, 32, 48)
    root = zarr.open_group(tmp_path / "sample.zarr", mode="w")
    for number, planes in enumerate(data):
        group = root.create_group(str(number))
        group.create_array("0", data=planes)
        axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "zyx"]
        scale = [{"type": "scale", "scale": [2.0, 0.5, 0.5]}]
        level = {"path": "0", "coordinateTransformations": scale}
        group.attrs["ome"] = {
            "version": "0.5",
            "multiscales": [{"axes": axes, "datasets": [level]}],
        }

    inspect(qtbot, widget, tmp_path / "sample.zarr")
    assert widget.series.count() == 2
    widget.series.setCurrentIndex(1)
    (layer,) = opened(qtbot, widget)

    np.testing.assert_array_equal(layer.data, data[1])
    assert layer.scale.tolist() == [2.0, 0.5, 0.5]


def test_each_layer_is_added_in_a_turn_of_its_own(widget, qtbot, hyperstack, viewer):
    inspect(qtbot, widget, hyperstack[0])
    turns, timer = [], QTimer()
    timer.timeout.connect(lambda: turns.append(len(viewer.layers)))
    timer.start(0)
    assert len(opened(qtbot, widget)) == 2
    assert 1 in turns
