"""One fusion in napari: what its steps found, and how its layers follow the brush."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters
from napari_focusstack.widgets.plane_labels import Found, set_labels, taken_up
from napari_focusstack.widgets.result_layers import KINDS, LABELS, ResultLayers
from napari_focusstack.widgets.steps import estimating, fusing, segmenting

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.diffusion import Region
    from napari_focusstack.editing import Canvas, Fixes
    from napari_focusstack.fusion import FusionResult
    from napari_focusstack.lens import Psf
    from napari_focusstack.widgets.source import Source
    from napari_focusstack.widgets.steps import Fused, Task


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

    Attributes
    ----------
    found : Found
        What is in focus where, what was painted over it, and the blurs along its edges.
    canvas : Canvas or None
        The fused stack; follows the brush.
    diagnosis : Diagnosis or None
        What is wrong with the stack, as far as it was looked through.
    """

    def __init__(self, viewer: ViewerModel, source: Source, near: str = "first") -> None:
        self.source = source
        self.near = near
        self.layers = ResultLayers(viewer, source, near)
        self.found = Found() if self.labels is None else taken_up(self.labels)
        self.canvas: Canvas | None = None
        self.diagnosis: Diagnosis | None = None
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
        return segmenting(self.source, parameters)

    def estimate(self, parameters: FuseParameters) -> Task:
        """Estimate the blurs along the edges of the labels; returns a Found with them."""
        painted = self.layers.painted()
        return estimating(self.source, parameters, replace(self.found), painted)

    def fuse(self, parameters: FuseParameters) -> Task:
        """Fuse with the labels and blurs at hand, finding what lacks; returns a Fused."""
        return fusing(self.source, parameters, replace(self.found), self.layers.painted())

    def run_all(self, parameters: FuseParameters) -> Task:
        """Find everything anew and fuse, with what was painted on top; returns a Fused."""
        return fusing(self.source, parameters, fixes=self._fixes_now())

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
            set_labels(layer, fixes.over(found.labels))
            self.layers.keep_labels(found)
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
            set_labels(self.labels, self.fixes.drop())

    def show_result(self, made: Fused, *, diffusion: bool = False, depth: bool = False) -> None:
        """Show a fused image, and the labels it is made of if they are new."""
        if made.segmented or self.layers.painted() is None:
            focus = made.canvas.focus if made.found.focus is None else made.found.focus
            self.show_labels(replace(made.found, focus=focus))
        self.show_psf(made.found)
        self.found.near = made.canvas.stack.near
        self.canvas, self.diagnosis = made.canvas, made.diagnosis or self.diagnosis
        self._catch_up(made.labels)
        self.layers.show("fused", self.canvas.image)
        if depth:
            most = (self.canvas.focus.planes - 1) * self._step
            self.layers.show(
                "depth",
                self.depth(),
                colormap="viridis",
                contrast_limits=(0.0, most),
                visible=False,
            )
        if diffusion:
            removed = _removed(self.canvas)
            limit = max(float(np.abs(removed).max()), 1e-6)
            self.layers.show(
                "diffusion",
                removed,
                colormap="PiYG",
                contrast_limits=(-limit, limit),
                visible=False,
            )
        self.tell()

    def depth(self, where: Region | None = None) -> np.ndarray:
        """Return how far behind the nearest plane each pixel lies, (Y, X), in the source's unit."""
        rows, columns = where or (slice(None), slice(None))
        planes = self._fused.focus.depth[0, rows, columns] - 1
        return planes.cpu().numpy() * np.float32(self._step)

    def _catch_up(self, fused: np.ndarray) -> None:
        """Fuse again around what was painted while labels (Y, X) were being fused."""
        from napari_focusstack.editing import bounds

        self._behind, labels = None, self.layers.painted()
        if self.canvas is None or labels is None or labels.shape != fused.shape:
            return
        changed = bounds(labels != fused)
        if changed is not None:
            self.found.painted_since = True
            self.canvas.paint(labels, changed)

    def follow_brush(self, *, live: bool) -> bool:
        """Take note of painted labels; fuse again around them if live. Tell whether it did."""
        if self.fixes is None or self.labels is None:
            return False
        labels = np.asarray(self.labels.data)
        if labels.shape != self.fixes.labels.shape:
            raise InputError(
                f"layer {self.labels.name!r} now has the shape {labels.shape}, the planes "
                f"{self.fixes.labels.shape}; segment again."
            )
        self._note(labels)
        behind, image = self._behind, self.image
        if not live or behind is None or self.canvas is None or image is None:
            return False
        where = self.canvas.paint(labels, behind)
        self._behind = None
        image.refresh()
        self.layers.update("diffusion", where, partial(_removed, self.canvas, where))
        self.layers.update("depth", where, partial(self.depth, where))
        self.layers.tell_again(self._figures(), LABELS, *KINDS)
        return True

    def _note(self, labels: np.ndarray) -> None:
        """Take note of what was painted in labels (Y, X), which the image does not show yet."""
        from napari_focusstack.editing import around

        changed = None if self.fixes is None else self.fixes.follow(labels)
        if changed is not None:
            self.found.painted_since = True
            self._behind = changed if self._behind is None else around(self._behind, changed)
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
        from napari_focusstack.fusion import FusionResult

        canvas = self._fused
        eliminated = canvas.image, canvas.initial, canvas.region
        backend = self.found.crf_backend
        return FusionResult.of(canvas.stack, canvas.focus, canvas.psf, eliminated, backend)

    def tell(self) -> None:
        """Write the full record of what is fused into the layers that show it."""
        result = self.result
        figures = {**result.figures(), **self._figures()}
        self.layers.tell(FuseParameters(**result.parameters), result.weights, figures)

    def painted_layer(self) -> str | None:
        """Return the name of the Labels layer, where something was painted in it."""
        fixes = self._fixes_now()
        if fixes is None or not fixes.painted.any() or self.labels is None:
            return None
        return str(self.labels.name)

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
    def _fused(self) -> Canvas:
        if self.canvas is None:
            raise InputError("nothing is fused yet; press Fuse or Run all first.")
        return self.canvas

    @property
    def _step(self) -> float:
        """Distance between planes, in the source's unit."""
        return self.source.plane_step[0]


def _removed(canvas: Canvas, where: Region | None = None) -> np.ndarray:
    """Return what elimination took away, (Y, X) float32, mean of the channels, in pixel values."""
    rows_columns = where or (slice(None), slice(None))
    removed = canvas.initial[rows_columns].astype(np.float32) - canvas.image[rows_columns]
    return removed if removed.ndim == 2 else removed.mean(2)
