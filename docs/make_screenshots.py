"""Make the screenshots of the documentation, on a screen of at least 1400 x 900 pixels.

xvfb-run -a -s "-screen 0 1400x900x24" python docs/make_screenshots.py
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from qtpy.QtWidgets import QApplication, QScrollArea

from napari_focusstack.io.writing.layer_tiff import write_tiff
from napari_focusstack.samples.stacks import PIXEL_UM, Z_STEP_UM, colour_stack, microscopy_stack

if TYPE_CHECKING:
    from napari import Viewer

IMAGES = Path(__file__).parent / "images"
PLUGIN = "napari-focusstack"
WINDOW_PX = (1400, 860)
#: Ends of a gap that is painted into a leg of the specimen and closed again (row, column).
GAP = ((243, 337), (253, 348))
GAP_PX = 5
#: A leg of the specimen in the sample stack (row, column), and the plane that shows it best.
HAIR, HAIR_PLANE = (87, 191), 3


def settle(seconds: float = 1.0) -> None:
    """Wait until napari has drawn and its notifications have faded."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def save(name: str, pixels: np.ndarray) -> None:
    """Write an image with 256 colours, which makes files a third as large."""
    path = IMAGES / f"napari_{name}.png"
    Image.fromarray(pixels[..., :3]).quantize(256, kmeans=1).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def picture(viewer: Viewer, name: str, width_px: int = 0) -> None:
    """Write a screenshot of the window, or of its right side of this width, px."""
    settle()
    save(name, viewer.screenshot(canvas_only=False, flash=False)[:, -width_px:])


def dock(viewer: Viewer, widget: str) -> Any:
    """Open a widget of the plugin and return it."""
    _, opened = viewer.window.add_plugin_dock_widget(PLUGIN, widget)
    settle()
    return opened


def look_at(viewer: Viewer, centre: tuple[float, float], zoom: float) -> None:
    """Centre the view; `zoom` is in screen pixels per pixel."""
    viewer.scene.camera.center = centre
    viewer.scene.camera.zoom = zoom


def wait(tasks: Any) -> None:
    """Wait for the running task."""
    while tasks.busy:
        settle(0.1)


def stroke(layer: Any, label: int) -> None:
    """Paint along the leg, as with a mouse."""
    (row, column), (last_row, last_column) = GAP
    for share in np.linspace(0, 1, 30):
        position = (row + share * (last_row - row), column + share * (last_column - column))
        layer.paint(position, label)


def fusing(viewer: Viewer) -> None:
    """Fuse the sample pair, correct its labels with the brush, and compare."""
    viewer.open_sample(PLUGIN, "pair")
    fuse = dock(viewer, "Fuse focal stack")
    viewer.layers.selection.active = viewer.layers["pair"]
    viewer.reset_view()
    picture(viewer, "opened")
    fuse.buttons["run_all"].click()
    wait(fuse.tasks)
    picture(viewer, "fused")
    foreground = viewer.layers["pair foreground"]
    fuse.buttons["retouch"].click()
    fuse.overlay.value = "not at all"
    foreground.brush_size = GAP_PX
    look_at(viewer, (244, 340), 10)
    sides = []
    for label in (0, 1):
        stroke(foreground, label)
        settle()
        sides.append(viewer.screenshot(size=(500, 690), flash=False)[..., :3])
    sides.insert(1, np.full((500, 6, 3), 255, np.uint8))
    save("painting", np.concatenate(sides, 1))
    fuse.buttons["drop_fixes"].click()
    fuse.buttons["retouch"].click()
    settle()  # the canvas gets its width back
    look_at(viewer, (200, 265), 2.6)
    fuse.wipe.menu.setCurrentText("far plane")
    fuse.wipe.wipe_button.click()
    picture(viewer, "wipe")
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()


def stacking(viewer: Viewer) -> None:
    """Fuse the sample stack of eight planes, retouch it, and show its depth and its surface."""
    viewer.open_sample(PLUGIN, "stack")
    viewer.layers["stack"].scale = (Z_STEP_UM, PIXEL_UM, PIXEL_UM)
    viewer.layers["stack"].units = ("um",) * 3
    fuse = dock(viewer, "Fuse focal stack")
    viewer.reset_view()
    fuse.buttons["run_all"].click()
    wait(fuse.tasks)
    picture(viewer, "stack")
    viewer.dims.set_current_step(0, HAIR_PLANE - 1)
    fuse.buttons["retouch"].click()
    settle()
    look_at(viewer, (HAIR[0] * PIXEL_UM, HAIR[1] * PIXEL_UM), 5 / PIXEL_UM)
    viewer.cursor.position = (0.0, HAIR[0] * PIXEL_UM, HAIR[1] * PIXEL_UM)
    picture(viewer, "retouch")
    fuse.buttons["retouch"].click()
    settle()  # the canvas gets its width back
    viewer.reset_view()
    viewer.layers["stack depth"].visible = True
    picture(viewer, "depth")
    viewer.layers["stack depth"].visible = False
    fuse.buttons["show_surface"].click()
    picture(viewer, "surface")
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()
    viewer.dims.ndisplay = 2


def series(viewer: Viewer) -> None:
    """Fuse two channels at three time points."""
    planes = colour_stack((192, 256))
    movie = np.stack([planes, planes[:, ::-1], planes[:, :, ::-1]])
    about = {"focusstack": {"path": "cells.tif", "focus_axis": 1}}
    for name, channel, colour in (("cells red", 0, "red"), ("cells green", 1, "green")):
        viewer.add_image(
            movie[..., channel],
            name=name,
            colormap=colour,
            blending="additive",
            scale=(1.0, 2.0, 0.65, 0.65),
            units=("s", "um", "um", "um"),
            axis_labels=("t", "z", "y", "x"),
            metadata=about,
        )
    fuse = dock(viewer, "Fuse focal stack")
    viewer.reset_view()
    fuse.buttons["fuse_series"].click()
    wait(fuse.tasks)
    fuse.findChild(QScrollArea).ensureWidgetVisible(fuse.figures)
    picture(viewer, "series")
    viewer.window.remove_dock_widget(fuse)
    viewer.layers.clear()


def opening(viewer: Viewer, folder: Path) -> None:
    """Open a stack with options."""
    path = folder / "fibres.tif"
    scale, units = (Z_STEP_UM, PIXEL_UM, PIXEL_UM), ("um",) * 3
    write_tiff(path, microscopy_stack(), axes="ZYX", scale=scale, units=units)
    widget = dock(viewer, "Open focal stack")
    widget.inspect([path])
    wait(widget.task)
    settle()
    widget.open_button.click()
    wait(widget.task)
    viewer.reset_view()
    picture(viewer, "open_stack")
    viewer.window.remove_dock_widget(widget)
    viewer.layers.clear()


def main() -> None:
    """Make all screenshots in one napari with default settings."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_CONFIG"] = str(Path(folder, "settings.yaml"))
        # what the training widget shows as the place of a user's own weights
        os.environ["XDG_DATA_HOME"] = "/home/me/.local/share"
        from napari import Viewer

        viewer = Viewer()
        viewer.window.resize(*WINDOW_PX)
        settle()
        fusing(viewer)
        stacking(viewer)
        series(viewer)
        opening(viewer, Path(folder))
        training = dock(viewer, "Train focus networks")
        viewer.window.resize(1000, 560)
        picture(viewer, "train", training.width() + 6)
        viewer.close()


if __name__ == "__main__":
    main()
