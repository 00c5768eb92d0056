"""*Save...*: what a person names and which type they choose decides what is written."""

import json

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from PIL import Image
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_focusstack.io.reading.record import read_record
from napari_focusstack.plugin.reader import read_layers
from napari_focusstack.widgets.fuse import save_results
from napari_focusstack.widgets.fuse.save_results import FOLDER, IMAGE_TYPES, SURFACE_TYPES

TIFF, PNG, JPEG = IMAGE_TYPES
OBJ, PLY = SURFACE_TYPES


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def dock(viewer, qtbot, make_focal_stack, open_stack_dock):
    """The dock after a 16-bit stack of three planes, 2 um apart, was fused."""
    planes = np.stack(make_focal_stack(3, 1.0, side=64).planes("uint16", grey=True))
    viewer.add_image(planes, name="ant", scale=(2.0, 0.5, 0.5), units=("um",) * 3)
    opened = open_stack_dock(viewer)
    press(qtbot, opened, "run_all")
    return opened


def stored(record):
    """Return a record as JSON gives it back."""
    return json.loads(json.dumps(record))


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


@pytest.fixture
def save(qtbot, dock, monkeypatch):
    """Saves under a name and a type: save(path, kind); returns what the dock says."""

    def saved(path, kind):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))
        return press(qtbot, dock, "save")

    return saved


def test_all_results_go_into_a_folder_with_scale_and_record(save, viewer, tmp_path):
    said = save(tmp_path / "ant results", FOLDER)
    assert said == f"saved 6 results in {tmp_path / 'ant results'}"
    names = {path.name for path in (tmp_path / "ant results").iterdir()}
    layers = ("fused", "planes", "depth", "confidence")
    assert names == {
        *(f"ant {kind}.ome.tif" for kind in layers),
        *("ant fused.jpg", "ant surface.obj", "ant_surface.mtl", "ant_surface.png"),
    }
    for kind in layers:
        ((data, meta, _),) = read_layers(str(tmp_path / "ant results" / f"ant {kind}.ome.tif"))
        layer = viewer.layers[f"ant {kind}"]
        np.testing.assert_array_equal(data, layer.data)
        assert meta["scale"] == (0.5, 0.5)
        assert meta["units"] == ("um", "um")
        record = meta["metadata"]["focusstack"]["record"]
        assert record["found"] == stored(layer.metadata["focusstack"]["record"]["found"])


def test_results_are_saved_after_their_stack_was_closed(save, dock, viewer, tmp_path):
    viewer.layers.remove("ant")
    assert dock.menus.stack is None
    assert save(tmp_path / "ant results", FOLDER).startswith("saved 6 results in ")


def test_another_open_stack_does_not_hide_the_results_of_a_closed_one(save, dock, viewer, tmp_path):
    for name in ("bee", "wasp"):
        viewer.add_image(viewer.layers["ant"].data, name=name)
    viewer.layers.remove("ant")
    assert dock.menus.stack.name == "bee"
    assert save(tmp_path / "ant.png", PNG) == f"saved {tmp_path / 'ant.png'}"
    dock.stack.value = "wasp"  # as the user wishes
    assert "nothing is fused yet" in save(tmp_path / "wasp.png", PNG)


@pytest.mark.parametrize(("kind", "suffix"), [(TIFF, ".ome.tif"), (PNG, ".png"), (JPEG, ".jpg")])
def test_a_name_without_suffix_gets_that_of_the_type(save, viewer, tmp_path, kind, suffix):
    path = tmp_path / f"ant 0.5 mm fused{suffix}"
    assert save(tmp_path / "ant 0.5 mm fused", kind) == f"saved {path}"
    fused = viewer.layers["ant fused"]
    if kind == JPEG:
        shown = save_results.as_displayed(fused.data, fused.contrast_limits)
        assert np.abs(np.asarray(Image.open(path)).astype(int) - shown).mean() < 2
    elif kind == TIFF:
        np.testing.assert_array_equal(tifffile.imread(path), fused.data)
    told = fused.metadata["focusstack"]["record"]
    assert read_record(path)["parameters"] == told["parameters"]


def test_a_suffix_that_was_typed_decides_the_format(save, tmp_path):
    assert save(tmp_path / "ant.png", TIFF) == f"saved {tmp_path / 'ant.png'}"
    with Image.open(tmp_path / "ant.png") as image:
        assert image.mode.startswith("I")


def test_the_surface_is_saved_as_a_mesh(save, tmp_path):
    assert save(tmp_path / "ant", PLY) == f"saved {tmp_path / 'ant.ply'}"
    assert (tmp_path / "ant.ply").read_bytes().startswith(b"ply")


def test_files_of_an_appended_suffix_are_replaced_only_on_request(save, tmp_path, monkeypatch):
    there = tmp_path / "ant.jpg"
    there.write_text("mine")
    asked = []

    def answer(_, __, question):
        asked.append(question)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", answer)
    assert save(tmp_path / "ant", JPEG) == ""
    assert there.read_text() == "mine"
    assert asked == [f"Replace ant.jpg in {tmp_path}?"]


def test_a_cancelled_dialog_writes_nothing(save, tmp_path):
    assert save("", FOLDER) == ""
    assert not list(tmp_path.iterdir())


def test_before_anything_is_fused_there_is_nothing_to_save(qtbot, open_stack_dock):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((3, 64, 64), np.uint8), name="ant")
    assert "nothing is fused yet" in press(qtbot, open_stack_dock(viewer), "save")


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(save, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert "cannot make the folder" in save(tmp_path / "taken", FOLDER)
