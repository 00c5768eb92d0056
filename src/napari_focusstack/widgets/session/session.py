"""One fusion in napari: what its steps estimated, and how its layers follow the brush."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.reproduce import layer_as_python
from napari_focusstack.runtime.region import bounding_box, union
from napari_focusstack.widgets.session.brush_strokes import strokes_of
from napari_focusstack.widgets.session.label_layer import (
    LabelState,
    adopt,
    carry_estimate,
    is_painted,
    remember,
    set_labels,
)
from napari_focusstack.widgets.session.repainting import Repainting
from napari_focusstack.widgets.session.result_layers import KINDS, LABELS, ResultLayers
from napari_focusstack.widgets.session.result_pictures import (
    TimePointView,
    confidence_painted,
    depth_painted,
    removed,
    result_of,
)
from napari_focusstack.widgets.session.tasks import ALONE, estimating, fusing, segmenting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Channels, FusionState, Task

#: What is said where a step needs a fused stack.
NOTHING_FUSED = "nothing is fused yet; press Fuse or Run all first."


class Session:
    """What is known of one focal stack at one time point, and the layers that show it.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added. Layers that an earlier session made of the same source are adopted.
    source : Source
        The planes.
    near : {"first", "last", "auto"}
        Which end of the stack is nearest to the lens.
    channels : Channels, optional
        Other channels of the stack.

    Attributes
    ----------
    state : LabelState
        What is known of the labels and the blur.
    canvas : Canvas or None
        The fused stack, which follows the brush.
    diagnosis : Diagnosis or None
        What is wrong with the planes, from the last segmentation that was fused.
    """

    def __init__(
        self, viewer: ViewerModel, source: Source, near: str = "first", channels: Channels = ALONE
    ) -> None:
        self.source = source
        self.near = near
        self.channels = channels
        self.layers = ResultLayers(viewer, source, near)
        self.state = LabelState() if self.labels is None else adopt(self.labels, self._place)
        self.canvas: Canvas | None = None
        #: Layers and fused stacks of other channels.
        self._others: list[tuple[ResultLayers, Canvas]] = []
        self.diagnosis: Diagnosis | None = None
        #: Share of the pixels, 0..1, that not every plane shows after registration.
        self.border_share = 0.0
        #: Share of the pixels, 0..1, whose depth is interpolated.
        self.filled_share = 0.0
        #: Depth (Y, X) as fused, before painting.
        self._depth: np.ndarray | None = None
        #: Painted pixels that the image does not follow yet.
        self._pending: Region | None = None

    @property
    def end(self) -> str:
        """Which end of the stack is nearest, "first" or "last", as far as is known by now."""
        return self.state.near or "first" if self.near == "auto" else self.near

    @property
    def is_turned(self) -> bool:
        """Whether the labels count the planes from the other end than is chosen now."""
        return self.near != "auto" and self.state.near not in (None, self.near)

    @property
    def labels(self) -> Labels | None:
        """The Labels layer."""
        return self.layers.labels

    @property
    def image(self) -> Image | None:
        """The layer of the fused image, if it exists."""
        return self.layers.image("fused")

    @property
    def depths(self) -> list[float]:
        """Distance of each plane behind the nearest, in the unit of the stack."""
        if self.canvas is not None and self.canvas.pipeline.positions is not None:
            depths: list[float] = self.canvas.pipeline.positions.tolist()
            return depths
        step, _ = self.source.plane_step
        return [step * number for number in range(self.source.count)]

    @property
    def psf(self) -> Psf | None:
        """The last estimate of the blur."""
        return self.state.psf

    @property
    def fixes(self) -> Fixes | None:
        """What was painted."""
        return self.state.fixes

    # ---- tasks for a thread

    def segment(self, parameters: FuseParameters) -> Task:
        """Estimate the labels; the result is a LabelState."""
        return segmenting(self.source, parameters, self.channels)

    def estimate(self, parameters: FuseParameters) -> Task:
        """Estimate the blur along the edges of the labels; the result is a LabelState with it."""
        if self.is_turned:
            raise InputError("the labels are of the other near end; press Find planes or Run all.")
        painted = None if self.state.is_blank else self.layers.painted()
        return estimating(self.source, parameters, replace(self.state), painted)

    def fuse(self, parameters: FuseParameters) -> Task:
        """Fuse with the labels and the blur that are known, and estimate the rest.

        The result is a FusionState.
        """
        estimated = self.state.focus is not None or self.state.stored is not None
        if self.is_turned or (self.fixes is not None and not estimated and not self.state.by_hand):
            return self.run_all(parameters)
        painted = self.layers.painted()
        state = replace(self.state)
        return fusing(
            self.source,
            parameters,
            state,
            painted,
            decided=self.decided,
            channels=self.channels,
        )

    def run_all(self, parameters: FuseParameters) -> Task:
        """Estimate everything anew and fuse, painted fixes on top; the result is a FusionState."""
        fixes = self._fixes_now()
        known = LabelState(near=self.state.near)
        return fusing(
            self.source,
            parameters,
            known,
            fixes=fixes,
            decided=self.decided,
            channels=self.channels,
        )

    # ---- results of tasks become layers, in the GUI's thread

    def show_labels(self, state: LabelState, *, visible: bool = True) -> None:
        """Take over a new estimate of the labels; what was painted before stays on top.

        A new layer of them is shown, or hidden until they are retouched.
        """
        self.canvas = None  # it belongs to the earlier labels
        now, fixes, layer = self.layers.shown_labels, self.fixes, self.labels
        if layer is None or now is None or fixes is None or now.shape != fixes.labels.shape:
            self.layers.add_labels(state, visible=visible)
        else:
            fixes.follow(now, self._strokes)
            if None not in (state.near, self.state.near) and state.near != self.state.near:
                fixes = fixes.reversed(self.source.count)
            state.fixes = fixes
            set_labels(layer, self._place, fixes.over(state.labels))
            remember(layer, self._place, state)
        self.state = state
        if state.parameters is not None:
            made = {
                "parameters": asdict(state.parameters),
                "weights": state.weights,
                "found": {"crf_backend": state.crf_backend, **self._figures()},
            }
            self.layers.write_record(made, LABELS)
        self._carry_estimate()

    def show_psf(self, state: LabelState) -> None:
        """Take over an estimate of the blur."""
        names = ["psf", "psf_parameters", "plain", "reversed_ratio", "weights", "painted_since"]
        if self.state.stored is not None and state.stored is None:  # it was unpacked by a task
            names += ["focus", "parameters", "crf_backend", "near", "registration", "stored"]
        for name in names:
            setattr(self.state, name, getattr(state, name))
        self._carry_estimate()

    def _carry_estimate(self) -> None:
        """Have the Labels layer carry what is estimated, into files and copies of it."""
        if self.labels is not None:
            carry_estimate(self.labels, self._place, self.state)

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        if self.fixes is not None and self.labels is not None:
            strokes_of(self.labels).forget(self._place)
            set_labels(self.labels, self._place, self.fixes.drop())

    def show_result(self, fusion: FusionState, view: TimePointView) -> None:
        """Show a fused image, and its labels if they are new, at once."""
        for _ in self.showing(fusion, view):
            pass

    def showing(self, fusion: FusionState, view: TimePointView) -> Iterator[None]:
        """Show a fused image, and its labels if they are new; a GUI may go on at each yield."""
        if fusion.segmented or self.layers.shown_labels is None:
            focus = fusion.canvas.focus if fusion.state.focus is None else fusion.state.focus
            self.show_labels(replace(fusion.state, focus=focus), visible=False)
            yield
        self.show_psf(fusion.state)
        self.state.near = fusion.canvas.pipeline.near
        self.canvas, self.diagnosis = fusion.canvas, fusion.diagnosis or self.diagnosis
        self._catch_up(fusion)
        self.border_share, self.filled_share, self._depth = 0.0, 0.0, None
        if "border" in view.pictures:
            self.border_share = float(view.pictures["border"][0].mean())
        self.layers.bare()
        if "depth" in view.pictures:
            self._depth = view.depth
            self.filled_share = float(view.record["found"]["filled"])
        yield
        yield from self._show(view)
        self._others = [(self._layers_of(other), canvas) for other, canvas in fusion.others]
        if self._pending is not None:
            self.follow_brush(live=True)

    def showing_view(self, view: TimePointView) -> Iterator[None]:
        """Show a time point whose planes are no longer in memory; a GUI may go on at each yield."""
        if view.segmented or self.layers.shown_labels is None:
            self.show_labels(view.state, visible=False)
            yield
        self.show_psf(view.state)
        self.state.near = view.state.near
        self.layers.bare()
        yield from self._show(view)

    def _show(self, view: TimePointView) -> Iterator[None]:
        """Put pictures into layers, and write the full record of how they were made."""
        region = view.region if self.layers.can_be_cut else None
        self.layers.region = region
        if region is not None:
            view.pictures.pop("border", None)
            self.border_share = 0.0
        for kind, (data, look) in view.pictures.items():
            self.layers.show(kind, data, **look)
            yield
        if "border" not in view.pictures:
            self.layers.clear("border")
        found = {**view.record["found"], **self._figures()}
        self.layers.write_record({**view.record, "found": found}, LABELS, *KINDS)
        for other, image, made in view.others:
            layers = self._layers_of(other)
            layers.show("fused", image)
            found = {**made["found"], "focus_of": self.source.name}
            layers.write_record({**made, "found": found}, "fused")
            yield
        self.layers.raise_labels()
        yield

    def _layers_of(self, other: Source) -> ResultLayers:
        layers = ResultLayers(self.layers.viewer, other, self.near)
        layers.region = self.layers.region
        return layers

    def _catch_up(self, fusion: FusionState) -> None:
        """Note what was painted while the task ran."""
        self._pending, labels = None, self.layers.shown_labels
        if labels is None or labels.shape != fusion.labels.shape:
            return
        changed = (labels != fusion.labels) | (self._strokes != fusion.canvas.decided)
        self._pending = bounding_box(changed)
        if self._pending is not None:
            self.state.painted_since = True

    def follow_brush(self, *, live: bool) -> bool:
        """Note painted labels, and fuse again around them if live; tell whether it fused.

        Raises
        ------
        InputError
            If the labels have another shape than the planes, or a label names no plane.
        """
        strokes = self.strokes(live=live)
        if strokes is None:
            return False
        try:
            changed = strokes.run()
        except InputError:
            self.take_back(strokes)
            raise
        self.show_repainted(strokes, changed)
        return True

    def strokes(self, *, live: bool) -> Repainting | None:
        """Note painted labels; return what the image has to follow, if it is live.

        It has to be shown, or taken back, before it is asked for again.

        Raises
        ------
        InputError
            If the labels have another shape than the planes.
        """
        if self.fixes is None or self.labels is None:
            return None
        labels = self.layers.shown_labels
        if labels is None:
            return None
        if labels.shape != self.fixes.labels.shape:
            raise InputError(
                f"layer {self.labels.name!r} now has the shape {labels.shape}, the planes "
                f"{self.fixes.labels.shape}; press Find planes again."
            )
        self._note(labels)
        pending = self._pending
        if not live or pending is None or self.canvas is None or self.image is None:
            return None
        self._pending = None
        canvases = self.canvas, *(canvas for _, canvas in self._others)
        return Repainting(canvases, labels.copy(), pending, self.fixes.decided.copy())

    def take_back(self, strokes: Repainting) -> None:
        """Note strokes again that the image could not follow."""
        region = strokes.region
        self._pending = region if self._pending is None else union(self._pending, region)

    def show_repainted(self, strokes: Repainting, changed: Sequence[Region]) -> None:
        """Show what changed around strokes, unless the stack was fused anew meanwhile."""
        canvas = self.canvas
        if canvas is None or canvas is not strokes.canvases[0]:
            return
        where, *others = changed
        self.layers.update("fused", where, canvas.image.__getitem__)
        self.layers.update("sources", where, canvas.selection.source.__getitem__)
        self.layers.update("diffusion", where, partial(removed, canvas))
        if self._depth is not None:
            self.layers.update("depth", where, partial(depth_painted, canvas, self._depth))
            self.layers.update("confidence", where, partial(confidence_painted, canvas))
        self.layers.update_figures(self._figures(), LABELS, *KINDS)
        for (layers, other), other_where in zip(self._others, others, strict=True):
            layers.update("fused", other_where, other.image.__getitem__)

    def _note(self, labels: np.ndarray) -> None:
        """Note what was painted in labels (Y, X); the image does not follow it yet."""
        changed = None if self.fixes is None else self.fixes.follow(labels, self._strokes)
        if changed is not None:
            self.state.painted_since = True
            self._pending = changed if self._pending is None else union(self._pending, changed)
            self.layers.update_figures(self._figures(), LABELS)

    def _fixes_now(self) -> Fixes | None:
        """Return what is painted, the last stroke included."""
        labels = self.layers.shown_labels
        if self.fixes is None or labels is None or labels.shape != self.fixes.labels.shape:
            return None
        self._note(labels)
        return self.fixes

    # ---- results

    def results(self) -> list[Layer]:
        """Return the layers that show results, those of other channels included."""
        layers = [self.labels, *(self.layers.image(kind) for kind in KINDS)]
        layers += [others.image("fused") for others, _ in self._others]
        return [layer for layer in layers if layer in self.layers.viewer.layers]

    def fused_image(self) -> Image:
        """Return the layer of the fused image; InputError where there is none, or none any more."""
        if self.image is not None:
            return self.image
        if self.canvas is not None:
            raise InputError("the fused image was removed; press Fuse to make it again.")
        raise InputError(NOTHING_FUSED)

    def fused_canvas(self) -> Canvas:
        """Return the fused stack; InputError where there is none, or none any more."""
        image = self.fused_image()
        if self.canvas is not None:
            return self.canvas
        if np.any(image.data[self.layers.index("fused")]):
            raise InputError(f"{image.name!r} was made earlier; press Fuse to go on with it.")
        raise InputError(NOTHING_FUSED)

    @property
    def result(self) -> FusionResult:
        """The fusion in the form in which :func:`napari_focusstack.fuse` returns it.

        Raises
        ------
        InputError
            If nothing is fused yet.
        """
        result = result_of(self.fused_canvas(), self.state)
        return result if self.layers.region is None else result.cropped(self.layers.region)

    def painted_labels(self) -> str | None:
        """Return the labels as Python in napari's console, where something was painted in them.

        They bring along what they were painted over.
        """
        fixes = self._fixes_now()
        if fixes is None or not fixes.painted.any() or self.labels is None:
            return None
        layer = layer_as_python(self.labels.name)
        return f"nfs.PaintedLabels.of({layer}, {self._place})" if self._place else layer

    @property
    def is_painted(self) -> bool:
        """Whether anything is painted in the labels, at this time point or at another."""
        if self.labels is None or self.labels not in self.layers.viewer.layers:
            return False
        return self.painted_labels() is not None or is_painted(self.labels)

    def _figures(self) -> dict[str, Any]:
        """Return the figures that change with each stroke."""
        figures: dict[str, Any] = {
            "painted_px": 0 if self.fixes is None else int(np.count_nonzero(self.fixes.painted))
        }
        if self.canvas is not None:
            region = self.canvas.region
            figures["transition_region"] = np.count_nonzero(region) / region.size
        if self.state.painted_since:
            figures["reblur_residual"] = None  # it was measured with the earlier labels
        return figures

    @property
    def decided(self) -> np.ndarray | None:
        """A copy of which pixels (Y, X) the brush went over; None where there are no labels."""
        strokes = self._strokes
        return None if strokes is None else strokes.copy()

    @property
    def _strokes(self) -> np.ndarray | None:
        """Which pixels (Y, X) the brush went over; None where there are no labels."""
        layer = self.labels
        if layer is None or layer not in self.layers.viewer.layers:
            return None
        return strokes_of(layer).at(self._place)

    @property
    def _place(self) -> tuple[int, ...]:
        """The time point as an index into the Labels layer."""
        return self.layers.index(LABELS)
