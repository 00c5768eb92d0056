"""The *Fuse focal stack* dock: what its buttons do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QApplication

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.reproduce import from_record
from napari_focusstack.widgets.controls import weights_menu as weights_list
from napari_focusstack.widgets.controls.task_bar import parted
from napari_focusstack.widgets.fuse.controller import FuseSteps
from napari_focusstack.widgets.fuse.layer_menus import LayerMenus
from napari_focusstack.widgets.fuse.panel import Panel
from napari_focusstack.widgets.fuse.run_record import (
    ask_record,
    command_of,
    python_of,
    record_of_layer,
)
from napari_focusstack.widgets.fuse.settings import FuseSettings
from napari_focusstack.widgets.fuse.surface_view import SurfaceView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.viewer import Viewer
    from qtpy.QtCore import QEvent

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.widgets.session.session import Session
    from napari_focusstack.widgets.session.source import Source


#: Buttons that run a step; the others are the dock's own.
STEPS = ("run_all", "segment", "drop_fixes", "estimate", "fuse", "fuse_series")


class FuseWidget(Panel):
    """Dock that fuses a focal stack, step by step or at once.

    Parameters
    ----------
    napari_viewer : Viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(napari_viewer)
        self.viewer = napari_viewer
        self.menus = LayerMenus(napari_viewer, self)
        self.settings = FuseSettings(self, self.menus)
        self.steps = FuseSteps(napari_viewer, self, self.menus, self.settings)
        self.surface = SurfaceView(napari_viewer)
        for name, button in self.buttons.items():
            do = getattr(self.steps if name in STEPS else self, name)
            button.clicked.connect(lambda _=False, do=do: self._try(do))
        self.legend.clicked.connect(
            lambda plane: self._try(lambda: self.steps.plane_brush.paint_with(plane))
        )
        self.tasks.busy_changed.connect(self._enable)
        self.stack.changed.connect(self._stack_changed)
        layers = napari_viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._layers_changed)
        weights_list.changed.connect(self._weights_changed)
        self.settings.begin_as_preferred()
        self._layers_changed()

    def changeEvent(self, event: QEvent | None) -> None:
        """Leave the running step, the brush and the wipe where the dock is closed."""
        if parted(self, event):
            self.steps.leave()
            self.wipe.offer(None, {})
        super().changeEvent(event)

    @property
    def session(self) -> Session | None:
        """What was found of the stack that was fused last."""
        return self.steps.session

    def source(self) -> Source:
        """Return the planes that are chosen; InputError if there is no image layer."""
        return self.menus.source()

    def parameters(self) -> FuseParameters:
        """Return the settings, a checked value each."""
        return self.settings.parameters()

    def follow_brush(self) -> None:
        """Fuse again around what was painted since last time, if the switch is on."""
        self.steps.follow_brush()

    # ---- buttons

    def _try(self, do: Callable[[], Any]) -> None:
        """Do something; what the user can mend is said under the progress bar."""
        try:
            do()
        except InputError as error:
            self.tasks.say(str(error), error=True)

    def pick_plane(self) -> None:
        """Let the brush take the plane that is clicked next in the picture, or give that up."""
        if not self.buttons["pick_plane"].isChecked():
            self.steps.plane_brush.stop_picking()
            return
        self.steps.plane_brush.pick()
        self.tasks.say("click in the picture on what the plane shall be taken from")

    def paint_plane(self) -> None:
        """Let the brush take the plane that the slider shows."""
        plane = self.steps.plane_brush.paint_with_shown()
        self.tasks.say(f"the brush paints plane {plane}, counted from the nearest")

    def show_surface(self) -> None:
        """Show the fused image as a surface, or the picture again."""
        button = self.buttons["show_surface"]
        if not button.isChecked():
            self.surface.hide()
            return
        button.setChecked(False)
        session, _ = self.steps.prepare()
        if not self.surface.show(session):
            self.tasks.say("the distance between planes is not known, so the depth is only drawn")
        button.setChecked(True)

    def load_layer(self) -> None:
        """Take over the record of the selected layer, from this session or from its file."""
        layer = self.viewer.layers.selection.active
        self._load(record_of_layer(layer), layer.name)

    def load_file(self) -> None:
        """Take over the record in a file that the user chooses."""
        chosen = ask_record(self)
        if chosen is not None:
            self._load(*chosen)

    def _load(self, told: Mapping[str, Any], name: str) -> None:
        self.settings.set_parameters(from_record(told))
        self.tasks.say(f"settings of {name!r} loaded")

    def copy_python(self) -> None:
        """Put a line for napari's console on the clipboard."""
        self._copy(python_of(*self.steps.prepare()))

    def copy_command(self) -> None:
        """Put a line for a shell on the clipboard."""
        self._copy(*command_of(*self.steps.prepare()))

    def _copy(self, line: str, but: str = "") -> None:
        QApplication.clipboard().setText(line)
        self.tasks.say(f"copied; {but}: {line}" if but else f"copied: {line}")

    # ---- what changes beside the dock

    def _layers_changed(self, *_: Any) -> None:
        self.menus.refresh()
        if self.session is not None:
            self.session.layers.renamed()
        self._stack_changed()

    def _stack_changed(self, *_: Any) -> None:
        self.menus.follow_stack()
        if self.menus.stack is not None:
            self.settings.show_sigma(self.sigma_px.value)

    def _weights_changed(self, network: str) -> None:
        self.weights[network].reset_choices()

    def _enable(self, busy: bool) -> None:
        for button in self.buttons.values():
            button.setEnabled(not busy)
