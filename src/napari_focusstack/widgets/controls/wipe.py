"""Compares a fused image with a plane: in its place for a moment, or left of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_focusstack.planes.layer_axes import ResultAxes

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np
    from napari.layers import Image
    from napari.viewer import Viewer


#: Colour and thickness, screen px, of the line.
LINE_COLOUR, LINE_PX = "#ffcc00", 2
#: Distance from the line within which the mouse takes hold of it, screen px (convention).
GRAB_PX = 10


class Wipe(QWidget):
    """A menu of images to compare with, and how: held down in place, or left of a line.

    The line is dragged in the picture.

    Parameters
    ----------
    viewer : Viewer
        Gets the layer with the other image.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.images: dict[str, np.ndarray] = {}
        self.over: Image | None = None
        self.layer: Image | None = None
        #: Column of the line, px of the image.
        self.column = 0
        self.menu = QComboBox()
        self.menu.setToolTip("what the fused image is compared with")
        # long names must not widen the dock
        shrink = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.menu.setSizeAdjustPolicy(shrink)
        self.blink_button, self.wipe_button = QPushButton("Blink"), QPushButton("Wipe")
        self.wipe_button.setCheckable(True)
        row = QHBoxLayout()
        for button in (self.blink_button, self.wipe_button):
            row.addWidget(button, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.menu)
        column.addLayout(row)
        self.menu.currentTextChanged.connect(self._update)
        self.wipe_button.toggled.connect(self._update)
        self.blink_button.pressed.connect(self._update)
        self.blink_button.released.connect(self._update)
        self._held = False
        self.offer(None, {})

    @property
    def chosen(self) -> np.ndarray | None:
        """The image that is compared with, (Y, X) or (Y, X, 3)."""
        return self.images.get(self.menu.currentText())

    @property
    def blinks(self) -> bool:
        """Whether the image is shown in place of the fused one."""
        return self._held or self.blink_button.isDown()

    def offer(self, over: Image | None, images: dict[str, np.ndarray]) -> None:
        """Offer images (Y, X) or (Y, X, 3), by name, to compare a fused layer with."""
        if over is not self.over and over is not None:
            self.column = over.data.shape[-2 if over.rgb else -1] // 2
        self.over, self.images = over, images
        chosen = self.menu.currentText()
        self.menu.blockSignals(True)
        self.menu.clear()
        self.menu.addItems([*images])
        self.menu.setCurrentText(chosen if chosen in images else next(iter(images), ""))
        self.menu.blockSignals(False)
        self.setEnabled(bool(images))
        if not images:
            self.wipe_button.setChecked(False)
            self._held = False
            self._remove()
        self._update()

    def choose(self, name: str) -> None:
        """Compare with an image that is offered."""
        if name in self.images:
            self.menu.setCurrentText(name)

    def replace(self, name: str, image: np.ndarray) -> None:
        """Show another image under a name that is offered."""
        if name in self.images and self.images[name] is not image:
            self.images[name] = image
            if name == self.menu.currentText():
                self._update()

    def blink(self, *, on: bool) -> None:
        """Show the image in place of the fused one, or the fused one again."""
        self._held = on
        self._update()

    def refresh(self) -> None:
        """Draw the image again after its pixels changed."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.layer.refresh()

    # ---- the layer

    def _update(self, *_: Any) -> None:
        """Show as much of the chosen image as is wanted."""
        image, over = self.chosen, self.over
        wipes = self.wipe_button.isChecked()
        self._follow_mouse(wipes)
        wanted = image is not None and over in self.viewer.layers and (wipes or self.blinks)
        if image is None or over is None or not wanted:
            if self.layer in self.viewer.layers:  # hidden, for it is wanted again soon
                self.layer.visible = False
            return
        part = image if self.blinks else image[:, : max(1, min(self.column, image.shape[1]))]
        if self.layer in self.viewer.layers:
            if self.layer.data is not part:
                self.layer.data = part
        else:
            self.layer = self._add(part, over)
        self.layer.name = f"{over.name} | {self.menu.currentText()}"
        self.layer.bounding_box.visible = not self.blinks
        self.layer.visible = True

    def _add(self, part: np.ndarray, over: Image) -> Image:
        """Add the layer just above the fused image; what was selected stays selected."""
        look = {} if over.rgb else {"colormap": over.colormap, "gamma": over.gamma}
        if not over.rgb:
            look["contrast_limits"] = over.contrast_limits
        selected = set(self.viewer.layers.selection)
        layer = self.viewer.add_image(
            part,
            rgb=over.rgb,
            metadata={"focusstack": {"made_from": over.name}},
            **ResultAxes.in_plane(over).beside(),
            **look,
        )
        layer.bounding_box.points = False
        layer.bounding_box.line_color = LINE_COLOUR
        layer.bounding_box.line_thickness = LINE_PX
        self.viewer.layers.move(len(self.viewer.layers) - 1, self._above())
        self.viewer.layers.selection = selected
        return layer

    def _remove(self) -> None:
        if self.layer in self.viewer.layers:
            self.viewer.layers.remove(self.layer)
        self.layer = None

    def _above(self) -> int:
        """Return the place just above the fused image in the layer list."""
        return int(self.viewer.layers.index(self.over)) + 1

    # ---- the line

    def _follow_mouse(self, on: bool) -> None:
        """Let the mouse drag the line, or not."""
        callbacks = self.viewer.mouse_drag_callbacks
        if on and self._dragged not in callbacks:
            callbacks.append(self._dragged)
        elif not on and self._dragged in callbacks:
            callbacks.remove(self._dragged)

    def _dragged(self, _: Any, event: Any) -> Generator[None, None, None]:
        """Drag the line, if it was taken hold of; nothing is painted or moved meanwhile."""
        at = self._column_at(event.position)
        if at is None or abs(at - self.column) > GRAB_PX * self._px_on_screen():
            return
        active = self.viewer.layers.selection.active
        mode = None if active is None else active.mode
        if active is not None:
            active.mode = "pan_zoom"  # or the drag would paint
        event.handled = True
        yield
        while event.type == "mouse_move":
            event.handled = True
            at = self._column_at(event.position)
            if at is not None and self.chosen is not None:
                self.column = min(max(1, round(at)), self.chosen.shape[1])
                self._update()
            yield
        if active is not None:
            active.mode = mode

    def _column_at(self, position: tuple[float, ...]) -> float | None:
        """Return the column of the image at a place in world coordinates."""
        if self.over is None or not self.wipe_button.isChecked():
            return None
        return float(self.over.world_to_data(position)[-1])

    def _px_on_screen(self) -> float:
        """Return the size of a px of the screen, px of the image."""
        assert self.over is not None
        return 1 / (self.viewer.scene.camera.zoom * abs(float(self.over.scale[-1])))
