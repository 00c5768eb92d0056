"""One fusion in napari: what its steps found, and how its layers follow the brush."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.runtime.region import bounding_box, union
from napari_focusstack.widgets.session.label_layer import (
    Found,
    is_painted,
    keep,
    set_labels,
    taken_up,
)
from napari_focusstack.widgets.session.result_layers import KINDS, LABELS, ResultLayers
from napari_focusstack.widgets.session.result_pictures import (
    Frame,
    confidence_painted,
    depth_painted,
    removed,
    result_of,
)
from napari_focusstack.widgets.session.tasks import ALONE, estimating, fusing, segmenting

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.fusion.canvas import Canvas
    from napari_focusstack.fusion.label_edits import Fixes
    from napari_focusstack.fusion.result import FusionResult
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.source import Source
    from napari_focusstack.widgets.session.tasks import Channels, Fused, Task


class Session:
    """What was found of one focal stack, and the layers that show it.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added. Those that an earlier session made of the same source are taken up.
    source : Source
        What is fused.
    near : {"first", "last", "auto"}
        Which end of it is nearest to the lens.
    channels : Channels, optional
        Other channels of it.

    Attributes
    ----------
    found : Found
        What is in focus where, what was painted over it, and the blurs along its edges.
    canvas : Canvas or None
        The fused stack; follows the brush.
    diagnosis : Diagnosis or None
        What is wrong with the stack, as far as it was looked through.
    """

    def __init__(
        self, viewer: ViewerModel, source: Source, near: str = "first", channels: Channels = ALONE
    ) -> None:
        self.source = source
        self.near = near
        self.channels = channels
        self.layers = ResultLayers(viewer, source, near)
        self.found = Found() if self.labels is None else taken_up(self.labels, self._place)
        self.canvas: Canvas | None = None
        #: Those of other channels, with the layers that show them.
        self._others: list[tuple[ResultLayers, Canvas]] = []
        self.diagnosis: Diagnosis | None = None
        #: Share of the pixels that not every plane shows, after the planes were moved.
        self.border_share = 0.0
        #: Share of the pixels whose depth was filled in from around.
        self.filled_share = 0.0
        #: Depth (Y, X) as it was fused, before it was painted on.
        self._depth: np.ndarray | None = None
        #: Where the image does not show yet what was painted.
        self._behind: Region | None = None

    @property
    def end(self) -> str:
        """Which end of the stack is nearest, "first" or "last", as far as is known by now."""
        return self.found.near or "first" if self.near == "auto" else self.near

    @property
    def labels(self) -> Labels | None:
        """The Labels layer."""
        return self.layers.labels

    @property
    def image(self) -> Image | None:
        """The layer of the fused image, if it is there."""
        return self.layers.image("fused")

    @property
    def psf(self) -> Psf | None:
        """The blurs as last estimated."""
        return self.found.psf

    @property
    def fixes(self) -> Fixes | None:
        """What was painted."""
        return self.found.fixes

    # ---- tasks for a thread

    def segment(self, parameters: FuseParameters) -> Task:
        """Find what is in focus where; returns a Found."""
        return segmenting(self.source, parameters, self.channels)

    def estimate(self, parameters: FuseParameters) -> Task:
        """Estimate the blurs along the edges of the labels; returns a Found with them."""
        painted = None if self.found.is_blank else self.layers.painted()
        return estimating(self.source, parameters, replace(self.found), painted)

    def fuse(self, parameters: FuseParameters) -> Task:
        """Fuse with the labels and blurs at hand, finding what lacks; returns a Fused."""
        if self.fixes is not None and self.found.focus is None and not self.found.by_hand:
            return self.run_all(parameters)
        painted = self.layers.painted()
        found = replace(self.found)
        return fusing(self.source, parameters, found, painted, channels=self.channels)

    def run_all(self, parameters: FuseParameters) -> Task:
        """Find everything anew and fuse, with what was painted on top; returns a Fused."""
        fixes = self._fixes_now()
        return fusing(self.source, parameters, fixes=fixes, channels=self.channels)

    # ---- what tasks returned becomes layers, in the GUI's thread

    def show_labels(self, found: Found) -> None:
        """Propose labels; what was painted before stays on top."""
        self.canvas = None  # of other labels
        now, fixes, layer = self.layers.painted(), self.fixes, self.labels
        if layer is None or now is None or fixes is None or now.shape != fixes.labels.shape:
            self.layers.add_labels(found)
        else:
            fixes.follow(now)
            found.fixes = fixes
            set_labels(layer, self._place, fixes.over(found.labels))
            keep(layer, self._place, found)
        self.found = found
        if found.parameters is not None:
            figures = {"crf_backend": found.crf_backend, **self._figures()}
            self.layers.tell_one(LABELS, found.parameters, found.weights, figures)

    def show_psf(self, found: Found) -> None:
        """Take over the blurs that were estimated."""
        for name in ("psf", "psf_parameters", "weights", "painted_since"):
            setattr(self.found, name, getattr(found, name))

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        if self.fixes is not None and self.labels is not None:
            set_labels(self.labels, self._place, self.fixes.drop())

    def show_result(self, made: Fused, *, diffusion: bool = False, depth: bool = False) -> None:
        """Show a fused image, and the labels it is made of if they are new."""
        if made.segmented or self.layers.painted() is None:
            focus = made.canvas.focus if made.found.focus is None else made.found.focus
            self.show_labels(replace(made.found, focus=focus))
        self.show_psf(made.found)
        self.found.near = made.canvas.pipeline.near
        self.canvas, self.diagnosis = made.canvas, made.diagnosis or self.diagnosis
        self._catch_up(made)
        frame = Frame.of(self.source, made, diffusion=diffusion, depth=depth)
        border, depth_shown = (frame.pictures.get(kind) for kind in ("border", "depth"))
        self.border_share = 0.0 if border is None else float(border.data.mean())
        self._depth = None if depth_shown is None else depth_shown.data
        self.filled_share = 0.0 if depth_shown is None else float(frame.told[2]["filled"])
        self._show(frame)
        self._others = [(self._layers_of(other), canvas) for other, canvas in made.others]

    def show_frame(self, frame: Frame) -> None:
        """Show what was fused of a time point whose planes are gone already."""
        if frame.segmented or self.layers.painted() is None:
            self.show_labels(frame.found)
        self.show_psf(frame.found)
        self.found.near = frame.found.near
        self._show(frame)

    def _show(self, frame: Frame) -> None:
        """Put pictures into layers, and write the full record of how they were made."""
        for kind, picture in frame.pictures.items():
            self.layers.show(kind, picture.data, **picture.look)
        if "border" not in frame.pictures:
            self.layers.clear("border")
        parameters, weights, figures = frame.told
        self.layers.tell(parameters, weights, {**figures, **self._figures()})
        for other, image, (parameters, weights, figures) in frame.others:
            layers = self._layers_of(other)
            layers.show("fused", image)
            led = {**figures, "focus_of": self.source.name}
            layers.tell_one("fused", parameters, weights, led)
        self.layers.raise_labels()

    def _layers_of(self, other: Source) -> ResultLayers:
        return ResultLayers(self.layers.viewer, other, self.near)

    def depth(self) -> np.ndarray:
        """Return how far behind the nearest plane each pixel lies, (Y, X), in the source's unit."""
        return self.result.depth

    def _catch_up(self, made: Fused) -> None:
        """Fuse again around what was painted while a task ran."""
        self._behind, labels = None, self.layers.painted()
        if labels is None or labels.shape != made.labels.shape:
            return
        changed = bounding_box(labels != made.labels)
        if changed is not None:
            self.found.painted_since = True
            for canvas in (made.canvas, *(canvas for _, canvas in made.others)):
                canvas.paint(labels, changed)

    def follow_brush(self, *, live: bool) -> bool:
        """Take note of painted labels; fuse again around them if live. Tell whether it did."""
        if self.fixes is None or self.labels is None:
            return False
        labels = self.layers.painted()
        if labels is None:
            return False
        if labels.shape != self.fixes.labels.shape:
            raise InputError(
                f"layer {self.labels.name!r} now has the shape {labels.shape}, the planes "
                f"{self.fixes.labels.shape}; segment again."
            )
        self._note(labels)
        behind = self._behind
        if not live or behind is None or self.canvas is None or self.image is None:
            return False
        canvas, step = self.canvas, self._step
        where = canvas.paint(labels, behind)
        self._behind = None
        self.layers.update("fused", where, lambda: canvas.image[where])
        self.layers.update("diffusion", where, partial(removed, canvas, where))
        if self._depth is not None:
            again = partial(depth_painted, canvas, step, self._depth, where)
            self.layers.update("depth", where, again)
            self.layers.update("confidence", where, partial(confidence_painted, canvas, where))
        self.layers.tell_again(self._figures(), LABELS, *KINDS)
        for layers, other in self._others:
            there = other.paint(labels, behind)
            layers.update("fused", there, partial(other.image.__getitem__, there))
        return True

    def _note(self, labels: np.ndarray) -> None:
        """Take note of what was painted in labels (Y, X), which the image does not show yet."""
        changed = None if self.fixes is None else self.fixes.follow(labels)
        if changed is not None:
            self.found.painted_since = True
            self._behind = changed if self._behind is None else union(self._behind, changed)
            self.layers.tell_again(self._figures(), LABELS)

    def _fixes_now(self) -> Fixes | None:
        """Return what is painted, the last stroke included."""
        labels = self.layers.painted()
        if self.fixes is None or labels is None or labels.shape != self.fixes.labels.shape:
            return None
        self._note(labels)
        return self.fixes

    # ---- what it comes to

    @property
    def result(self) -> FusionResult:
        """What was fused, as :func:`napari_focusstack.fuse` returns it."""
        return result_of(self._fused, self.found)

    def painted_labels(self) -> str | None:
        """Return the labels as Python in napari's console, where something was painted in them."""
        fixes = self._fixes_now()
        if fixes is None or not fixes.painted.any() or self.labels is None:
            return None
        layer, place = f'viewer.layers["{self.labels.name}"]', ", ".join(map(str, self._place))
        return f"{layer}.data[{place}]" if place else layer

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
        if self.found.painted_since:
            figures["reblur_residual"] = None  # it was that of other labels
        return figures

    @property
    def _place(self) -> tuple[int, ...]:
        """Where in the Labels layer the time point lies."""
        return self.layers.index(LABELS)

    @property
    def _fused(self) -> Canvas:
        if self.canvas is None:
            raise InputError("nothing is fused yet; press Fuse or Run all first.")
        return self.canvas

    @property
    def _step(self) -> float:
        """Distance between planes, in the source's unit."""
        return self.source.plane_step[0]
