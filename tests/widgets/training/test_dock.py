"""Training in the GUI: it runs beside it, pauses, stops, saves, and says what is wrong."""

import subprocess
import sys
import threading

import imagecodecs
import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent, QMimeData, QPoint, QPointF, Qt, QThreadPool, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QImage
from qtpy.QtWidgets import QDockWidget
from superqt.utils import WorkerBase

from napari_focusstack.errors import InputError
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.training import trainer
from napari_focusstack.training.config import PURPOSES, TrainParameters
from napari_focusstack.training.trainer import Training
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.eliding import NARROWEST_DOCK_PX
from napari_focusstack.widgets.training.dock import SCENES, TrainWidget
from napari_focusstack.widgets.training.run import TrainingRun
from napari_focusstack.widgets.training.scene_grid import GAP_PX, mosaic
from napari_focusstack.widgets.training.settings import FILE, FILES, FRESH, LAYERS

VALIDATE, SCORE = Training.validate, Training.score
WAIT_MS = 60_000
#: Of a preview, px.
SIZE = (4 * (128 + GAP_PX), SCENES * (128 + GAP_PX))


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Small crops, quick validation, float32, and a user's folder of our own."""
    monkeypatch.setattr(trainer, "CROP_SIDES_PX", (64,))
    monkeypatch.setattr(trainer, "autocast", lambda device: torch.autocast("cpu", enabled=False))
    monkeypatch.setattr(Training, "validate", lambda self: {"mean_iou": 0.5})
    monkeypatch.setattr(Training, "score", lambda self, network: {"mean_iou": 0.7})
    monkeypatch.setattr(weights_menu, "user_folder", lambda: tmp_path / "kept")
    monkeypatch.setattr(weights_menu, "_session", {})


@pytest.fixture
def data(tmp_path):
    photos = tmp_path / "data" / "photos"
    photos.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in "ab":
        picture = rng.integers(0, 256, (120, 120, 3)).astype(np.uint8)
        imagecodecs.imwrite(photos / f"{name}.png", picture)
    return photos.parent


@pytest.fixture
def made(tmp_path):
    """The folder that trainings write to."""
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


@pytest.fixture
def widget(qtbot, data, made):
    """A widget with a recipe of 4 small steps."""
    widget = TrainWidget(ViewerModel())
    qtbot.addWidget(widget)
    settings = widget.settings
    settings.folder.value = data
    settings.output.value = made / "mine.safetensors"
    settings.start.value = FRESH
    settings.device.value = "cpu"
    recipe(widget, width=8, steps=4, batch=1, validation_pairs=8)
    yield widget
    QThreadPool.globalInstance().waitForDone(WAIT_MS)


def recipe(widget, **values):
    for name, value in values.items():
        widget.settings.recipe[name].value = value


def wait_for_end(qtbot, widget, begin):
    """Do something, and wait until no training runs."""
    with qtbot.waitSignal(
        widget.task.busy_changed, timeout=WAIT_MS, check_params_cb=lambda busy: not busy
    ):
        begin()


def wait_for_steps(qtbot, widget, count):
    qtbot.waitUntil(lambda: len(widget.losses) >= count, timeout=WAIT_MS)


def step_in(checkpoint):
    return torch.load(checkpoint, weights_only=True)["step"]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def destroy(widget):
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)


