"""The layers that show a fusion: over their source, with a record of how they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.planes.layer_planes import focus_of
from napari_focusstack.runtime.region import intersection, to_local
from napari_focusstack.widgets.session.label_layer import add_labels, saved_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

    from napari_focusstack.planes.layer_axes import ResultAxes
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.label_layer import LabelState
    from napari_focusstack.widgets.session.source import Source


#: Kinds of result layers beside the labels; each is also the end of the layer's name.
KINDS = ("fused", "sources", "diffusion", "depth", "confidence", "border")
#: Kind of the Labels layer, for any number of planes.
LABELS = "foreground"


class ResultLayers:
    """The layers that show the results of one source, at one of its time points.

    A layer holds all time points. Each is filled when it is fused.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added. Existing results of the same source are adopted, and so are labels
        of the right name that were opened from a file.
    source : Source
        The planes.
    near : {"first", "last", "auto"}
        Which end of the stack is nearest to the lens.

    Attributes
    ----------
    labels : Labels or None
        Which plane is in focus. This layer is never cut, so that it fits the planes.
    region : tuple of slice or None
        Rows and columns that the other layers show; None for all. Layers that hold several time
        points are not cut: each would be cut differently.
    """

    def __init__(self, viewer: ViewerModel, source: Source, near: str) -> None:
        self.viewer = viewer
        self.source = source
        self.near = near
        self._axes = {channels: source.axes(channels=channels) for channels in (True, False)}
        self._layers: dict[str, Any] = {
            kind: layer for kind in KINDS if (layer := self._existing(kind)) is not None
        }
        self.region: Region | None = None
        self.labels: Labels | None = self._existing(LABELS) or saved_labels(viewer, source)
        if self.labels is not None and self.labels.data.shape != self._shape(LABELS):
            self.labels = None

    def index(self, kind: str) -> tuple[int, ...]:
        """Return the source's time point as an index into the data of a kind of layer."""
        return self._of(kind).index(self.source.step)

    def image(self, kind: str) -> Image | None:
        """Return the layer of a kind, if it exists."""
        layer = self._layers.get(kind)
        return layer if layer in self.viewer.layers else None

    @property
    def shown_labels(self) -> np.ndarray | None:
        """The labels (Y, X) of the layer; None where there is no layer."""
        if self.labels is None or self.labels not in self.viewer.layers:
            return None
        data = self.labels.data
        # labels of another shape are returned whole: the callers refuse them
        return np.asarray(data[self.index(LABELS)] if data.shape == self._shape(LABELS) else data)

    def painted(self) -> np.ndarray | None:
        """Return a copy of the labels (Y, X) as they are now; None where there is no layer."""
        labels = self.shown_labels
        return None if labels is None else labels.copy()

    def add_labels(self, state: LabelState, *, visible: bool = True) -> None:
        """Put estimated labels into a new layer."""
        self.labels = add_labels(self.viewer, self.source, state, visible=visible)

    @property
    def can_be_cut(self) -> bool:
        """Whether layers hold a single time point."""
        return all(size == 1 for size in self._of(LABELS).shape)

    def show(self, kind: str, data: np.ndarray, **look: Any) -> None:
        """Put data (Y, X) or (Y, X, 3) into the layer of a kind, or add it with layer keywords.

        Data are those of the whole planes; the layer shows its region of them. They are not copied
        where a new layer can hold them.
        """
        layer, index = self.image(kind), self.index(kind)
        data = data if self.region is None else data[self.region]
        shape = (*self._of(kind).shape, *data.shape)
        if layer is not None and (self.region is not None or layer.data.shape != shape):
            layer.translate = self._beside(kind)["translate"]
        if layer is not None and layer.data.shape == shape and layer.data.dtype == data.dtype:
            layer.data[index] = data
            layer.refresh()
            return
        if data.size == np.prod(shape):
            whole = data.reshape(shape)
        else:
            whole = np.zeros(shape, data.dtype)
            whole[index] = data
        if layer is not None:
            layer.data = whole
            return
        self._layers[kind] = self._add(kind, whole, look)

    def raise_labels(self) -> None:
        """Move the labels to the top, and select them if they are shown, else the fused image."""
        if self.labels is None or self.labels not in self.viewer.layers:
            return
        self.viewer.layers.move(self.viewer.layers.index(self.labels), -1)
        image = self.image("fused")
        chosen = self.labels if self.labels.visible or image is None else image
        self.viewer.layers.selection = {chosen}

    def bare(self) -> None:
        """Show the fused image bare: hide the labels, unless they are being painted."""
        image = self.image("fused")
        if image is not None:
            image.visible = True  # a run that shows nothing would seem to have failed
        if self.labels is not None and self.labels.mode == "pan_zoom":
            self.labels.visible = False

    def update(self, kind: str, where: Region, make: Callable[[Region], np.ndarray]) -> None:
        """Compute and show new data of some rows and columns of the planes, if a layer does."""
        layer = self.image(kind)
        shown = where if self.region is None else intersection(where, self.region)
        if layer is not None and shown is not None:
            place = shown if self.region is None else to_local(shown, self.region)
            layer.data[(*self.index(kind), *place)] = make(shown)
            layer.refresh()

    def clear(self, kind: str) -> None:
        """Set this time point to 0, if the layer exists."""
        layer = self.image(kind)
        if layer is not None:
            layer.data[self.index(kind)] = 0
            layer.refresh()

    def _add(self, kind: str, data: np.ndarray, look: dict[str, Any]) -> Layer:
        keywords = {
            "name": f"{self.source.name} {kind}",
            "metadata": {"focusstack": self._metadata(kind)},
            **self._beside(kind),
        }
        if kind == "border":
            return self.viewer.add_labels(data, **keywords, **look)
        plane = self.source.layers[0]
        if kind == "fused":
            look |= {"blending": plane.blending}
            if not plane.rgb:
                look |= {"colormap": plane.colormap, "contrast_limits": plane.contrast_limits}
            if plane.blending == "additive":
                # or the light of each channel would be added twice
                plane.visible = False
        return self.viewer.add_image(data, rgb=plane.rgb and kind == "fused", **keywords, **look)

    def _beside(self, kind: str) -> dict[str, Any]:
        """Return scale, translate, units and axis labels of a layer of a kind."""
        keywords = self._of(kind).beside()
        if self.region is not None:
            keywords["translate"] = moved_to(self.region, keywords)
        return keywords

    def _of(self, kind: str) -> ResultAxes:
        """Return the axes of a kind: only fused images have channels, focus is that of all."""
        return self._axes[kind == "fused"]

    def _shape(self, kind: str) -> tuple[int, ...]:
        return (*self._of(kind).shape, *self.source.size)

    # ---- the record

    def write_record(self, made: Mapping[str, Any], *kinds: str) -> None:
        """Write a record into layers, beside what it holds of other time points.

        Parameters
        ----------
        made : mapping
            "parameters", "weights" and the figures "found", as
            :func:`~napari_focusstack.widgets.session.result_pictures.record_of` returns them.
        *kinds : str
            Kinds of layers; those that do not exist are passed over.
        """
        from napari_focusstack.provenance import record

        for kind in kinds:
            layer = self._layer(kind)
            if layer is not None:
                new = record(made["parameters"], weights=made["weights"])
                new["found"] = self._merged(made["found"], kind, focus_of(layer).get("record", {}))
                metadata = {**focus_of(layer), **self._metadata(kind)}
                if "photo" in metadata:
                    new["photo"] = metadata["photo"].summary(written=True)
                layer.metadata["focusstack"] = {**metadata, "record": new}

    def update_figures(self, figures: dict[str, Any], *kinds: str) -> None:
        """Replace some figures of this time point in the records of layers."""
        for kind in kinds:
            layer = self._layer(kind)
            metadata = {} if layer is None else focus_of(layer)
            if layer is not None and "found" in metadata.get("record", {}):
                old = metadata["record"]
                found = self._merged({**self._figures_in(old, kind), **figures}, kind, old)
                layer.metadata["focusstack"] = {**metadata, "record": {**old, "found": found}}

    def _merged(self, figures: dict[str, Any], kind: str, old: Mapping[str, Any]) -> Any:
        """Return figures, as a list with those of other time points where the kind has several."""
        place = self._of(kind).place(self.source.step)
        if not place:
            return figures
        others = [one for one in _found_per_time_point(old) if not place.items() <= one.items()]
        merged = [*others, {**place, **figures}]
        return sorted(merged, key=lambda one: [one[axis] for axis in place])

    def _figures_in(self, old: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """Return the figures of this time point in a record."""
        place = self._of(kind).place(self.source.step).items()
        return next((one for one in _found_per_time_point(old) if place <= one.items()), {})

    def rename_source(self) -> None:
        """Write the present names of the source's layers into the metadata of its results."""
        for kind in (LABELS, *KINDS):
            layer = self._layer(kind)
            if layer is not None and "shows" in (metadata := focus_of(layer)):
                layer.metadata["focusstack"] = {**metadata, **self._metadata(kind)}

    def _layer(self, kind: str) -> Layer | None:
        return self.labels if kind == LABELS else self._layers.get(kind)

    def _metadata(self, kind: str) -> dict[str, Any]:
        """Return the metadata by which a result is recognised again."""
        metadata = {**self.source.metadata(), "near": self.near, "shows": kind}
        photo = focus_of(self.source.layers[0]).get("photo")
        return {**metadata, "photo": photo} if photo and kind == "fused" else metadata

    def _existing(self, kind: str) -> Any:
        """Return the layer of a kind that an earlier session made of the source, or opened."""
        metadata = {**self.source.metadata(), "shows": kind}.items()
        made = (one for one in self.viewer.layers if metadata <= focus_of(one).items())
        return next(made, None) or self._opened(kind)

    def _opened(self, kind: str) -> Any:
        """Return a result of the source that was opened from its file."""
        name = f"{self.source.name} {kind}"
        if kind == LABELS or name not in self.viewer.layers:
            return None
        layer, about = self.viewer.layers[name], focus_of(self.viewer.layers[name])
        fits = layer.data.shape[: layer.ndim] == self._shape(kind)
        return layer if fits and "record" in about and "made_from" not in about else None


def moved_to(region: Region, beside: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the translate of a layer that shows a region of what lies at another's.

    Parameters
    ----------
    region : tuple of slice
        Rows and columns.
    beside : mapping
        "translate" and "scale" of a layer that shows all of them, and "shear" and "rotate" if any.
    """
    starts = [0] * (len(beside["translate"]) - 2) + [part.start for part in region]
    moved = np.multiply(starts, beside["scale"])
    for name in ("shear", "rotate"):
        moved = beside[name] @ moved if name in beside else moved
    return tuple((np.array(beside["translate"]) + moved).tolist())


def _found_per_time_point(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the figures of a record, one mapping for each time point."""
    found = made.get("found", [])
    return found if isinstance(found, list) else [found]
