"""*Fuse many...*: a table of stacks, their states, and what is written."""

import threading

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

from napari_focusstack.batch import job
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.fuse.many_stacks import STOPPED, WAITING

WAIT_MS = 120_000


@pytest.fixture
def stacks(tmp_path, make_focal_stack):
    """A folder with three stacks in files; the second is cut short."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    planes = np.stack(make_focal_stack(3, 1.0, side=64).planes("uint16", grey=True))
    for number in (1, 2, 10):
        path = folder / f"ant{number}.tif"
        turned = planes[:, ::-1] if number == 10 else planes
        tifffile.imwrite(path, turned, imagej=True, metadata={"axes": "ZYX"})
    path = folder / "ant2.tif"
    path.write_bytes(path.read_bytes()[:9000])
    return folder


@pytest.fixture
def many(qtbot, open_stack_dock, stacks, tmp_path):
    """The table with the stacks of the folder."""
    dock = open_stack_dock(ViewerModel())
    dock.buttons["fuse_many"].click()
    dock.many.add([stacks])
    dock.many.folder = tmp_path / "fused"
    yield dock.many
    dock.many.close()


def states(many):
    return [many.state(row) for row in range(many.table.rowCount())]


def wait(qtbot, many):
    qtbot.waitUntil(lambda: not many.tasks.busy, timeout=WAIT_MS)


def test_a_folder_of_stacks_is_listed_in_order_and_nothing_twice(many, stacks):
    many.add([stacks / "ant1.tif"])
    assert [path.name for path in many.sources] == ["ant1.tif", "ant2.tif", "ant10.tif"]
    assert states(many) == [WAITING] * 3


def test_one_that_fails_says_why_and_the_others_are_done(many, qtbot, tmp_path, stacks):
    many.extras["depth"].setChecked(True)
    many.buttons["start"].click()
    wait(qtbot, many)
    first, second, third = states(many)
    assert first.startswith("done in ")
    assert second.startswith("failed: ")
    assert "/" not in second
    assert third.startswith("done in ")
    assert many.tasks.message.text() == f"2 of 3 stacks are in {tmp_path / 'fused'}"
    written = {path.name for path in (tmp_path / "fused").glob("*.tif")}
    assert written == {f"ant{n}_{kind}.tif" for n in (1, 10) for kind in ("fused", "depth")}
    told = read_record(tmp_path / "fused" / "ant1_fused.tif")
    assert told["parameters"]["psf"] == "reblur"  # a setting of the dock
    (stacks / "ant2.tif").write_bytes((stacks / "ant1.tif").read_bytes())
    many.buttons["start"].click()
    wait(qtbot, many)
    assert [state.split()[0] for state in states(many)] == ["skipped:", "done", "skipped:"]


@pytest.fixture
def held(monkeypatch):
    """Fusions tell of their progress until they may end."""
    go_on = threading.Event()

    def fused(item, progress):
        while not go_on.wait(0.01):
            progress(Progress("fuse", 2, 4))
        return {}, ()

    monkeypatch.setattr(job, "_fuse_source", fused)
    return go_on


def test_a_run_can_be_paused_and_goes_on(many, qtbot, held):
    many.buttons["start"].click()
    qtbot.waitUntil(lambda: states(many)[0] == "removing the halo, 50%", timeout=WAIT_MS)
    many.buttons["pause"].click()
    assert many.buttons["pause"].text() == "Resume"
    assert many.tasks.message.text().startswith("paused")
    qtbot.wait(200)
    held.set()
    assert many.tasks.busy
    many.buttons["pause"].click()
    wait(qtbot, many)
    assert all(state.startswith("done") for state in states(many))


def test_a_run_can_be_stopped_within_a_stack(many, qtbot, held):
    many.buttons["start"].click()
    qtbot.waitUntil(lambda: "50%" in states(many)[0], timeout=WAIT_MS)
    many.tasks.cancel_button.click()
    assert states(many) == [STOPPED, WAITING, WAITING]
    assert many.tasks.message.text().startswith("0 of 3 stacks are in ")
    assert many.buttons["start"].isEnabled()
    held.set()


def test_files_that_name_no_focus_axis_say_so_and_are_fused_once_it_is_chosen(many, qtbot, stacks):
    path = stacks / "hyperstack.tif"
    planes = tifffile.imread(stacks / "ant1.tif")
    tifffile.imwrite(path, planes, imagej=True, metadata={"axes": "CYX"})
    many.table.selectAll()
    many.buttons["remove"].click()
    many.add([path])
    many.buttons["start"].click()
    wait(qtbot, many)
    (state,) = states(many)
    assert state.endswith("if it changes along C, choose C as the focus axis.")
    many.axis.setCurrentText("C (channel)")
    many.buttons["start"].click()
    wait(qtbot, many)
    assert states(many)[0].startswith("done")


def test_chosen_stacks_are_taken_off_the_list(many):
    many.table.selectRow(1)
    many.buttons["remove"].click()
    assert [path.name for path in many.sources] == ["ant1.tif", "ant10.tif"]
