"""Wipe between a fused image and a plane: the left part of the plane lies over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QSlider, QWidget

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer


#: Resolution of the slider (convention: finer than the pixels of a screen).
STEPS = 1000
#: Menu entry that shows nothing.
OFF = "(off)"


class Wipe(QWidget):
    """A menu of images to compare with, and a slider of how far they reach from the left.

    Parameters
    ----------
    viewer : Viewer
        Gets the layer with the left part.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.images: dict[str, np.ndarray] = {}
        self.over: Image | None = None
        self.layer: Image | None = None
        self.menu = QComboBox()
        self.menu.setToolTip("image to show over the left part of the fused image")
        self.menu.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, STEPS)
        self.slider.setValue(STEPS // 2)
        self.slider.setToolTip("how far that image reaches from the left")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.menu)
        row.addWidget(self.slider, 1)
        self.menu.currentTextChanged.connect(lambda _: self.update_layer())
        self.slider.valueChanged.connect(lambda _: self.update_layer())
        self.offer(None, {})

    def offer(self, over: Image | None, images: dict[str, np.ndarray]) -> None:
        """Offer images (Y, X) or (Y, X, 3), by name, to show over a fused layer."""
        self.over, self.images = over, images
        chosen = self.menu.currentText()
        self.menu.blockSignals(True)
        self.menu.clear()
        self.menu.addItems([OFF, *images])
        self.menu.setCurrentText(chosen if chosen in images else OFF)
        self.menu.blockSignals(False)
        self.update_layer()

    def update_layer(self) -> None:
        """Show the part of the chosen image that the slider says, or nothing."""
        image = self.images.get(self.menu.currentText())
        if image is None or self.over is None or self.over not in self.viewer.layers:
            if self.layer is not None and self.layer in self.viewer.layers:
                self.viewer.layers.remove(self.layer)
            self.layer = None
            return
        part = image[:, : max(1, image.shape[1] * self.slider.value() // STEPS)]
        if self.layer is not None and self.layer in self.viewer.layers:
            self.layer.data = part
        else:
            look = (
                {}
                if self.over.rgb
                else {
                    "colormap": self.over.colormap,
                    "contrast_limits": self.over.contrast_limits,
                }
            )
            selected = set(self.viewer.layers.selection)
            self.layer = self.viewer.add_image(
                part,
                rgb=self.over.rgb,
                metadata={"focusstack": {"made_from": self.over.name}},
                scale=self.over.scale[-2:],
                translate=self.over.translate[-2:],
                units=self.over.units[-2:],
                axis_labels=self.over.axis_labels[-2:],
                **look,
            )
            # just above the fused image and below the labels, which stay selected for painting
            self.viewer.layers.move(len(self.viewer.layers) - 1, self._above())
            self.viewer.layers.selection = selected
        self.layer.name = f"{self.over.name} | {self.menu.currentText()}"

    def refresh(self) -> None:
        """Draw the part again after its pixels changed."""
        if self.layer is not None and self.layer in self.viewer.layers:
            self.layer.refresh()

    def _above(self) -> int:
        """Return the place just above the fused image in the layer list."""
        return int(self.viewer.layers.index(self.over)) + 1
