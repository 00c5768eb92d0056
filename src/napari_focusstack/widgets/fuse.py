"""The *Fuse focal stack* dock: what its buttons do."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QApplication

from napari_focusstack.errors import InputError
from napari_focusstack.repeat import from_record
from napari_focusstack.widgets import weights_list
from napari_focusstack.widgets.brush_follower import BrushFollower
from napari_focusstack.widgets.fuse_settings import FuseSettings
from napari_focusstack.widgets.layer_menus import LayerMenus
from napari_focusstack.widgets.outcome import Outcome
from napari_focusstack.widgets.panel import GIVEN, Panel
from napari_focusstack.widgets.pictures import Frame
from napari_focusstack.widgets.plane_brush import PlaneBrush
from napari_focusstack.widgets.run_record import (
    ask_record,
    command_of,
    python_of,
    record_of_layer,
)
from napari_focusstack.widgets.session import Session
from napari_focusstack.widgets.steps import along
from napari_focusstack.widgets.surface_view import SurfaceView
from napari_focusstack.widgets.task import parted
from napari_focusstack.widgets.time_points import TimePoints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.viewer import Viewer
    from qtpy.QtCore import QEvent

    from napari_focusstack.lens import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.widgets.plane_labels import Found
    from napari_focusstack.widgets.source import Source
    from napari_focusstack.widgets.steps import Fused


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
        self.session: Session | None = None
        self.menus = LayerMenus(napari_viewer, self)
        self.settings = FuseSettings(self, self.menus)
        self.outcome = Outcome(self)
        self.brush = BrushFollower(self, self.follow_brush)
        self.plane_brush = PlaneBrush(napari_viewer, self.legend, self.buttons["pick_plane"])
        self.surface = SurfaceView(napari_viewer)
        self.time_points = TimePoints(napari_viewer)
        self._began = 0.0
        for name, button in self.buttons.items():
            button.clicked.connect(lambda _=False, name=name: self._press(name))
        self.legend.clicked.connect(
            lambda plane: self._try(lambda: self.plane_brush.paint_with(plane))
        )
        self.tasks.busy_changed.connect(self._enable)
        self.tasks.busy_changed.connect(self.brush.moved)
        self.live.changed.connect(self.brush.moved)
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
            self.tasks.cancel()
            self.wipe.offer(None, {})
            self.session = None
            self.plane_brush.follow(None)
            self.time_points.leave()
        super().changeEvent(event)

    def source(self) -> Source:
        """Return the planes that are chosen; InputError if there is no image layer."""
        return self.menus.source()

    def parameters(self) -> FuseParameters:
        """Return the settings, a checked value each."""
        return self.settings.parameters()

    # ---- buttons

    def _press(self, name: str) -> None:
        """Do what a button says."""
        self._began = perf_counter()
        self._try(getattr(self, name))

    def _try(self, do: Callable[[], Any]) -> None:
        """Do something; what the user can mend is said under the progress bar."""
        try:
            do()
        except InputError as error:
            self.tasks.say(str(error), error=True)

    def run_all(self) -> None:
        """Segment, estimate the blur and fuse; what was painted stays on top."""
        session, parameters = self._prepare()
        self.tasks.run(session.run_all(parameters), self._fused)

    def segment(self) -> None:
        """Find which plane is in focus where."""
        session, parameters = self._prepare()
        self.tasks.run(session.segment(parameters), self._segmented)

    def estimate(self) -> None:
        """Measure the blur along the edges of the labels as they are now."""
        if self.psf.value == GIVEN:
            self.psf.value = self.psf.choices[0]
        session, parameters = self._prepare()
        self.tasks.run(session.estimate(parameters), self._estimated)

    def fuse(self) -> None:
        """Fuse with the labels and the blur at hand; find what lacks."""
        session, parameters = self._prepare()
        self.tasks.run(session.fuse(parameters), self._fused)

    def fuse_series(self) -> None:
        """Fuse all time points, each with the labels and the blur at hand; find what lacks."""
        session, parameters = self._prepare()
        points = session.source.time_points()
        shown = points.index(session.source)
        wanted = self._wanted()

        def keep(number: int, made: Fused) -> Fused | Frame:
            return made if number == shown else Frame.of(points[number], made, **wanted)

        sessions = [
            session if number == shown else self._session_of(point)
            for number, point in enumerate(points)
        ]
        tasks = [each.fuse(parameters) for each in sessions]
        self.tasks.run(along(tasks, keep), self._series_fused)

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        session, _ = self._prepare()
        session.drop_fixes()
        self._watch_labels()

    def pick_plane(self) -> None:
        """Let the brush take the plane that is clicked next in the picture, or give that up."""
        if not self.buttons["pick_plane"].isChecked():
            self.plane_brush.stop_picking()
            return
        self.plane_brush.pick()
        self.tasks.say("click in the picture on what the plane shall be taken from")

    def paint_plane(self) -> None:
        """Let the brush take the plane that the slider shows."""
        plane = self.plane_brush.paint_with_shown()
        self.tasks.say(f"the brush paints plane {plane}, counted from the nearest")

    def show_surface(self) -> None:
        """Show the fused image as a surface, or the picture again."""
        button = self.buttons["show_surface"]
        if not button.isChecked():
            self.surface.hide()
            return
        button.setChecked(False)
        session, _ = self._prepare()
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
        self._copy(python_of(*self._prepare()))

    def copy_command(self) -> None:
        """Put a line for a shell on the clipboard."""
        self._copy(*command_of(*self._prepare()))

    def _copy(self, line: str, but: str = "") -> None:
        QApplication.clipboard().setText(line)
        self.tasks.say(f"copied; {but}: {line}" if but else f"copied: {line}")

    # ---- what tasks return

    def _prepare(self) -> tuple[Session, FuseParameters]:
        """Return the session of what is chosen, a new one where another was, and the settings."""
        parameters, source = self.parameters(), self.source()
        session = self.session
        if session is None or (source, parameters.near) != (session.source, session.near):
            session = self.session = self._session_of(source)
            self.plane_brush.follow(session)
        session.channels = self.menus.channels_of(source)
        return session, parameters

    def _session_of(self, source: Source) -> Session:
        near = self.input["near"].value
        return Session(self.viewer, source, near, self.menus.channels_of(source))

    def _segmented(self, found: Found) -> None:
        if self.session is not None:
            self.session.show_labels(found)
            self.time_points.follow()
            self._watch_labels()

    def _estimated(self, found: Found) -> None:
        if self.session is not None:
            self.session.show_psf(found)
        if found.psf is not None:
            self._show_psf(found.psf)

    def _fused(self, made: Fused) -> None:
        if self.session is None:
            return
        self.session.show_result(made, **self._wanted())
        self.time_points.follow()
        seconds = perf_counter() - self._began
        self._watch_labels()
        if made.canvas.psf is not None:
            self._show_psf(made.canvas.psf)
        self.outcome.show(self.session, seconds)

    def _series_fused(self, points: list[Fused | Frame]) -> None:
        for made in points:
            if not isinstance(made, Frame):
                self._fused(made)
        for frame in points:
            if isinstance(frame, Frame):
                self._session_of(frame.source).show_frame(frame)
        self.time_points.follow()
        self.tasks.say(f"{len(points)} time points were fused")

    def _wanted(self) -> dict[str, bool]:
        """Return what is to be shown beside the fused image."""
        return {"diffusion": self.with_diffusion.value, "depth": self.with_depth.value}

    def _show_psf(self, psf: Psf) -> None:
        self.settings.show_sigma(psf.sigma_px)
        self.outcome.show_psf(psf)

    # ---- the brush

    def _watch_labels(self) -> None:
        """Follow the brush in the session's Labels layer, and in no other."""
        self.plane_brush.follow(self.session)
        self.brush.watch(None if self.session is None else self.session.labels)

    def follow_brush(self) -> None:
        """Fuse again around what was painted since last time, if the switch is on."""
        if self.session is not None and self.session.labels in self.viewer.layers:
            self._try(self._fuse_again)

    def _fuse_again(self) -> None:
        live = self.live.value and not self.tasks.busy
        if self.session is not None and self.session.follow_brush(live=live):
            self.outcome.follow_brush(self.session)

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
