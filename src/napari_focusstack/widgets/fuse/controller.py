"""Runs the steps of a fusion in a thread, shows their results, and follows the brush."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from napari_focusstack.errors import ForeignPlanesError, InputError
from napari_focusstack.runtime.plane_choice import choice_text, named_planes
from napari_focusstack.widgets.controls.background import Background
from napari_focusstack.widgets.fuse.brush_debouncer import BrushDebouncer
from napari_focusstack.widgets.fuse.panel import GIVEN
from napari_focusstack.widgets.fuse.preview import (
    hide_preview,
    preview_region,
    previewing,
    show_preview,
)
from napari_focusstack.widgets.fuse.result_summary import ResultSummary
from napari_focusstack.widgets.fuse.verdict import verdict_without
from napari_focusstack.widgets.retouch.retouch import Retouch
from napari_focusstack.widgets.session.result_pictures import TimePointView, packed, viewed
from napari_focusstack.widgets.session.session import Session
from napari_focusstack.widgets.session.tasks import along
from napari_focusstack.widgets.session.time_points import TimePoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from napari.viewer import Viewer

    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.fuse.layer_menus import LayerMenus
    from napari_focusstack.widgets.fuse.panel import Panel
    from napari_focusstack.widgets.fuse.settings import FuseSettings
    from napari_focusstack.widgets.session.label_layer import LabelState
    from napari_focusstack.widgets.session.repainting import Repainting
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import FusionState, Task

    #: What a fusion made, None without its planes, and what layers show of it.
    Fusion = tuple[FusionState | None, TimePointView]


class FuseSteps:
    """Runs the steps that a dock asks for, and holds the session of its stack.

    Parameters
    ----------
    viewer : Viewer
        Where layers are added.
    panel : Panel
        Shows progress and figures.
    menus : LayerMenus
        Layers that are chosen.
    settings : FuseSettings
        Parameters that are chosen.

    Attributes
    ----------
    session : Session or None
        Of the stack on which the last step ran.
    """

    def __init__(
        self, viewer: Viewer, panel: Panel, menus: LayerMenus, settings: FuseSettings
    ) -> None:
        self.viewer = viewer
        self.panel = panel
        self.menus = menus
        self.settings = settings
        self.session: Session | None = None
        self.retouch = Retouch(viewer, panel)
        self.summary = ResultSummary(panel, self.retouch)
        self.time_points = TimePoints(viewer)
        self.brush = BrushDebouncer(panel, self._brush_rested)
        self.repainter = Background(panel)
        panel.tasks.busy_changed.connect(self.brush.touched)
        panel.tasks.cancel_button.clicked.connect(self._cancelled)
        panel.tasks.refused.connect(self._refused)
        panel.live.changed.connect(self.brush.touched)
        self._began = 0.0

    def leave(self) -> None:
        """Cancel the running step, and stop following the brush and the sliders."""
        self.panel.tasks.cancel()
        self.repainter.drop()
        self.session = None
        self.summary.forget()
        self.brush.watch(None)
        self.retouch.leave()
        self.time_points.leave()

    # ---- steps

    def run_all(self) -> None:
        """Segment, estimate the blur and fuse; painted fixes stay on top."""
        session, parameters = self._begin()
        self._run_fusion(session, session.run_all(parameters))

    def preview(self) -> None:
        """Fuse a part of the picture with the present settings."""
        session, parameters = self.prepare()
        source, region = session.source, preview_region(self.viewer, session.source)

        def show(result: FusionResult) -> None:
            show_preview(self.viewer, source, region, result)
            rows, columns = (part.stop - part.start for part in region)
            halo = "halos removed" if result.psf else "no halo removed"
            self.panel.tasks.say(f"preview of {rows} x {columns} px: {halo}")

        self.panel.tasks.run(previewing(session, parameters, region), show)

    def segment(self) -> None:
        """Estimate which plane is in focus at each pixel."""
        session, parameters = self._begin()
        self.panel.tasks.run(session.segment(parameters), self._segmented)

    def estimate(self) -> None:
        """Estimate the blur along the edges of the labels as they are now."""
        if self.panel.psf.value == GIVEN:
            self.panel.psf.value = self.panel.psf.choices[0]
        session, parameters = self._begin()
        self.panel.tasks.run(session.estimate(parameters), self._estimated)

    def fuse(self) -> None:
        """Fuse with the labels and the blur that are known; estimate the rest."""
        session, parameters = self._begin()
        self._run_fusion(session, session.fuse(parameters))

    def fuse_series(self) -> None:
        """Fuse all time points, each with its labels and its blur; estimate the rest."""
        session, parameters = self._begin()
        points = session.source.time_points()
        current = points.index(session.source)
        optional = self._optional_layers()

        def without_planes(number: int, fusion: FusionState) -> Fusion:
            view = TimePointView.of(points[number], fusion, **optional)
            return (fusion, view) if number == current else (None, packed(view, fusion))

        sessions = [
            session if number == current else self._session_of(point)
            for number, point in enumerate(points)
        ]
        tasks = [each.fuse(parameters) for each in sessions]
        self.panel.tasks.run(
            along(tasks, without_planes), self._series_fused, pieces=self._showing_series
        )

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        session, _ = self.prepare()
        session.drop_fixes()
        self._watch_labels()

    # ---- what they run on, and what they return

    def _begin(self) -> tuple[Session, FuseParameters]:
        """Return what a step runs on; until it has ended well, nothing is said of the stack."""
        self.summary.forget()
        return self.prepare()

    def _cancelled(self, *_: object) -> None:
        """Show the figures again: a cancelled step has changed nothing."""
        if self.session is not None and self.session.canvas is not None:
            self.summary.show(self.session, self.summary.seconds)

    def _refused(self, error: InputError) -> None:
        """Offer to leave out planes that cannot be fused with the others."""
        source = self.menus.source() if self.menus.stack else None
        chosen = self._chosen(source)
        if isinstance(error, ForeignPlanesError) and {*error.planes} < {*chosen}:
            self.panel.tasks.say("")
            self.summary.refuse(source, chosen, verdict_without(error.planes, len(chosen)))

    def show_stack(self) -> None:
        """Show the figures of the chosen stack, and of no other."""
        source = self.menus.source() if self.menus.stack else None
        self.retouch.offer_tools(0 if source is None else source.count)
        self.retouch.follow_sliders()
        self.summary.show_again(source, self._chosen(source))
        self._retouch_chosen(source)
        if source is None:
            return
        sigma_px = self.panel.sigma_px.value
        if self.panel.psf.value != GIVEN:
            known = self.session is not None and self.session.source == source
            psf = self.session.psf if self.session is not None and known else None
            sigma_px = 0.0 if psf is None else psf.sigma_px
        self.settings.show_sigma(sigma_px)

    def _retouch_chosen(self, source: Source | None) -> None:
        """Retouch the chosen stack, and no other."""
        session = self.session
        if session is not None and (source is None or source.layers != session.source.layers):
            session = None
        if session is self.retouch.session:
            return
        layers = () if self.session is None else self.session.source.layers
        is_gone = any(layer not in self.viewer.layers for layer in layers)
        (self.retouch.follow_soon if is_gone else self.retouch.follow)(session)

    def _chosen(self, source: Source | None) -> list[int]:
        """Return the planes of a source that are to be used; none where the text names none."""
        with suppress(InputError):
            choice = choice_text(self.panel.input["planes"].value)
            return [] if source is None else named_planes(choice, source.count)
        return []

    def prepare(self) -> tuple[Session, FuseParameters]:
        """Return the session of the chosen stack, made anew for another stack, and the settings."""
        self._began = perf_counter()
        self.repainter.finish()
        self.menus.check()
        parameters, source = self.settings.parameters(), self.menus.source()
        session = self.session
        if session is None or (source, parameters.near) != (session.source, session.near):
            session = self.session = self._session_of(source)
            self.retouch.follow(session)
        session.channels = self.menus.channels_of(source)
        return session, parameters

    def finished(self) -> Session:
        """Return the session whose results are shown or written.

        That is of a stack which was closed since, unless the user has chosen another one.
        """
        session = self.session
        if (
            session is None
            or session.source.layers[0] in self.viewer.layers
            or self.menus.stack not in (None, self.menus.successor)
        ):
            return self.prepare()[0]
        self.repainter.finish()
        return session

    def _session_of(self, source: Source) -> Session:
        near = self.panel.input["near"].value
        return Session(self.viewer, source, near, self.menus.channels_of(source))

    def _segmented(self, state: LabelState) -> None:
        if self.session is not None:
            self.session.show_labels(state)
            self.time_points.follow()
            self._watch_labels()

    def _estimated(self, state: LabelState) -> None:
        if self.session is not None:
            self.session.show_psf(state)
        if state.psf is not None:
            self._show_psf(state.psf)
        if self.session is not None:
            self.summary.show(self.session, perf_counter() - self._began)

    def _run_fusion(self, session: Session, task: Task) -> None:
        """Run a fusion; what layers show of it is made in the thread as well."""
        viewing = viewed(task, session.source, **self._optional_layers())
        kind = "pair" if session.source.count == 2 else "stack"
        self.panel.tasks.run(
            viewing,
            lambda made: self._fused(*made),
            kind=f"{kind} {'known' if session.labels else 'new'}",
            pieces=lambda made: session.showing(*made),
        )

    def _fused(self, fusion: FusionState, view: TimePointView) -> None:
        """Show the figures of a fusion whose layers are shown."""
        if self.session is None:
            return
        hide_preview(self.viewer, self.session.source)
        self.time_points.follow()
        seconds = perf_counter() - self._began
        self._watch_labels()
        if fusion.canvas.psf is not None:
            self._show_psf(fusion.canvas.psf)
        self.summary.show(self.session, seconds)

    def _showing_series(self, points: list[Fusion]) -> Iterator[None]:
        """Show all time points, that of the session first: it makes the layers."""
        for fusion, view in points:
            if fusion is not None and self.session is not None:
                yield from self.session.showing(fusion, view)
        for fusion, view in points:
            if fusion is None:
                yield from self._session_of(view.source).showing_view(view)

    def _series_fused(self, points: list[Fusion]) -> None:
        """Show the figures of the time point in view; layers show all of them."""
        for fusion, view in points:
            if fusion is not None:
                self._fused(fusion, view)
        self.panel.tasks.say(f"{len(points)} time points were fused")

    def _optional_layers(self) -> dict[str, bool]:
        """Return which layers are wanted beside the fused image."""
        return {
            "diffusion": self.panel.with_diffusion.value,
            "depth": self.panel.with_depth.value,
            "sources": self.panel.with_sources.value,
        }

    def _show_psf(self, psf: Psf) -> None:
        self.settings.show_sigma(psf.sigma_px)
        self.summary.show_psf(psf)

    # ---- the brush

    def _watch_labels(self) -> None:
        """Follow the brush in the session's Labels layer only."""
        self.retouch.follow(self.session)
        self.brush.watch(None if self.session is None else self.session.labels)

    def follow_brush(self) -> None:
        """Fuse again around what was painted since the last time, if *follow the brush* is on."""
        self.repainter.finish()
        self._repaint()
        self.repainter.finish()

    def _brush_rested(self) -> None:
        """Let the image follow in a thread; what is painted meanwhile is followed next."""
        if not self.repainter.busy:
            self._repaint()

    def _repaint(self) -> None:
        session, tasks = self.session, self.panel.tasks
        if session is None or session.labels not in self.viewer.layers:
            return
        try:
            strokes = session.strokes(live=self.panel.live.value and not tasks.busy)
        except InputError as error:
            tasks.say(str(error), error=True)
            return
        if strokes is not None:
            self.repainter.run(strokes.run, partial(self._repainted, session, strokes))

    def _repainted(
        self, session: Session, strokes: Repainting, ended: Future[list[Region]]
    ) -> None:
        try:
            changed = ended.result()
        except InputError as error:
            session.take_back(strokes)
            self.panel.tasks.say(str(error), error=True)
            return
        session.show_repainted(strokes, changed)
        self.summary.follow_brush(session)
        self.brush.touched()
