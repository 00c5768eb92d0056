"""Stacks are read in a thread, so that napari's window goes on to be drawn."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading import stack_pixels
from napari_focusstack.widgets import reader

PLUGIN = "napari-focusstack"
PLANES = 7


@pytest.fixture
def folder(tmp_path):
    """A folder of planes; each holds its number, from 0."""
    for number in range(PLANES):
        plane = np.full((20, 30), number, np.uint8)
        tifffile.imwrite(tmp_path / f"z{number:02}.tif", plane, compression="zlib")
    return tmp_path


@pytest.fixture
def decoded(monkeypatch):
    """Names of the threads that decode planes of stacks that stay on disk, by number."""
    threads = []
    real = stack_pixels.read_plane_file

    def noted(stack, number):
        threads.append((number, threading.current_thread()))
        return real(stack, number)

    monkeypatch.setattr(stack_pixels, "read_plane_file", noted)
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 0)
    return threads


def test_planes_are_read_beside_the_gui(qtbot, folder, monkeypatch, decoded):
    monkeypatch.setattr(stack_pixels, "EAGER_BYTES", 2**20)
    ((data, _, _),) = reader.get_reader(str(folder))(str(folder))
    assert data[:, 0, 0].tolist() == list(range(PLANES))
    assert len(decoded) == PLANES
    assert threading.main_thread() not in [thread for _, thread in decoded]


def test_napari_need_not_decode_the_planes_that_it_shows_first(qtbot, folder, decoded):
    ((data, meta, _),) = reader.read_layers(str(folder))
    assert [number for number, _ in decoded] == [0, PLANES // 2]
    viewer = ViewerModel()
    viewer.add_image(data, **meta)
    assert viewer.dims.current_step[0] == PLANES // 2
    assert viewer.layers[0]._data_view.max() == PLANES // 2
    assert len(decoded) == 2
    viewer.dims.set_current_step(0, 5)
    assert decoded[-1][0] == 5


def test_what_is_wrong_with_a_file_is_said(qtbot, folder):
    (folder / "z03.tif").write_bytes(b"II*\0cut short")
    with pytest.raises(InputError, match=r"z03\.tif"):
        reader.read_layers(str(folder))


def test_paths_that_are_no_stack_are_left_to_others(qtbot, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("notes")
    with pytest.warns(UserWarning, match=r"notes\.txt"):
        assert reader.get_reader(str(path)) is None


def test_without_qt_files_are_read_at_once(folder):
    code = (
        "import sys; from napari_focusstack.widgets.reader import get_reader;"
        f"((data, *_),) = get_reader({str(folder)!r})({str(folder)!r});"
        "print(data.shape, {'qtpy', 'napari', 'torch'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"({PLANES}, 20, 30) set()"


def test_the_manifest_names_this_reader(qtbot, folder, decoded):
    PluginManager.instance().discover()
    viewer = ViewerModel()
    viewer.open(str(folder), plugin=PLUGIN)
    assert QApplication.instance().overrideCursor() is None
    assert threading.main_thread() not in [thread for _, thread in decoded]