def test_opening_needs_no_torch():
    code = (
        "import sys; from qtpy.QtWidgets import QApplication; app = QApplication([]);"
        "from napari.components import ViewerModel;"
        "from napari_focusstack.widgets.training.dock import TrainWidget;"
        "widget = TrainWidget(ViewerModel()); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_the_form_holds_the_recipe(qtbot, data):
    widget = TrainWidget(ViewerModel())
    qtbot.addWidget(widget)
    widget.settings.folder.value = data
    run = widget.settings.run()
    assert run.parameters == TrainParameters()
    assert (run.start, run.device, run.resume) == ("shipped", "auto", False)
    recipe(widget, network="keb", learning_rate=2.5e-4, average=0.9995, steps=600)
    run = widget.settings.run()
    assert run.parameters == TrainParameters(
        network="keb", learning_rate=2.5e-4, average=0.9995, steps=600
    )
    assert run.output == weights_menu.user_folder() / "my-keb.safetensors"
    assert widget.settings.epochs.value == "2.4 epochs of 250 steps"
    assert not weights_menu.user_folder().exists()


def test_a_training_ends_with_weights_that_everyone_can_choose(qtbot, widget, made):
    with qtbot.waitSignal(weights_menu.changed, timeout=WAIT_MS) as signal:
        wait_for_end(qtbot, widget, widget.start_button.click)
    assert signal.args == ["fsb"]
    assert [step for step, _, _ in widget.losses] == [1, 2, 3, 4]
    for name in ("loss", "smoothed"):
        assert len(widget.curve.series[name][0]) == 4
    losses = widget.curve.series["loss"][0][:, 1]
    assert widget.curve.series["smoothed"][0][-1, 1] == pytest.approx(losses.mean())
    assert widget.figures.text() == "validation after step 4: mean IoU 0.5000"
    assert names_in(made) == ["mine.ckpt", "mine.safetensors"]
    output = str(made / "mine.safetensors")
    assert weights_menu.known_weights("fsb") == ["shipped", output]
    assert output in widget.settings.start.choices
    network, _ = weights.load("fsb", torch.device("cpu"), output)
    torch.testing.assert_close(network.state_dict(), averaged(widget))
    assert "Written after 4 steps" in widget.task.message.text()
    assert output in widget.task.message.text()


def test_after_a_training_a_verdict_compares_it_with_what_is_shipped(qtbot, widget, data):
    wait_for_end(qtbot, widget, widget.start)
    said = widget.verdict.sentence.text()
    assert said.startswith(
        "Worse than the installed weights, on the pictures of this training, which"
    )
    assert "0.500, installed 0.700" in said
    for number in range(10):
        imagecodecs.imwrite(
            data / "photos" / f"{number}.png", np.full((64, 64, 3), 20 * number, np.uint8)
        )
    widget.settings.resume.value = False
    widget.settings.output.value = data.parent / "more.safetensors"
    wait_for_end(qtbot, widget, widget.start)
    said = widget.verdict.sentence.text()
    assert said.startswith("Worse than the installed weights, on 2 pictures held back from this")
    widget.start()
    assert widget.verdict.isHidden()


def dropped(widget, *paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys)
    entered.setAccepted(False)
    QCoreApplication.sendEvent(widget, entered)
    if entered.isAccepted():
        event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys)
        QCoreApplication.sendEvent(widget, event)
    return entered.isAccepted()


def test_folders_and_pictures_can_be_dropped(qtbot, widget, data):
    assert dropped(widget, data)
    assert widget.settings.run().source == data
    pictures = sorted((data / "photos").iterdir())
    assert dropped(widget, *pictures)
    assert widget.settings.source.value == FILES
    assert widget.settings.run().source == pictures
    assert dropped(widget, data / "photos", pictures[0])  # a folder among others: what is in it
    assert widget.settings.run().source == [*pictures, pictures[0]]
    (data / "notes.txt").write_text("no picture")
    assert dropped(widget, data / "notes.txt")
    assert widget.task.message.text().startswith("notes.txt is no picture")
    assert widget.settings.run().source == [*pictures, pictures[0]]
    dropped(widget, *pictures)
    wait_for_end(qtbot, widget, widget.start)
    assert len(widget.losses) == 4


def test_nothing_can_be_dropped_on_a_running_training(qtbot, widget, data):
    recipe(widget, steps=500)
    widget.start()
    assert not dropped(widget, data)
    wait_for_steps(qtbot, widget, 1)
    wait_for_end(qtbot, widget, widget.task.cancel)


def test_the_dock_says_what_each_network_is_for_and_which_are_not_offered(widget):
    for network, purpose in PURPOSES.items():
        recipe(widget, network=network)
        assert widget.settings.purpose.text().lower().startswith(f"{purpose.sentence.lower()}.")
        assert "cannot be trained here" in widget.settings.purpose.text()
    assert {*PURPOSES, "seb", "teb"} == {*weights.NETWORKS}
    menu = widget.settings.recipe["network"].native
    assert menu.itemText(menu.findData("deb")) == "planes of a stack (DEB)"
    assert [menu.itemData(place) for place in range(menu.count())] == list(PURPOSES)


