"""What the *Fuse focal stack* dock is made of, and where it lies; it does nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_focusstack.parameters import FuseParameters
from napari_focusstack.widgets.curve import Curve
from napari_focusstack.widgets.form import form
from napari_focusstack.widgets.task import TaskBar
from napari_focusstack.widgets.weights_list import known_weights
from napari_focusstack.widgets.wipe import Wipe

if TYPE_CHECKING:
    from napari.viewer import Viewer

#: Where the second layer is not needed, and what the blur is called when the user gives it.
STACK_ALONE, GIVEN = "-", "given"
BUTTONS = {
    "run_all": ("Run all", "segment, estimate the blur and fuse, with the settings below"),
    "segment": ("Segment", "find the foreground; what you painted stays on top"),
    "drop_fixes": ("Drop painted fixes", "go back to the foreground as it was found"),
    "estimate": ("Estimate PSF", "measure the blur along the foreground's edge"),
    "fuse": ("Fuse", "fuse with the foreground and the blur at hand"),
    "load_settings": ("Load settings from layer", "take over how the selected layer was made"),
    "copy_python": ("Copy as Python", "copy a line for napari's console that repeats this run"),
    "copy_command": ("Copy as command", "copy a line for a shell that repeats this run"),
}


class Panel(QWidget):
    """The controls of the dock, in a scroll area above the progress bar.

    Parameters
    ----------
    viewer : Viewer
        Whose layers can be chosen.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.stack = ComboBox(name="stack", label="focal stack", choices=[])
        self.stack.tooltip = "layer that holds all planes, or the near plane"
        self.far = ComboBox(name="far", label="far plane", choices=[STACK_ALONE])
        self.far.tooltip = "second layer, where the planes are layers of their own"
        self.axis = ComboBox(name="axis", label="focus axis", choices=[0])
        self.axis.tooltip = "axis along which focus changes"
        self.input = form(FuseParameters, ("near", "intensity", "device", "tile_px"))
        self.foreground = form(FuseParameters, ("crf",))
        self.blur = form(FuseParameters, ("psf", "psf_shape"))
        self.psf = ComboBox(
            name="psf",
            label="psf",
            choices=["keb+reblur", "reblur", "keb", GIVEN],
            tooltip=self.blur["psf"].tooltip,
        )
        self.sigma_px = FloatSpinBox(name="sigma_px", label="sigma (px)", max=100, step=0.1)
        self.sigma_px.tooltip = (
            "blur of the foreground in the far plane; change it to give your own"
        )
        self.sigma_unit = FloatSpinBox(name="sigma_unit", label="sigma (unit)", max=1e6, step=0.01)
        self.weights = {
            network: ComboBox(
                name=f"{network}_weights",
                label=f"{network.upper()} weights",
                choices=lambda *_, network=network: known_weights(network),
            )
            for network in ("fsb", "keb")
        }
        self.elimination = form(FuseParameters, ("elimination",))
        self.with_diffusion = CheckBox(name="diffusion", text="show what was removed")
        self.with_diffusion.tooltip = "add a layer with the light that elimination took away"
        self.live = CheckBox(name="live", text="follow the brush", value=True)
        self.live.tooltip = "fuse again around each stroke while the foreground is painted"
        self.figures = QLabel()
        self.figures.setWordWrap(True)
        self.residual = Curve("sigma (px)", "residual (%)")
        self.kernel = Curve("distance (px)", "kernel")
        self.wipe = Wipe(viewer)
        self.tasks = TaskBar()
        self.buttons: dict[str, QPushButton] = {}
        for name, (text, tip) in BUTTONS.items():
            self.buttons[name] = QPushButton(text)
            self.buttons[name].setToolTip(tip)
        self._lay_out()

    def _lay_out(self) -> None:
        button = self.buttons
        plots = _columns(self.residual, self.kernel)
        parts = [
            _rows(self.stack, self.far, self.axis),
            _folded("Input", self.input.native),
            button["run_all"],
            _folded("1  Foreground", self.foreground.native, _rows(self.weights["fsb"])),
            _columns(button["segment"], button["drop_fixes"]),
            _rows(self.psf, self.sigma_px, self.sigma_unit),
            _folded("2  Blur", _rows(self.blur["psf_shape"], self.weights["keb"]), plots),
            button["estimate"],
            self.elimination.native,
            _columns(self.live.native, self.with_diffusion.native),
            button["fuse"],
            self.figures,
            _folded("Compare", self.wipe),
            _folded(
                "Settings",
                button["load_settings"],
                _columns(button["copy_python"], button["copy_command"]),
            ),
        ]
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(4)
        for part in parts:
            column.addWidget(part)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll, 1)
        outer.addWidget(self.tasks)


def _rows(*widgets: ComboBox | FloatSpinBox) -> QWidget:
    """Return labelled rows."""
    native: QWidget = Container(widgets=list(widgets)).native
    return native


def _columns(*widgets: QWidget) -> QWidget:
    """Return widgets side by side."""
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget)
    return both


def _folded(title: str, *widgets: QWidget) -> QCollapsible:
    """Return a section that opens on a click."""
    section = QCollapsible(title)
    section.setDuration(0)
    for widget in widgets:
        section.addWidget(widget)
    return section
