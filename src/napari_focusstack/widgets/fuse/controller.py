"""The steps of a fusion: run beside the GUI, shown when they are done, followed by the brush."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.widgets.fuse.brush_debouncer import BrushFollower
from napari_focusstack.widgets.fuse.panel import GIVEN
from napari_focusstack.widgets.fuse.plane_brush import PlaneBrush
from napari_focusstack.widgets.fuse.result_summary import Outcome
from napari_focusstack.widgets.session.result_pictures import Frame
from napari_focusstack.widgets.session.session import Session
from napari_focusstack.widgets.session.tasks import along
from napari_focusstack.widgets.session.time_points import TimePoints

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.widgets.fuse.layer_menus import LayerMenus
    from napari_focusstack.widgets.fuse.panel import Panel
    from napari_focusstack.widgets.fuse.settings import FuseSettings
    from napari_focusstack.widgets.session.label_layer import Found
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Fused


class FuseSteps:
    """Runs what is chosen in a dock, and keeps the session of it.

    Parameters
    ----------
    viewer : Viewer
        Where layers are added.
    panel : Panel
        Where progress and figures are shown.
    menus : LayerMenus
        What is fused.
    settings : FuseSettings
        And how.

    Attributes
    ----------
    session : Session or None
        What was found of the stack that was fused last.
    """

    def __init__(
        self, viewer: Viewer, panel: Panel, menus: LayerMenus, settings: FuseSettings
    ) -> None:
        self.viewer = viewer
        self.panel = panel
        self.menus = menus
        self.settings = settings
        self.session: Session | None = None
        self.outcome = Outcome(panel)
        self.time_points = TimePoints(viewer)
        self.plane_brush = PlaneBrush(viewer, panel.legend, panel.buttons["pick_plane"])
        self.brush = BrushFollower(panel, self.follow_brush)
        panel.tasks.busy_changed.connect(self.brush.moved)
        panel.live.changed.connect(self.brush.moved)
        self._began = 0.0

    def leave(self) -> None:
        """Leave the running step, the brush and the sliders."""
        self.panel.tasks.cancel()
        self.session = None
        self.brush.watch(None)
        self.plane_brush.follow(None)
        self.time_points.leave()

    # ---- steps

    def run_all(self) -> None:
        """Segment, estimate the blur and fuse; what was painted stays on top."""
        session, parameters = self.prepare()
        self.panel.tasks.run(session.run_all(parameters), self._fused)

    def segment(self) -> None:
        """Find which plane is in focus where."""
        session, parameters = self.prepare()
        self.panel.tasks.run(session.segment(parameters), self._segmented)

    def estimate(self) -> None:
        """Measure the blur along the edges of the labels as they are now."""
        if self.panel.psf.value == GIVEN:
            self.panel.psf.value = self.panel.psf.choices[0]
        session, parameters = self.prepare()
        self.panel.tasks.run(session.estimate(parameters), self._estimated)

    def fuse(self) -> None:
        """Fuse with the labels and the blur at hand; find what lacks."""
        session, parameters = self.prepare()
        self.panel.tasks.run(session.fuse(parameters), self._fused)

    def fuse_series(self) -> None:
        """Fuse all time points, each with the labels and the blur at hand; find what lacks."""
        session, parameters = self.prepare()
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
        self.panel.tasks.run(along(tasks, keep), self._series_fused)

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        session, _ = self.prepare()
        session.drop_fixes()
        self._watch_labels()

    # ---- what they run on, and what they return

    def prepare(self) -> tuple[Session, FuseParameters]:
        """Return the session of what is chosen, a new one where another was, and the settings."""
        self._began = perf_counter()
        parameters, source = self.settings.parameters(), self.menus.source()
        session = self.session
        if session is None or (source, parameters.near) != (session.source, session.near):
            session = self.session = self._session_of(source)
            self.plane_brush.follow(session)
        session.channels = self.menus.channels_of(source)
        return session, parameters

    def _session_of(self, source: Source) -> Session:
        near = self.panel.input["near"].value
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
        self.panel.tasks.say(f"{len(points)} time points were fused")

    def _wanted(self) -> dict[str, bool]:
        """Return what is to be shown beside the fused image."""
        return {"diffusion": self.panel.with_diffusion.value, "depth": self.panel.with_depth.value}

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
        session, tasks = self.session, self.panel.tasks
        if session is None or session.labels not in self.viewer.layers:
            return
        try:
            fused = session.follow_brush(live=self.panel.live.value and not tasks.busy)
        except InputError as error:
            tasks.say(str(error), error=True)
            return
        if fused:
            self.outcome.follow_brush(session)
