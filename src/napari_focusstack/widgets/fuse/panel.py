"""The controls of the *Fuse focal stack* dock and their layout, without what they do."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, ComboBox
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.parameters import FuseParameters, ProjectionParameters, SlabParameters
from napari_focusstack.widgets.controls.channel_menu import ChannelMenu
from napari_focusstack.widgets.controls.device_menu import DeviceMenu
from napari_focusstack.widgets.controls.eliding import NARROWEST_DOCK_PX, elide
from napari_focusstack.widgets.controls.form import SPACING_PX, folded, form, number_box
from napari_focusstack.widgets.controls.line_plot import Curve
from napari_focusstack.widgets.controls.plane_legend import Legend
from napari_focusstack.widgets.controls.plane_list import PlaneList
from napari_focusstack.widgets.controls.task_bar import TaskBar
from napari_focusstack.widgets.controls.units import unit_sign
from napari_focusstack.widgets.controls.verdict_view import VerdictView
from napari_focusstack.widgets.controls.weights_menu import named_weights
from napari_focusstack.widgets.controls.wipe import Wipe
from napari_focusstack.widgets.controls.wrapping import wrap
from napari_focusstack.widgets.session.label_layer import OVERLAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magicgui.widgets import FloatSpinBox
    from magicgui.widgets.bases import ValueWidget
    from napari.viewer import Viewer


#: Entries of menus: no second layer, and a sigma that the user gives.
STACK_ALONE, GIVEN = "(none)", "given"
#: Text and tooltip of each button, by the name of the method that it calls.
BUTTONS = {
    "run_all": ("Run all", "find the planes in focus, measure the blur, remove halos and fuse"),
    "preview": (
        "Preview",
        "fuse a part only: what is visible, or a rectangle in the selected Shapes layer",
    ),
    "segment": (
        "Find planes",
        "find which plane is in focus at each pixel; what you painted stays on top",
    ),
    "retouch": (
        "Retouch",
        "show the chosen plane beside the fused image, and brush with it; press again to end",
    ),
    "drop_fixes": (
        "Drop painted fixes",
        "take back all that was painted: show the labels as estimated",
    ),
    "pick_plane": (
        "Pick plane",
        "click in the picture, or drag: the brush takes the plane in focus there",
    ),
    "paint_plane": (
        "Brush",
        "brush with the plane that the slider below the picture shows",
    ),
    "estimate": (
        "Measure blur",
        "measure the blur along the edges of what is near, as painted now",
    ),
    "fuse": ("Fuse", "fuse with the present planes and blur; what is missing is measured"),
    "fuse_series": (
        "Fuse all time points",
        "fuse each time point with its planes and its blur; what is missing is measured",
    ),
    "show_surface": (
        "Show in 3-D",
        "show the fused image on its depth as a surface; press again to go back",
    ),
    "save": (
        "Save\N{HORIZONTAL ELLIPSIS}",
        "save all results into a folder, or the fused image or the surface into a file",
    ),
    "export_movie": (
        "Export movie\N{HORIZONTAL ELLIPSIS}",
        "write the surface as it rocks, or a sweep through the planes, as MP4 or GIF",
    ),
    "project": ("Project", "project the planes around the surface, and all channels chosen above"),
    "fuse_slabs": ("Fuse slabs", "fuse a few neighbouring planes at a time, as a new stack"),
    "fuse_many": (
        "Fuse many\N{HORIZONTAL ELLIPSIS}",
        "fuse many files and folders with these settings, one by one",
    ),
    "load_layer": ("Load from layer", "use the settings with which the selected layer was made"),
    "load_file": (
        "Load from file\N{HORIZONTAL ELLIPSIS}",
        "use the settings in an image that this plugin wrote, or in a report (.json)",
    ),
    "copy_python": ("Copy as Python", "copy lines for napari's console that repeat this run"),
    "copy_command": ("Copy as command", "copy a line for a shell that repeats this run"),
}
#: Labels of parameters whose names say too little.
LABELS = {
    "near": "nearest plane",
    "planes": "used planes",
    "intensity": "pixel values",
    "psf_shape": "shape of the blur",
    "tile_px": "tile (px)",
    "elimination": "remove halos",
    "equalize": "light and faults",
    "blend": "blend planes",
    "slab": "slabs",
}
#: Networks whose weights can be chosen: FSB, DEB and MEB estimate the labels, KEB the blur, SEB the
#: sources, TEB how far an unmixed background is to be trusted.
NETWORKS = ("fsb", "deb", "meb", "keb", "seb", "teb")
#: Menu entries of the values of parameters.
WORDS = {
    "intensity": {
        "auto": "automatic",
        "linear": "linear (camera data)",
        "srgb": "sRGB (photographs)",
    },
    "register": {"auto": "if they moved", "on": "always", "off": "never"},
    "equalize": {"auto": "correct them", "off": "leave them"},
    "near": {"first": "the first", "last": "the last", "auto": "find out"},
    "psf_shape": {"auto": "automatic", "gaussian": "Gaussian", "disk": "disk"},
    "blend": {
        "seams": "where a seam would show",
        "none": "nowhere (pixels as recorded)",
        "noise": "everywhere (noisy stacks)",
    },
    "elimination": {
        "unmix": "yes",
        "subtract": "by subtraction",
        "none": "no",
    },
}
#: Values of each parameter, in order.
CHOICES = {each.name: each.metadata["choices"] for each in fields(FuseParameters)}
#: What a projection can make of the planes.
PROJECTIONS = ("max", "mean", "sum")
#: Methods that estimate the blur.
METHODS = [
    ("network (KEB), then reblurring", "keb+reblur"),
    ("reblurring alone", "reblur"),
    ("network (KEB) alone", "keb"),
    ("as given under 2 Blur", GIVEN),
]
#: Help texts of the dock where those of the command speak of options.
TIPS = {
    "near": "which plane is nearest to the lens; find out takes the order that explains the planes "
    "better",
    "planes": "numbers and ranges of the planes to use, in the order of the slider, such as "
    "1,3,5:9; empty for all",
    "intensity": "how pixel values relate to light; automatic reads 8-bit colour as sRGB",
    "register": "move planes that shift, turn or change size with the focus over each other",
    "equalize": "equalise light that changes between planes, and fill hot or dead pixels",
    "elimination": "remove the blurred light that near things spread over what lies behind; choose "
    "no in transmitted light, where nothing hides anything",
    "blend": "where planes are mixed rather than one of them chosen",
    "psf_shape": "shape of a point out of focus; automatic takes the one that explains the planes "
    "better",
    "project": "what is made of the planes around the surface",
    "slab": "planes of a slab, and how many of them are those of the slab before, such as 10:3",
}
#: The longest label; all are as wide.
WIDEST = LABELS["psf_shape"]
#: Rows whose menus have entries too wide to stand beside their label in the narrowest dock.
BELOW_LABEL = ("intensity", "psf", "blend", "register", "overlay")
#: Rows of the dock's settings that only experts change.
ADVANCED = ("device", "tile_px")
#: Size of the dock, px: it leaves room for the picture on a small screen.
WIDTH_PX, HEIGHT_PX = 360, 690
MARGIN_PX = 6


class Panel(QWidget):
    """The controls of the dock: stack, progress and verdict, and the others in a scroll area below.

    Parameters
    ----------
    viewer : Viewer
        Whose layers can be chosen.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.stack = ComboBox(name="stack", label="focal stack", choices=[])
        self.stack.tooltip = "layer with all planes, or with the near one of two"
        self.far = ComboBox(name="far", label="far plane", choices=[STACK_ALONE])
        self.far.tooltip = "layer with the far plane, where each plane of a pair is a layer"
        self.swap = QToolButton()
        self.swap.setText("\N{UP DOWN ARROW}")
        self.swap.setToolTip("exchange the near and the far plane")
        self.merge = QPushButton()
        self.merge.setToolTip(
            "put one layer with all single images of this size in their place, in the order of "
            "the numbers in their names"
        )
        self.merge.hide()
        self.axis = ComboBox(name="axis", label="focus axis", choices=[0])
        self.axis.tooltip = "axis along which focus changes"
        self.channels = ChannelMenu()
        names = ("near", "planes", "register", "equalize", "intensity", "tile_px")
        self.input = form(FuseParameters, names)
        self.input.append(DeviceMenu())
        self.foreground = form(FuseParameters, ("crf",))
        self.foreground["crf"].text = "refine edges (CRF)"
        self.blur = form(FuseParameters, ("psf_shape",))
        self.elimination = form(FuseParameters, ("elimination",))
        self.blend = form(FuseParameters, ("blend",))
        self.cut = form(FuseParameters, ("crop",))
        self.cut["crop"].text = "cut to what all planes show"
        self.projection = form(
            ProjectionParameters, ("project", "above", "below", "channel_offset")
        )
        self.projection["project"].choices = PROJECTIONS
        self.projection["channel_offset"].native.setPlaceholderText("none")
        self.slabs = form(SlabParameters, ("slab",))
        self.slabs["slab"].value = "10:3"
        for widget in (*self.projection, *self.slabs):
            widget.label = LABELS.get(widget.name, widget.label)
            widget.tooltip = TIPS.get(widget.name, widget.tooltip)
        self.forms = (
            *(self.input, self.foreground, self.blur, self.elimination, self.blend),
            self.cut,
        )
        for widget in (*self.input, *self.blur, *self.elimination, *self.blend):
            widget.label = LABELS.get(widget.name, widget.label)
            widget.tooltip = TIPS.get(widget.name, widget.tooltip)
            if widget.name in WORDS:
                chosen = widget.value
                # a function: magicgui goes back to the first list when the parent changes
                widget.choices = lambda menu: [
                    (WORDS[menu.name].get(value, value), value) for value in CHOICES[menu.name]
                ]
                widget.value = chosen
        self.psf = ComboBox(name="psf", label="blur measured by", choices=METHODS)
        self.psf.tooltip = _help("psf")
        self.sigma_px = _sigma_box(
            "sigma_px", 100, "how far a point spreads one plane out of focus (standard deviation)"
        )
        self.sigma_px.native.setSuffix(" px")
        self.sigma_unit = _sigma_box("sigma_unit", 1e6, "the same in the unit of the layer's scale")
        self.sigma_unit.label_changed.connect(self._name_unit)
        self._name_unit(UNKNOWN)
        self.weights = {
            network: ComboBox(
                name=f"{network}_weights",
                label=f"{network.upper()} weights",
                choices=lambda *_, network=network: named_weights(network),
                tooltip=_help(f"{network}_weights"),
            )
            for network in NETWORKS
        }
        self.with_diffusion = CheckBox(name="diffusion", text="show what was removed")
        self.with_diffusion.tooltip = "add a layer with the halo, the light that was removed"
        self.with_depth = CheckBox(name="depth", text="depth map")
        self.with_depth.tooltip = (
            "add a layer with the depth of each pixel behind the nearest plane"
        )
        self.with_sources = CheckBox(name="sources", text="show which plane")
        self.with_sources.tooltip = "add a layer with the plane from which each pixel comes"
        self.live = CheckBox(name="live", text="follow the brush", value=True)
        self.live.tooltip = "fuse again around each stroke while labels are painted"
        self.planes, self.planes_used = PlaneList(), QLabel()
        wrap(self.planes_used)
        self.input["planes"].native.setPlaceholderText("all")
        self.verdict = VerdictView()
        self.figures = QLabel()
        wrap(self.figures)
        self.residual = Curve("blur (px)", "unexplained (%)")
        self.kernel = Curve("distance (px)", "a point out of focus")
        self.sharpness = Curve("plane, from the nearest", "sharpness")
        self.legend = Legend()
        self.overlay = ComboBox(name="overlay", label="show planes as", choices=OVERLAYS)
        self.overlay.tooltip = "how the planes are shown over the fused image while it is retouched"
        self.wipe = Wipe(viewer)
        self.tasks = TaskBar()
        self.buttons: dict[str, QPushButton] = {}
        for name, (text, tip) in BUTTONS.items():
            self.buttons[name] = QPushButton(text)
            self.buttons[name].setToolTip(tip)
        for name in ("retouch", "pick_plane", "show_surface"):
            self.buttons[name].setCheckable(True)
        self._lay_out()

    def sizeHint(self) -> QSize:
        """Return a size that fits a small screen; the rest is scrolled."""
        return QSize(WIDTH_PX, HEIGHT_PX)

    def name_stack(self, *, is_pair: bool) -> None:
        """Name the first menu by what is chosen there: a stack, or the near one of two images."""
        label = self.stack_row.findChild(QLabel)
        label.setText("near plane" if is_pair else "focal stack")

    def _name_unit(self, label: str) -> None:
        """Show sigma in the unit of a label such as "sigma (um)"; hide it where that is px."""
        unit = label.removeprefix("sigma (").removesuffix(")")
        self.sigma_unit.native.setSuffix(f" {unit_sign(unit)}")
        self.sigma_unit.native.setHidden(unit == UNKNOWN)

    def _lay_out(self) -> None:
        button = self.buttons
        self.stack_row = _rows(self.stack)
        self.far_row = _rows(("far plane", _columns(self.far.native, self.swap, widths=(1, 0))))
        self.axis_row = _rows(self.axis)
        self.channels_row = _rows(("other channels", self.channels))
        apart = ("planes", *ADVANCED)
        settings = [widget for widget in self.input if widget.name not in apart]
        self.planes_section = folded(
            "Planes", self.planes, self.planes_used, _rows(self.input["planes"])
        )
        top = [
            self.stack_row,
            self.merge,
            self.far_row,
            self.axis_row,
            self.channels_row,
            _columns(button["run_all"], button["preview"], button["save"], widths=(2, 1, 1)),
            self.tasks,
            self.verdict,
        ]
        parts = [
            self.planes_section,
            folded("Figures", self.figures, self.sharpness),
            folded("Input", _rows(*settings)),
            _heading("Retouch and compare"),
            _columns(button["retouch"], button["drop_fixes"], widths=(2, 3)),
            self.legend,
            _columns(button["pick_plane"], button["paint_plane"]),
            _rows(self.overlay, ("compare with", self.wipe)),
            _heading("1 Which plane"),
            button["segment"],
            _heading("2 Blur"),
            _rows(("blur", _stacked(self.sigma_px.native, self.sigma_unit.native))),
            button["estimate"],
            _heading("3 Fused image"),
            _rows(*self.elimination),
            _columns(self.live.native, self.with_depth.native),
            self.with_diffusion.native,
            self.cut["crop"].native,
            _columns(button["fuse"], button["fuse_series"], widths=(2, 3)),
            _columns(button["show_surface"], button["export_movie"]),
            button["fuse_many"],
            folded(
                "Advanced",
                _rows(*(self.input[name] for name in ADVANCED)),
                self.foreground["crf"].native,
                self.with_sources.native,
                _rows(self.psf, self.blur["psf_shape"], self.blend["blend"]),
                _rows(*self.weights.values()),
                _columns(self.residual, self.kernel),
            ),
            folded("Projection", _rows(*self.projection), button["project"]),
            folded("Slabs", _rows(*self.slabs), button["fuse_slabs"]),
            folded(
                "Settings",
                _columns(button["load_layer"], button["load_file"]),
                button["copy_python"],
                button["copy_command"],
            ),
        ]
        inside = _stacked(*parts)
        inside.layout().addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(*[MARGIN_PX] * 4)
        outer.setSpacing(SPACING_PX)
        outer.addWidget(_stacked(*top))
        outer.addWidget(scroll, 1)
        elide(self)
        self.setMinimumWidth(NARROWEST_DOCK_PX)


