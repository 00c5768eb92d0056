"""*Export movie...*: the movies are decoded, and show the surface or the planes."""

import imageio.v3 as iio
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_focusstack.surface.rocking import FRAMES
from napari_focusstack.widgets.fuse.export_movie import SURFACE_TYPES, SWEEP_TYPES, fitted

ROCK_MP4, ROCK_GIF = SURFACE_TYPES
SWEEP_MP4, SWEEP_GIF = SWEEP_TYPES
SIDE = 64


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def planes(make_focal_stack):
    return np.stack(make_focal_stack(3, 1.0, side=SIDE).planes("uint16", grey=True))


@pytest.fixture
def dock(viewer, planes, qtbot, open_stack_dock):
    """The dock after a 16-bit stack of three planes was fused."""
    viewer.add_image(planes, name="ant", contrast_limits=(0, 65535))
    opened = open_stack_dock(viewer)
    press(qtbot, opened, "run_all")
    return opened


def press(qtbot, dock, name):
    dock.buttons[name].click()
    qtbot.waitUntil(lambda: not dock.tasks.busy, timeout=60_000)
    return dock.tasks.message.text()


@pytest.fixture
def offered(monkeypatch):
    """File types that the dialog offered last."""
    return []


@pytest.fixture
def export(qtbot, dock, monkeypatch, offered):
    """Exports under a name and a type: export(path, kind); returns what the dock says."""

    def exported(path, kind):
        def ask(*given):
            offered[:] = given[-1].split(";;")
            return str(path), kind

        monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
        return press(qtbot, dock, "export_movie")

    return exported


@pytest.mark.parametrize(
    ("kind", "name", "plugin"), [(ROCK_MP4, "rock.mp4", "pyav"), (ROCK_GIF, "rock.gif", "pillow")]
)
def test_the_surface_rocks_from_one_side_to_the_other_and_back(
    export, viewer, tmp_path, kind, name, plugin
):
    count = 2 * FRAMES - 2
    assert export(tmp_path / "rock", kind) == f"saved {tmp_path / name}, {count} frames"
    frames = iio.imread(tmp_path / name, plugin=plugin).astype(int)
    assert frames.shape[0] == count
    assert frames.shape[1] == SIDE
    assert 0.9 * SIDE <= frames.shape[2] <= SIDE
    apart = np.abs(frames - frames[0]).mean((1, 2, 3))
    assert apart.argmax() == pytest.approx(FRAMES - 1, abs=2)  # the other side is most unlike
    assert apart[-1] < apart[FRAMES - 1] / 3
    straight = frames[FRAMES // 2]
    fused = viewer.layers["ant fused"].data / 257
    margin = (SIDE - straight.shape[1]) // 2
    assert np.abs(straight[..., 0] - fused[:, margin : SIDE - margin]).mean() < 10


def test_a_sweep_shows_each_plane_and_goes_back(export, planes, tmp_path):
    assert export(tmp_path / "sweep.gif", SWEEP_GIF) == f"saved {tmp_path / 'sweep.gif'}, 4 frames"
    frames = iio.imread(tmp_path / "sweep.gif", plugin="pillow").astype(int)
    assert frames.shape == (4, SIDE, SIDE, 3)
    for frame, plane in zip(frames, planes[[0, 1, 2, 1]] / 257, strict=True):
        unlike = [np.abs(frame[..., 0] - other / 257).mean() for other in planes]
        assert np.abs(frame[..., 0] - plane).mean() == min(unlike) < 5


def test_movies_are_written_after_their_stack_was_closed(export, dock, viewer, tmp_path):
    viewer.layers.remove("ant")
    assert dock.menus.stack is None
    path = tmp_path / "ant.gif"
    assert export(path, SWEEP_GIF) == f"saved {path}, 4 frames"


def test_where_the_fused_image_was_removed_there_is_no_movie(export, viewer, tmp_path):
    viewer.layers.remove("ant fused")
    assert "the fused image was removed; press Fuse" in export(tmp_path / "ant.gif", ROCK_GIF)


def test_a_pair_has_no_surface(qtbot, export, offered, dock, viewer, tmp_path, planes):
    viewer.layers.clear()
    viewer.add_image(planes[[0, 2]], name="two")
    dock.elimination["elimination"].value = "none"
    dock.foreground["crf"].value = False
    press(qtbot, dock, "run_all")
    said = export(tmp_path / "blink.mp4", SWEEP_MP4)
    assert said.endswith("2 frames")
    assert offered == list(SWEEP_TYPES)


def test_a_cancelled_dialog_writes_nothing(export, tmp_path):
    assert export("", ROCK_MP4) == ""
    assert not list(tmp_path.iterdir())


def test_an_existing_file_of_an_appended_suffix_is_replaced_only_on_request(
    export, tmp_path, monkeypatch
):
    (tmp_path / "rock.gif").write_text("mine")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    assert export(tmp_path / "rock", ROCK_GIF) == ""
    assert (tmp_path / "rock.gif").read_text() == "mine"


def test_a_missing_package_is_said_in_a_sentence(export, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_focusstack.io.writing.movie.find_spec", lambda _: None)
    assert "napari-focusstack[movie]" in export(tmp_path / "rock", ROCK_MP4)


def test_before_anything_is_fused_there_is_no_movie(qtbot, open_stack_dock):
    viewer = ViewerModel()
    viewer.add_image(np.zeros((3, SIDE, SIDE), np.uint8), name="ant")
    assert "nothing is fused yet" in press(qtbot, open_stack_dock(viewer), "export_movie")


def test_a_large_image_is_made_smaller_with_square_pixels():
    assert fitted((3000, 4000), (1.0, 1.0), 1280) == (960, 1280)
    assert fitted((100, 100), (2.0, 1.0), 1280) == (200, 100)
    assert fitted((1, 5000), (1.0, 1.0), 640) == (2, 640)
