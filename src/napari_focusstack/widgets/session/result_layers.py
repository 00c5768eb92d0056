"""The layers that show a fusion: over their source, with the record of how it was made."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.planes.layer_planes import focus_of
from napari_focusstack.widgets.session.label_layer import add_labels, labels_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.layer_axes import ResultAxes
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.widgets.session.label_layer import Found
    from napari_focusstack.widgets.session.source import Source


#: What image layers show.
KINDS = ("fused", "diffusion", "depth", "confidence", "border")
#: What a Labels layer shows, of any number of planes.
LABELS = "foreground"


class ResultLayers:
    """The layers that show what was made of one source, at one of its time points.

    A layer holds all time points; each is filled when it is fused.

    Parameters
    ----------
    viewer : ViewerModel
        Where layers are added. Those that are there of the same source are taken up; so are labels
        of that name that a file brought back.
    source : Source
        What is fused.
    near : {"first", "last", "auto"}
        Which end of it is nearest to the lens.

    Attributes
    ----------
    labels : Labels or None
        Which plane is in focus.
    """

    def __init__(self, viewer: ViewerModel, source: Source, near: str) -> None:
        self.viewer = viewer
        self.source = source
        self.near = near
        self._axes = {each: source.axes(channels=each) for each in (True, False)}
        self._layers: dict[str, Any] = {
            kind: layer for kind in KINDS if (layer := self._there(kind)) is not None
        }
        self.labels: Labels | None = self._there(LABELS) or self._from_file()
        if self.labels is not None and self.labels.data.shape != self._shape(LABELS):
            self.labels = None

    def index(self, kind: str) -> tuple[int, ...]:
        """Return where in the data of the layer of a kind the source's time point lies."""
        return self._of(kind).index(self.source.step)

    def image(self, kind: str) -> Image | None:
        """Return the layer of a kind, if it is there."""
        layer = self._layers.get(kind)
        return layer if layer in self.viewer.layers else None

    def painted(self) -> np.ndarray | None:
        """Return a copy of the labels (Y, X) as they are, None where there are none."""
        if self.labels is None or self.labels not in self.viewer.layers:
            return None
        data = self.labels.data
        # labels of another shape are for others to refuse
        return np.array(data[self.index(LABELS)] if data.shape == self._shape(LABELS) else data)

    def add_labels(self, found: Found) -> None:
        """Show what was found in a new Labels layer."""
        self.labels = add_labels(self.viewer, self.source, found)

    def show(self, kind: str, data: np.ndarray, **look: Any) -> None:
        """Put data (Y, X) or (Y, X, 3) into the layer of a kind, or add it."""
        layer, index = self.image(kind), self.index(kind)
        shape = (*self._of(kind).shape, *data.shape)
        if layer is not None and layer.data.shape == shape and layer.data.dtype == data.dtype:
            layer.data[index] = data
            layer.refresh()
            return
        whole = np.zeros(shape, data.dtype)
        whole[index] = data
        if layer is not None:
            layer.data = whole
            return
        self._layers[kind] = self._add(kind, whole, look)
        self.raise_labels()

    def raise_labels(self) -> None:
        """Keep the labels on top, selected, ready for the brush."""
        if self.labels is not None and self.labels in self.viewer.layers:
            self.viewer.layers.move(self.viewer.layers.index(self.labels), -1)
            self.viewer.layers.selection = {self.labels}

    def update(self, kind: str, where: Region, make: Callable[[], np.ndarray]) -> None:
        """Make and show new data of some rows and columns, if the layer is there."""
        layer = self.image(kind)
        if layer is not None:
            layer.data[(*self.index(kind), *where)] = make()
            layer.refresh()

    def clear(self, kind: str) -> None:
        """Show nothing at this time point, if the layer is there."""
        layer = self.image(kind)
        if layer is not None:
            layer.data[self.index(kind)] = 0
            layer.refresh()

    def _add(self, kind: str, data: np.ndarray, look: dict[str, Any]) -> Layer:
        about = {
            "name": f"{self.source.name} {kind}",
            "metadata": {"focusstack": self._told(kind)},
            **self._of(kind).beside(),
        }
        if kind == "border":
            return self.viewer.add_labels(data, **about, **look)
        above = self.source.layers[0]
        if kind == "fused":
            look |= {"blending": above.blending}
            if not above.rgb:
                look |= {"colormap": above.colormap, "contrast_limits": above.contrast_limits}
            if above.blending == "additive":
                # or each channel would be seen twice
                above.visible = False
        return self.viewer.add_image(data, rgb=above.rgb and kind == "fused", **about, **look)

    def _of(self, kind: str) -> ResultAxes:
        """Return the axes of a kind: what is known of focus holds for all channels."""
        return self._axes[kind == "fused"]

    def _shape(self, kind: str) -> tuple[int, ...]:
        return (*self._of(kind).shape, *self.source.size)

    # ---- the record

    def tell(
        self, parameters: FuseParameters, weights: Mapping[str, str], figures: dict[str, Any]
    ) -> None:
        """Write the record of what is fused into all layers."""
        for kind in (LABELS, *KINDS):
            self.tell_one(kind, parameters, weights, figures)

    def tell_one(
        self,
        kind: str,
        parameters: FuseParameters,
        weights: Mapping[str, str],
        figures: dict[str, Any],
    ) -> None:
        """Write a record into the layer of a kind."""
        from napari_focusstack.provenance import record

        layer = self._layer(kind)
        if layer is not None:
            made = record(asdict(parameters), weights=dict(weights))
            made["found"] = self._with(figures, kind, focus_of(layer).get("record", {}))
            layer.metadata["focusstack"] = {**self._told(kind), "record": made}

    def tell_again(self, figures: dict[str, Any], *kinds: str) -> None:
        """Mend figures in the records of layers."""
        for kind in kinds:
            layer = self._layer(kind)
            about = {} if layer is None else focus_of(layer)
            if layer is not None and "found" in about.get("record", {}):
                made = about["record"]
                found = self._with({**self._found(kind, made), **figures}, kind, made)
                layer.metadata["focusstack"] = {**about, "record": {**made, "found": found}}

    def _with(self, figures: dict[str, Any], kind: str, made: Mapping[str, Any]) -> Any:
        """Return figures among those that a record has of other time points, if there are any."""
        here = self._of(kind).place(self.source.step)
        if not here:
            return figures
        others = [one for one in _told_of(made) if not here.items() <= one.items()]
        return sorted([*others, {**here, **figures}], key=lambda one: [one[axis] for axis in here])

    def _found(self, kind: str, made: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a record has of this time point."""
        here = self._of(kind).place(self.source.step).items()
        return next((one for one in _told_of(made) if here <= one.items()), {})

    def renamed(self) -> None:
        """Tell by the source's present name what its layers belong to."""
        for kind in (LABELS, *KINDS):
            layer = self._layer(kind)
            if layer is not None and "shows" in (about := focus_of(layer)):
                layer.metadata["focusstack"] = {**about, **self._told(kind)}

    def _layer(self, kind: str) -> Layer | None:
        return self.labels if kind == LABELS else self._layers.get(kind)

    def _told(self, kind: str) -> dict[str, Any]:
        """Return what the metadata of a layer of ours tell of where it belongs."""
        return {**self.source.told(), "near": self.near, "shows": kind}

    def _there(self, kind: str) -> Any:
        """Return the layer of a kind that an earlier session made of the source."""
        told = self._told(kind).items()
        return next((one for one in self.viewer.layers if told <= focus_of(one).items()), None)

    def _from_file(self) -> Labels | None:
        """Return labels of ours that were opened again."""
        name = labels_name(self.source)
        if name in self.viewer.layers:
            layer = self.viewer.layers[name]
            if "record" in focus_of(layer) and "made_from" not in focus_of(layer):
                return layer
        return None


def _told_of(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a record says was found, of each time point."""
    found = made.get("found", [])
    return found if isinstance(found, list) else [found]