def _help(name: str) -> str:
    """Return the help text of a parameter."""
    text: str = FuseParameters.__dataclass_fields__[name].metadata["help"]
    return text


def _sigma_box(name: str, largest: float, tip: str) -> FloatSpinBox:
    """Return a box for sigma, with 4 decimals."""
    box = number_box(1e-4, name=name, max=largest)
    box.tooltip = f"{tip}; change it to set it yourself"
    box.native.setSpecialValueText("unknown")
    return box


def _rows(*rows: ValueWidget | tuple[str, QWidget]) -> QWidget:
    """Return labelled rows; all labels of the dock are of one width."""
    block = QWidget()
    form = QFormLayout(block)
    form.setContentsMargins(0, 0, 0, 0)
    form.setVerticalSpacing(SPACING_PX)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for row in rows:
        text, native = row if isinstance(row, tuple) else (row.label, row.native)
        for menu in (native, *native.findChildren(QComboBox)):
            if isinstance(menu, QComboBox):
                # long names of layers and files must not widen the dock
                shrink = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
                menu.setSizeAdjustPolicy(shrink)
        label = QLabel(text)
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance(WIDEST))
        label.setToolTip(native.toolTip())
        if isinstance(row, tuple) or row.name not in BELOW_LABEL:
            form.addRow(label, native)
        else:
            form.addRow(label)
            form.addRow(native)
    return block


def _columns(*widgets: QWidget, widths: Sequence[int] = ()) -> QWidget:
    """Return widgets side by side, each as wide as the others, or of relative widths."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    for widget, width in zip(widgets, widths or (1,) * len(widgets), strict=True):
        row.addWidget(widget, width)
    return line


def _stacked(*widgets: QWidget) -> QWidget:
    """Return widgets one below the other."""
    block = QWidget()
    column = QVBoxLayout(block)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(SPACING_PX)
    for widget in widgets:
        column.addWidget(widget)
    return block


def _heading(text: str) -> QLabel:
    heading = QLabel(f"<b>{text}</b>")
    heading.setContentsMargins(0, SPACING_PX, 0, 0)
    return heading
