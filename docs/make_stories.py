"""Two stories of retouching real stacks, played in napari, with screenshots.

xvfb-run -a -s "-screen 0 1400x900x24" python docs/make_stories.py FOLDER [--shrink N]

FOLDER holds the planes of a stack, as JPEGs. Screenshots go to docs/images/napari_story_*.png. Each
story ends with a check, so the script fails where it is not true any more.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from make_screenshots import PLUGIN, WINDOW_PX, dock, look_at, save, settle, wait
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari import Viewer

#: Planes of the second story, and the one that is there twice, from 0.
FEW, DOUBLED = 14, 5
#: Brush of the first story, px, and the length of its stroke, as a share of the width.
BRUSH_PX, STROKE_SHARE = 7, 0.06


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


def retouching(viewer: Viewer, stack: Path, results: Path) -> None:
    """Run, read the verdict, retouch one hair with its plane beside it, save, reopen, Fuse."""
    fuse = fused(viewer, stack)
    picture(viewer, "verdict")
    image, labels = viewer.layers[f"{stack.name} fused"], fuse.session.labels
    row, column = hair(fuse)
    fuse.buttons["retouch"].click()
    fuse.legend.clicked.emit(int(labels.data[row, column]))
    labels.brush_size = BRUSH_PX
    look_at(viewer, (row, column), 6)
    viewer.cursor.position = (0.0, float(row), float(column))
    picture(viewer, "plane_beside")
    length = round(STROKE_SHARE * labels.data.shape[1])
    with labels.block_history():
        for at in range(length):
            labels.paint((row, column - length // 2 + at), labels.selected_label)
    settle()
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


def hair(fuse: Any) -> tuple[int, int]:
    """Return the place where depth changes most within a few pixels, away from the margin."""
    depth = fuse.session.canvas.focus.depth[0].cpu().numpy()
    step = np.abs(np.diff(depth, axis=1))
    margin = depth.shape[1] // 6
    step[:, :margin] = step[:, -margin:] = step[:margin] = step[-margin:] = 0
    row, column = np.unravel_index(step.argmax(), step.shape)
    return int(row), int(column)


def leaving_out(viewer: Viewer, stack: Path) -> None:
    """Fuse planes of which one is there twice, and leave it out with one click."""
    fuse = fused(viewer, stack)
    picture(viewer, "doubled")
    (button,) = (each for each in fuse.verdict.buttons if each.text().startswith("Leave out"))
    print(button.text())
    button.click()
    wait(fuse.tasks)
    print(fuse.verdict.sentence.text())
    picture(viewer, "left_out")
    assert not any(each.text().startswith("Leave out") for each in fuse.verdict.buttons)
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()


def main() -> None:
    """Play the stories in one napari with default settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shrink", type=int, default=2)
    given = parser.parse_args()
    paths = sorted(given.folder.glob("*.jpg"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["NAPARI_CONFIG"] = str(folder / "settings.yaml")
        from napari import Viewer

        few = paths[:FEW]
        few.insert(DOUBLED, few[DOUBLED])
        viewer = Viewer()
        viewer.window.resize(*WINDOW_PX)
        settle()
        leaving_out(viewer, shrunk(few[:FEW], folder / "few", given.shrink))
        retouching(viewer, shrunk(paths, folder / "beetle", given.shrink), folder)
        viewer.close()


if __name__ == "__main__":
    main()
