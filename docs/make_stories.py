"""The stories of the dock, played in napari, with screenshots.

xvfb-run -a -s "-screen 0 1400x900x24" python docs/make_stories.py FOLDER [--shrink N] [--only NAME]

FOLDER holds the planes of a stack, as JPEGs. Screenshots go to docs/images/. Each story ends with
checks, so the script fails where it is not true any more.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from make_screenshots import PLUGIN, WINDOW_PX, dock, look_at, save, settle, wait
from PIL import Image
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent, QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_focusstack.io.writing.layer_tiff import write_tiff
from napari_focusstack.samples.stacks import PIXEL_UM, Z_STEP_UM, microscopy_stack
from napari_focusstack.widgets.fuse.save_results import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari import Viewer
    from qtpy.QtWidgets import QPushButton

#: Planes of the drop, and the one that is there twice, from 0.
FEW, DOUBLED = 14, 5
#: A hair that curls over a mandible of the beetle (row, column), px of its planes as they are; the
#: plane that shows all of it, and the brush that follows it, px.
HAIR = (
    *((82, 340), (78, 340.2), (74, 339.3), (71, 337), (69, 334), (68, 330)),
    *((68, 325), (69, 321), (71, 318), (73.5, 315.5), (76, 313.5)),
)
HAIR_PLANE, BRUSH_PX = 21, 3
#: Zoom at which it is retouched, screen px per px.
HAIR_ZOOM = 9
#: How long a person looks at something new, reads a step or gives a name, and paints, s.
LOOK_S, STROKE_S = 6.0, 4.0
#: A small screen, and the narrowest dock, px.
SMALL_PX, NARROW_PX = (1280, 700), 300


def click(button: QPushButton) -> int:
    """Click with the mouse; return 1, the number of clicks."""
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    return 1


def close(viewer: Viewer, fuse: Any) -> None:
    """Close the dock and remove all layers."""
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()
    settle()


def narrow(viewer: Viewer, fuse: Any) -> None:
    """Make the window as small as a small screen, and the dock as narrow as it gets."""
    viewer.window.resize(*SMALL_PX)
    viewer.window._qt_window.resizeDocks([fuse.parent()], [NARROW_PX], Qt.Orientation.Horizontal)
    settle()


def picture(viewer: Viewer, name: str) -> None:
    """Write a screenshot of the window."""
    settle()
    save(f"story_{name}", viewer.screenshot(canvas_only=False, flash=False))


def shrunk(paths: Sequence[Path], folder: Path, times: int) -> Path:
    """Write planes, this many times smaller, into a folder; return it."""
    folder.mkdir()
    for number, path in enumerate(paths):
        with Image.open(path) as plane:
            plane.reduce(times).save(folder / f"plane_{number:02}.jpg", quality=95)
    return folder


def fused(viewer: Viewer, folder: Path) -> Any:
    """Open a folder, fuse it, and return the dock."""
    viewer.open(str(folder), plugin=PLUGIN)
    fuse = dock(viewer, "Fuse focal stack")
    viewer.reset_view()
    fuse.buttons["run_all"].click()
    wait(fuse.tasks)
    print(fuse.verdict.sentence.text())
    return fuse


def retouching(viewer: Viewer, stack: Path, results: Path, shrink: int) -> None:
    """Run, read the verdict, retouch one hair with its plane beside it, save, reopen, Fuse."""
    fuse = fused(viewer, stack)
    image, labels = viewer.layers[f"{stack.name} fused"], fuse.session.labels
    way = np.array(HAIR) / shrink
    row, column = way.mean(0)
    fuse.buttons["retouch"].click()
    fuse.legend.clicked.emit(HAIR_PLANE)
    labels.brush_size = BRUSH_PX
    settle()
    look_at(viewer, (row, column), HAIR_ZOOM)
    before = image.data.copy()
    with labels.block_history():
        for start, end in pairwise(way):
            for share in np.linspace(0, 1, 8):
                labels.paint(tuple(start + share * (end - start)), HAIR_PLANE)
    viewer.cursor.position = (0.0, *way[-1])
    settle()
    changed = np.count_nonzero((image.data != before).any(-1))
    print(f"the stroke changes {changed} pixels")
    assert changed > 0
    picture(viewer, "retouched")
    painted = image.data.copy()
    paths = labels.save(str(results / f"{labels.name}.tif"), plugin=PLUGIN)
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()

    viewer.open(str(stack), plugin=PLUGIN)
    viewer.open(paths, plugin=PLUGIN)
    fuse = dock(viewer, "Fuse focal stack")
    fuse.stack.value = stack.name
    fuse.buttons["fuse"].click()
    wait(fuse.tasks)
    again = viewer.layers[f"{stack.name} fused"].data
    different = np.count_nonzero((again != painted).any(-1))
    print(f"{different} of {painted[..., 0].size} pixels differ after reopening")
    assert different == 0
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()


def walking(viewer: Viewer, stack: Path, folder: Path, shrink: int) -> None:
    """Take the walk of the tutorial at the pace of a person, and measure it.

    It ends in 3-D: Mesa may crash where layers are removed after painting.
    """
    began, waits = time.monotonic(), []

    def waiting() -> None:
        since = time.monotonic()
        wait(fuse.tasks)
        waits.append(time.monotonic() - since)

    viewer.open(str(stack), plugin=PLUGIN)
    settle(LOOK_S)
    fuse = dock(viewer, "Fuse focal stack")
    viewer.reset_view()
    click(fuse.buttons["run_all"])
    waiting()
    settle(LOOK_S)  # at the picture and the verdict
    waited = time.monotonic()
    picture(viewer, "beetle")
    taken = time.monotonic() - waited
    look_at(viewer, tuple(np.mean(HAIR, 0) / shrink), HAIR_ZOOM)
    fuse.wipe.menu.setCurrentText("with the halo")
    for pressed in (True, False):
        fuse.act("blink", pressed=pressed)
        settle(LOOK_S / 2)
    click(fuse.buttons["retouch"])
    settle(LOOK_S)
    fuse.legend.clicked.emit(HAIR_PLANE)
    settle(LOOK_S)
    for row, column in np.array(HAIR) / shrink:
        fuse.session.labels.paint((row, column), HAIR_PLANE)
        settle(STROKE_S / len(HAIR))
    click(fuse.buttons["retouch"])
    viewer.reset_view()
    QFileDialog.getSaveFileName = staticmethod(lambda *_: (str(folder / "beetle results"), FOLDER))
    settle(LOOK_S)  # a name is given
    click(fuse.buttons["save"])
    waiting()
    click(fuse.buttons["show_surface"])
    settle(LOOK_S)
    seconds = time.monotonic() - began - taken - sum(waits)
    computed = " and ".join(f"{each:.0f} s" for each in waits)
    print(f"the walk takes {seconds:.0f} s, and the computer {computed}")
    print(fuse.tasks.message.text())


def saving(viewer: Viewer, folder: Path) -> None:
    """From the sample pair to its saved results in five clicks."""
    os.chdir(folder)  # so that the dock names a short folder
    viewer.open_sample(PLUGIN, "pair")
    fuse = dock(viewer, "Fuse focal stack")
    clicks = 2  # these entries of menus
    narrow(viewer, fuse)
    viewer.reset_view()
    clicks += click(fuse.buttons["run_all"])
    wait(fuse.tasks)
    QFileDialog.getSaveFileName = staticmethod(lambda *_: ("pair results", FOLDER))
    clicks += click(fuse.buttons["save"])
    clicks += 1  # *Save* in the dialog
    wait(fuse.tasks)
    settle()
    save("saved", viewer.screenshot(canvas_only=False, flash=False))
    written = sorted(path.name for path in Path("pair results").iterdir())
    print(clicks, "clicks:", *written)
    assert clicks == 5
    assert {"pair fused.ome.tif", "pair fused.jpg", "pair foreground.ome.tif"} <= {*written}
    (again,) = viewer.open("pair results/pair fused.ome.tif", plugin=PLUGIN)
    np.testing.assert_array_equal(again.data, viewer.layers["pair fused"].data)
    close(viewer, fuse)
    viewer.window.resize(*WINDOW_PX)


def drop(viewer: Viewer, paths: Sequence[Path]) -> None:
    """Drop files on the canvas."""
    from napari.settings import get_settings

    get_settings().plugins.extension2reader = {"*.jpg": "napari"}  # or napari would ask
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, dropped, left, none)
    viewer.window._qt_viewer.dropEvent(event)
    settle()


def leaving_out(viewer: Viewer, planes: Path) -> None:
    """Drop planes of which one is there twice, fuse them, and leave it out with one click."""
    drop(viewer, sorted(planes.iterdir()))
    fuse = dock(viewer, "Fuse focal stack")
    print(len(viewer.layers), "layers:", fuse.merge.text())
    assert len(viewer.layers) == FEW
    click(fuse.merge)
    viewer.reset_view()
    click(fuse.buttons["run_all"])
    wait(fuse.tasks)
    print(fuse.verdict.sentence.text())
    assert fuse.verdict.sentence.text().startswith("Doubtful")
    picture(viewer, "doubled")
    leave_out = f"Leave out plane {DOUBLED + 2}"
    (button,) = (each for each in fuse.verdict.buttons if each.text() == leave_out)
    click(button)
    wait(fuse.tasks)
    print(fuse.verdict.sentence.text())
    assert leave_out not in [each.text() for each in fuse.verdict.buttons]
    close(viewer, fuse)


def many(viewer: Viewer, folder: Path) -> None:
    """Fuse three stacks from files; one of them is cut short."""
    stacks = folder / "stacks"
    stacks.mkdir()
    planes = microscopy_stack()
    scale, units = (Z_STEP_UM, PIXEL_UM, PIXEL_UM), ("um",) * 3
    for number, turn in enumerate((np.s_[:], np.s_[:, ::-1], np.s_[:, :, ::-1]), 1):
        path = stacks / f"fibres {number}.tif"
        write_tiff(path, planes[turn], axes="ZYX", scale=scale, units=units)
    path = stacks / "fibres 2.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    fuse = dock(viewer, "Fuse focal stack")
    click(fuse.buttons["fuse_many"])
    table = fuse.many
    os.chdir(folder)
    table.add([Path("stacks")])
    table.folder = Path("fused")
    table.target.setText("fused")
    table.extras["depth"].setChecked(True)
    click(table.buttons["start"])
    wait(table.tasks)
    settle()
    shot = table.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    pixels = np.array(shot.constBits().asarray(shot.sizeInBytes()), np.uint8)
    save("many", pixels.reshape(shot.height(), -1, 4)[:, : shot.width()])
    states = [table.state(row) for row in range(3)]
    print(*states, sep="\n")
    assert [state.split()[0] for state in states] == ["done", "failed:", "done"]
    table.close()
    close(viewer, fuse)


def small(viewer: Viewer) -> None:
    """Preview, fuse and retouch with a dock of 300 px in a window of 1280 x 700 px."""
    viewer.open_sample(PLUGIN, "stack")
    fuse = dock(viewer, "Fuse focal stack")
    narrow(viewer, fuse)
    viewer.reset_view()
    click(fuse.buttons["preview"])
    wait(fuse.tasks)
    settle()
    save("preview", viewer.screenshot(canvas_only=False, flash=False))
    click(fuse.buttons["run_all"])
    wait(fuse.tasks)
    click(fuse.buttons["retouch"])
    picture(viewer, "small")
    assert fuse.width() <= NARROW_PX
    assert fuse.window().height() == SMALL_PX[1]
    sentence = fuse.verdict.sentence
    assert sentence.visibleRegion().boundingRect() == sentence.rect()
    click(fuse.buttons["retouch"])
    close(viewer, fuse)
    viewer.window.resize(*WINDOW_PX)


def main() -> None:
    """Play the stories in one napari with default settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shrink", type=int, default=1)
    parser.add_argument("--only", help="name of a single story")
    given = parser.parse_args()
    paths = sorted(given.folder.resolve().glob("*.jpg"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["NAPARI_CONFIG"] = str(folder / "settings.yaml")
        from napari import Viewer

        few = paths[:FEW]
        few.insert(DOUBLED, few[DOUBLED])
        stories = {
            "saving": lambda: saving(viewer, folder),
            "retouching": lambda: retouching(
                viewer, shrunk(paths, folder / "beetle", given.shrink), folder, given.shrink
            ),
            "leaving_out": lambda: leaving_out(
                viewer, shrunk(few[:FEW], folder / "few", given.shrink)
            ),
            "many": lambda: many(viewer, folder),
            "small": lambda: small(viewer),
            "walking": lambda: walking(
                viewer, shrunk(paths, folder / "stag beetle", given.shrink), folder, given.shrink
            ),
        }
        viewer = Viewer()
        viewer.window.resize(*WINDOW_PX)
        settle()
        for name, story in stories.items():
            if given.only in (None, name):
                print(f"- {name}")
                story()
        viewer.close()


if __name__ == "__main__":
    main()