def test_nothing_is_cut_in_a_narrow_dock(widget, cut_off):
    widget.resize(NARROWEST_DOCK_PX, 690)
    widget.show()
    assert widget.width() == NARROWEST_DOCK_PX
    assert cut_off(widget) == []


def averaged(widget):
    return widget.run.training.averaged.module.state_dict()


def test_a_folder_for_the_weights_is_made(qtbot, widget):
    widget.settings.output.line_edit.value = ""
    wait_for_end(qtbot, widget, widget.start)
    assert names_in(weights_menu.user_folder()) == ["my-fsb.ckpt", "my-fsb.safetensors"]


@pytest.mark.parametrize("network", ["fsb", "keb"])
def test_each_network_shows_what_it_makes_of_scenes(qtbot, widget, monkeypatch, network):
    monkeypatch.setattr(Training, "validate", VALIDATE)
    monkeypatch.setattr(Training, "score", SCORE)
    recipe(widget, network=network, steps=1)
    widget.show()
    wait_for_end(qtbot, widget, widget.start)
    examples = widget.run.training.examples
    assert widget.preview.isVisible() == (network == "fsb")
    assert widget.scatter.isVisible() == (network == "keb")
    if network == "fsb":
        shown = QImage(mosaic(examples, SCENES).tobytes(), *SIZE, QImage.Format.Format_RGBA8888)
        assert widget.preview.image == shown
        error = (examples.answer - examples.truth).abs().mean()
        assert f"alpha error {error:.4f}" in widget.figures.text()
    else:
        points, dots = widget.scatter.series["scenes"]
        assert dots
        np.testing.assert_allclose(points, torch.stack([examples.truth, examples.answer], 1))
        error = (examples.answer / examples.truth - 1).abs().median()
        assert f"sigma error {error:.4f}" in widget.figures.text()


def test_cancel_leaves_a_checkpoint_from_which_a_training_goes_on(qtbot, widget, made):
    recipe(widget, steps=500)
    widget.start()
    wait_for_steps(qtbot, widget, 2)
    wait_for_end(qtbot, widget, widget.task.cancel_button.click)
    stopped = step_in(made / "mine.ckpt")
    assert 2 <= stopped <= len(widget.losses) + 1
    assert names_in(made) == ["mine.ckpt"]
    assert f"Stopped after {stopped} of 500 steps" in widget.task.message.text()
    assert str(made / "mine.ckpt") in widget.task.message.text()

    before = torch.load(made / "mine.ckpt", weights_only=True)["losses"]
    assert widget.settings.resume.value
    recipe(widget, steps=stopped + 2)
    wait_for_end(qtbot, widget, widget.start)
    assert [step for step, _, _ in widget.losses] == [*range(1, stopped + 3)]
    assert {step: loss for step, loss, _ in widget.losses[:stopped]} == before
    assert len(widget.curve.series["loss"][0]) == stopped + 2  # the curve goes on
    wait_for_end(qtbot, widget, widget.start)
    assert f"has done {stopped + 2} of {stopped + 2} steps" in widget.task.message.text()


def test_cancel_while_pictures_are_read_leaves_at_once_and_nothing_behind(
    qtbot, widget, made, monkeypatch
):
    prepare, read = TrainingRun._prepare, threading.Event()

    def wait(run):
        read.wait(WAIT_MS / 1000)
        return prepare(run)

    monkeypatch.setattr(TrainingRun, "_prepare", wait)
    widget.start()
    assert widget.task.busy
    wait_for_end(qtbot, widget, widget.task.cancel_button.click)
    read.set()
    assert QThreadPool.globalInstance().waitForDone(WAIT_MS)
    qtbot.wait(50)
    assert names_in(made) == []
    assert widget.losses == []


def test_a_pause_stops_the_steps_until_it_is_over(qtbot, widget):
    recipe(widget, steps=500)
    widget.start()
    wait_for_steps(qtbot, widget, 1)
    widget.pause_button.click()
    assert widget.pause_button.text() == "Resume"
    qtbot.waitUntil(lambda: widget.task.message.text() == "paused", timeout=WAIT_MS)
    count = len(widget.losses)
    qtbot.wait(300)
    assert len(widget.losses) == count
    widget.pause_button.click()
    wait_for_steps(qtbot, widget, count + 1)
    widget.pause_button.click()
    wait_for_end(qtbot, widget, widget.task.cancel)  # also ends a pause
    assert widget.pause_button.text() == "Pause"


