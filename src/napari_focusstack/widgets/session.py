"""One fusion in napari, step by step: tasks for a thread, and what they become as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from torch import Tensor

    from napari_focusstack.diffusion import Region
    from napari_focusstack.editing import Canvas, Fixes
    from napari_focusstack.fusion import FusionResult
    from napari_focusstack.lens import Psf
    from napari_focusstack.pair import Pair
    from napari_focusstack.widgets.source import Source

    Task = Callable[[], Generator[Any, None, Any]]

#: Colour of the foreground in the Labels layer.
NEAR_COLOUR = "#ff9e1f"


class Session:
    """What was found of one focal stack, and the layers that show it.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added.
    source : Source, optional
        What is fused; without one there is nothing to do yet.

    Attributes
    ----------
    psf : Psf or None
        The blurs as last estimated.
    canvas : Canvas or None
        The fused pair; follows the brush.
    """

    def __init__(self, viewer: ViewerModel, source: Source | None = None) -> None:
        self.viewer = viewer
        self.source = source
        self.alpha: Tensor | None = None
        self.crf_backend: str | None = None
        self.psf: Psf | None = None
        self.canvas: Canvas | None = None
        self.fixes: Fixes | None = None
        self.labels: Labels | None = None
        self.image: Image | None = None
        self.diffusion: Image | None = None

    # ---- tasks: generators for a thread, which read layers but change nothing

    def segment(self, parameters: FuseParameters) -> Task:
        """Find the foreground; returns (alpha, backend of the CRF)."""
        source = self._source()

        def task() -> Generator[Any, None, Any]:
            return (yield from _pair(source, parameters).matte())

        return task

    def estimate(self, parameters: FuseParameters) -> Task:
        """Estimate the blurs along the boundary of the labels; returns a Psf."""
        source, alpha, labels = self._source(), self.alpha, self._painted()

        def task() -> Generator[Any, None, Any]:
            pair = _pair(source, parameters)
            return (yield from pair.psf_steps(_edited(pair, alpha, labels)))

        return task

    def fuse(self, parameters: FuseParameters) -> Task:
        """Fuse with the labels and blurs at hand, finding what lacks; returns what was made."""
        return self._fusing(parameters, self.alpha, self._painted(), self.psf)

    def run_all(self, parameters: FuseParameters) -> Task:
        """Find everything anew and fuse, with what was painted on top; returns what was made."""
        return self._fusing(parameters, None, None, None)

    def _fusing(
        self,
        parameters: FuseParameters,
        alpha: Tensor | None,
        labels: np.ndarray | None,
        psf: Psf | None,
    ) -> Task:
        source, backend, fixes = self._source(), self.crf_backend, self._fixes_now()

        def task() -> Generator[Any, None, Any]:
            from napari_focusstack.editing import Canvas

            pair = _pair(source, parameters)
            found, by, painted = alpha, backend, labels
            if found is None and painted is None:
                found, by = yield from pair.matte()
                painted = _mask_labels(found)
                if fixes is not None and fixes.painted.shape == painted.shape:
                    painted = np.where(fixes.painted, fixes.labels, painted)
            edited = _edited(pair, found, painted)
            blurs = None
            if pair.is_veiled(edited):
                blurs = psf or (yield from pair.psf_steps(edited))
            canvas = Canvas(pair, edited if found is None else found, blurs, _mask_labels(edited))
            yield from canvas.fuse()
            return found, by, canvas

        return task

    # ---- what tasks returned becomes layers, in the GUI's thread

    def show_labels(self, found: tuple[Tensor, str | None]) -> None:
        """Propose labels; what was painted before stays on top."""
        from napari_focusstack.editing import Fixes

        self.alpha, self.crf_backend = found
        self.psf = None
        proposal = _mask_labels(self.alpha)
        if self.labels is None or self.labels not in self.viewer.layers or self.fixes is None:
            self.fixes = Fixes(proposal)
            self.labels = self._add_labels(proposal)
        else:
            self.fixes.follow(np.asarray(self.labels.data))
            self._set_labels(self.fixes.over(proposal))

    def drop_fixes(self) -> None:
        """Take back all that was painted."""
        if self.fixes is not None and self.labels is not None:
            self._set_labels(self.fixes.drop())

    def show_result(self, made: tuple[Any, ...], *, segmented: bool, diffusion: bool) -> None:
        """Show a fused image, and the labels it is made of if they are new."""
        found, backend, self.canvas = made
        canvas = self.canvas
        if segmented or self.labels is None or self.labels not in self.viewer.layers:
            self.show_labels((canvas.alpha if found is None else found, backend))
        self.psf = canvas.psf
        record = self._metadata()
        if self.labels is not None:
            self.labels.metadata.update(record)
        self.image = self._show(self.image, "fused", canvas.image, record)
        if diffusion:
            removed = _removed(canvas)
            limit = max(float(np.abs(removed).max()), 1e-6)
            self.diffusion = self._show(
                self.diffusion,
                "diffusion",
                removed,
                record,
                colormap="PiYG",
                contrast_limits=(-limit, limit),
                visible=False,
            )

    def follow_brush(self, *, live: bool) -> bool:
        """Take note of painted labels; fuse again around them if live. Tell whether any changed."""
        if self.fixes is None or self.labels is None:
            return False
        labels = np.asarray(self.labels.data)
        if labels.shape != self.fixes.labels.shape:
            raise InputError(
                f"layer {self.labels.name!r} now has the shape {labels.shape}, the planes "
                f"{self.fixes.labels.shape}; segment again."
            )
        changed = self.fixes.follow(labels)
        if changed is None:
            return False
        if live and self.canvas is not None and self.image in self.viewer.layers:
            where = self.canvas.paint(labels, changed)
            self.image.refresh()
            if self.diffusion is not None and self.diffusion in self.viewer.layers:
                self.diffusion.data[where] = _removed(self.canvas, where)
                self.diffusion.refresh()
        return True

    @property
    def result(self) -> FusionResult:
        """What was fused, as :func:`napari_focusstack.fuse` returns it."""
        from napari_focusstack.fusion import FusionResult

        if self.canvas is None:
            raise InputError("nothing is fused yet; press Fuse or Run all first.")
        canvas = self.canvas
        eliminated = canvas.image, canvas.initial, canvas.region
        return FusionResult.of(canvas.pair, canvas.alpha, canvas.psf, eliminated, self.crf_backend)

    def _source(self) -> Source:
        if self.source is None:
            raise InputError("no focal stack is chosen; open one or choose its layer.")
        return self.source

    def _painted(self) -> np.ndarray | None:
        """Return a copy of the labels as they are, None where there are none."""
        if self.labels is None or self.labels not in self.viewer.layers:
            return None
        return np.array(self.labels.data)

    def _fixes_now(self) -> Fixes | None:
        """Return what is painted, the last stroke included."""
        labels = self._painted()
        if self.fixes is None or labels is None or labels.shape != self.fixes.labels.shape:
            return None
        self.fixes.follow(labels)
        return self.fixes

    def painted_expression(self) -> str | None:
        """Return the Labels layer as Python, where something was painted in it."""
        fixes = self._fixes_now()
        if fixes is None or not fixes.painted.any() or self.labels is None:
            return None
        return f'viewer.layers["{self.labels.name}"]'

    def _add_labels(self, data: np.ndarray) -> Labels:
        from napari.utils.colormaps import DirectLabelColormap

        layer = self.viewer.add_labels(
            data,
            name=f"{self._source().name} foreground",
            opacity=0.4,
            colormap=DirectLabelColormap(color_dict={1: NEAR_COLOUR, None: "transparent"}),
            metadata=self._metadata(),
            **self._source().beside(),
        )
        layer.selected_label = 1
        layer.brush_size = max(3, min(data.shape) // 40)
        return layer

    def _set_labels(self, data: np.ndarray) -> None:
        """Change the Labels layer so that it can be undone."""
        if self.labels is None:
            return
        changed = np.nonzero(data != self.labels.data)
        if len(changed[0]):
            self.labels.data_setitem(changed, data[changed])

    def _show(
        self, layer: Image | None, kind: str, data: np.ndarray, record: dict[str, Any], **look: Any
    ) -> Image:
        """Put data into a layer of ours, or add it."""
        if layer is not None and layer in self.viewer.layers:
            layer.data = data
            layer.metadata.update(record)
            return layer
        source = self._source()
        above = source.layers[0]
        if kind == "fused" and not above.rgb:
            look |= {"colormap": above.colormap, "contrast_limits": above.contrast_limits}
        layer = self.viewer.add_image(
            data,
            name=f"{source.name} {kind}",
            rgb=data.ndim == 3,
            metadata=record,
            **source.beside(),
            **look,
        )
        if self.labels is not None and self.labels in self.viewer.layers:
            # the labels stay on top, selected, ready for the brush
            self.viewer.layers.move(self.viewer.layers.index(self.labels), -1)
            self.viewer.layers.selection = {self.labels}
        return layer

    def _metadata(self) -> dict[str, Any]:
        """Return the full record, where something is fused, as layers carry it."""
        told: dict[str, Any] = {"made_from": self._source().name}
        if self.canvas is None:
            return {"focusstack": told}
        from napari_focusstack.provenance import record

        result = self.result
        made = record(result.parameters, weights=result.weights)
        return {"focusstack": {**told, "record": {**made, "found": result.figures()}}}


def _pair(source: Source, parameters: FuseParameters) -> Pair:
    from napari_focusstack.pair import Pair

    return Pair(source.planes(), parameters)


def _edited(pair: Pair, found: Tensor | None, labels: np.ndarray | None) -> Tensor:
    """Return the alpha that was found with labels painted over it, or that of the labels alone."""
    import torch

    from napari_focusstack.segmentation import alpha_from_labels, override

    if found is not None and labels is not None and labels.shape == pair.size:
        return override(found, torch.from_numpy(labels == 1)[None].to(found.device))
    if labels is not None:
        return alpha_from_labels(labels, pair.size).to(pair.device)
    if found is None:
        raise InputError("there are no labels yet; press Segment, or paint the foreground.")
    return found


def _removed(canvas: Canvas, where: Region | None = None) -> np.ndarray:
    """Return what elimination took away, (Y, X) float32, mean of the channels, in pixel values."""
    rows_columns = where or (slice(None), slice(None))
    removed = canvas.initial[rows_columns].astype(np.float32) - canvas.image[rows_columns]
    return removed if removed.ndim == 2 else removed.mean(2)


def _mask_labels(alpha: Tensor) -> np.ndarray:
    """Return the Labels layer's view of alpha: 1 is near, 0 (see-through) is far."""
    return (alpha[0].cpu().numpy() > 0.5).astype(np.uint8)