def test_weights_can_be_saved_at_any_time(qtbot, widget, made):
    assert not widget.save_button.isEnabled()
    recipe(widget, steps=500)
    widget.start()
    wait_for_steps(qtbot, widget, 1)
    widget.pause_button.click()
    qtbot.waitUntil(lambda: widget.task.message.text() == "paused", timeout=WAIT_MS)
    with qtbot.waitSignal(weights_menu.changed, timeout=WAIT_MS):
        widget.save_button.click()
    assert widget.task.busy
    network, digest = weights.load("fsb", torch.device("cpu"), made / "mine.safetensors")
    torch.testing.assert_close(network.state_dict(), averaged(widget))

    widget.pause_button.click()
    wait_for_steps(qtbot, widget, len(widget.losses) + 2)
    wait_for_end(qtbot, widget, widget.task.cancel)
    with qtbot.waitSignal(weights_menu.changed, timeout=WAIT_MS):
        widget.save_button.click()
    network, later = weights.load("fsb", torch.device("cpu"), made / "mine.safetensors")
    torch.testing.assert_close(network.state_dict(), averaged(widget))
    assert later != digest


def test_weights_that_cannot_be_written_do_not_end_the_training(qtbot, widget, monkeypatch):
    def fail(*_):
        raise InputError("cannot write; free space.")

    recipe(widget, steps=500)
    widget.start()
    wait_for_steps(qtbot, widget, 1)
    monkeypatch.setattr(weights, "save", fail)
    widget.save_button.click()
    qtbot.waitUntil(lambda: widget.task.message.text() == "cannot write; free space.")
    wait_for_steps(qtbot, widget, len(widget.losses) + 1)
    wait_for_end(qtbot, widget, widget.task.cancel)


def test_nothing_can_be_changed_while_it_trains(qtbot, widget):
    recipe(widget, steps=500)
    widget.start()
    assert not widget.settings.isEnabled()
    assert not widget.folded.isExpanded()
    assert not widget.start_button.isEnabled()
    assert widget.pause_button.isEnabled()
    wait_for_steps(qtbot, widget, 1)
    wait_for_end(qtbot, widget, widget.task.cancel)
    assert widget.settings.isEnabled()
    assert widget.start_button.isEnabled()
    assert not widget.pause_button.isEnabled()


@pytest.mark.parametrize("paused", [False, True])
def test_closing_the_widget_leaves_a_checkpoint(qtbot, data, made, paused):
    widget = TrainWidget(ViewerModel())
    widget.settings.folder.value = data
    widget.settings.output.value = made / "mine.safetensors"
    widget.settings.start.value = FRESH
    recipe(widget, width=8, steps=500, batch=1)
    widget.start()
    wait_for_steps(qtbot, widget, 1)
    widget.run.pause(paused)
    destroy(widget)
    assert QThreadPool.globalInstance().waitForDone(WAIT_MS)
    qtbot.wait(50)  # what the thread still had to say is heard by nobody
    assert 1 <= step_in(made / "mine.ckpt") <= len(widget.losses) + 2
    assert names_in(made) == ["mine.ckpt"]
    weights_menu.changed.emit("fsb")


@pytest.mark.parametrize("leave", ["close", "take out"])
def test_closing_the_dock_or_window_stops_the_training(qtbot, widget, made, leave):
    dock = QDockWidget()
    qtbot.addWidget(dock)
    if leave == "take out":
        dock.setWidget(widget)
    recipe(widget, steps=500)
    widget.start()
    wait_for_steps(qtbot, widget, 1)
    # napari takes a widget out of the dock that is closed
    end = widget.close if leave == "close" else lambda: widget.setParent(None)
    wait_for_end(qtbot, widget, end)
    assert step_in(made / "mine.ckpt") >= 1


def test_quitting_napari_leaves_a_checkpoint(qtbot, widget, made):
    recipe(widget, steps=500)
    widget.start()
    wait_for_steps(qtbot, widget, 1)
    WorkerBase.await_workers(WAIT_MS)  # what napari does when its application is about to quit
    assert step_in(made / "mine.ckpt") >= 1
    widget.task.cancel()


def start_from(widget, path):
    widget.settings.start.value = FILE
    widget.settings.start_file.value = path


def wrong_suffix(widget):
    widget.settings.output.value = widget.settings.output.value.with_suffix(".txt")


def no_photos(widget):
    for path in (widget.settings.folder.value / "photos").iterdir():
        path.unlink()


def checkpoint_there(widget):
    widget.settings.output.value.with_suffix(".ckpt").write_bytes(b"")
    widget.settings.refresh()
    widget.settings.resume.value = False


ERRORS = {
    "no data folder is chosen": lambda w: setattr(w.settings.folder.line_edit, "value", ""),
    "nowhere has no pictures": lambda w: setattr(w.settings.folder, "value", "/nowhere"),
    "data has no pictures": no_photos,
    "no image layer is selected": lambda w: setattr(w.settings.source, "value", LAYERS),
    "suffix '.txt'": wrong_suffix,
    "steps is 0": lambda w: recipe(w, steps=0),
    "mine.ckpt is there already": checkpoint_there,
    "none.safetensors are missing": lambda w: start_from(w, "/none.safetensors"),
}


@pytest.mark.parametrize("told", ERRORS)
def test_what_is_wrong_is_told_in_a_sentence_and_nothing_is_written(qtbot, widget, made, told):
    ERRORS[told](widget)
    before = names_in(made)
    widget.start()
    qtbot.waitUntil(lambda: not widget.task.busy, timeout=WAIT_MS)
    assert told in widget.task.message.text()
    assert widget.task.message.text().count("\n") == 0
    assert names_in(made) == before
    assert not weights_menu.user_folder().exists()
    assert widget.start_button.isEnabled()
    assert widget.folded.isExpanded()


def test_an_error_in_a_step_is_told_and_ends_the_training(qtbot, widget, monkeypatch):
    def fail(training):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Training, "_train_step", fail)
    with qtbot.captureExceptions() as exceptions:
        wait_for_end(qtbot, widget, widget.start)
    assert [str(value) for _, value, _ in exceptions] == ["out of memory"]
    assert "out of memory" in widget.task.message.text()
    assert widget.start_button.isEnabled()


def test_selected_layers_stand_in_for_photos(qtbot, widget):
    rng = np.random.default_rng(1)
    viewer = widget.settings.viewer
    rgb = viewer.add_image(rng.integers(0, 256, (90, 80, 3)).astype(np.uint8), rgb=True)
    stack = viewer.add_image(rng.integers(0, 60000, (3, 70, 90)).astype(np.uint16))
    unselected = viewer.add_image(np.zeros((50, 50)))
    viewer.add_labels(np.zeros((50, 50), int))
    viewer.layers.selection = set(viewer.layers) - {unselected}
    widget.settings.source.value = LAYERS
    recipe(widget, steps=1)
    wait_for_end(qtbot, widget, widget.start)
    photos = widget.run.training.material.photos
    assert photos.shape == (4, 3, 348, 348)
    np.testing.assert_array_equal(photos[0, :, :90, :80].permute(1, 2, 0), rgb.data)
    plane = stack.data[2].astype(float)
    scaled = (plane - plane.min()) / np.ptp(plane) * 255
    np.testing.assert_allclose(photos[3, 1, :70, :90], scaled, atol=0.51)


def test_a_training_can_start_from_a_file_of_its_network(qtbot, widget, tmp_path):
    torch.manual_seed(5)
    path = tmp_path / "start.safetensors"
    weights.save(FSB(12, (2, 4)), path)
    start_from(widget, path)
    recipe(widget, steps=1)
    wait_for_end(qtbot, widget, widget.start)
    assert widget.run.training.network.config == {"width": 12, "down": [2, 4]}
    assert str(path) in weights_menu.known_weights("fsb")
    weights.save(KEB(8), path)
    widget.start()
    assert "holds weights of keb" in widget.task.message.text()


def test_more_rows_appear_when_they_are_needed(widget, made):
    settings = widget.settings
    shown = {
        name: lambda name=name: not getattr(settings, name).native.isHidden()
        for name in ("folder", "start_file", "resume")
    }
    assert [is_shown() for is_shown in shown.values()] == [True, False, False]
    settings.source.value = LAYERS
    settings.start.value = FILE
    (made / "mine.ckpt").write_bytes(b"")
    settings.refresh()
    assert [is_shown() for is_shown in shown.values()] == [False, True, True]
