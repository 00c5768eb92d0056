"""The layers that show a fusion: over their source, with the record of how it was made."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.layer_planes import focus_of
from napari_focusstack.widgets.plane_labels import add_labels, keep, labels_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer

    from napari_focusstack.diffusion import Region
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.widgets.plane_labels import Found
    from napari_focusstack.widgets.source import Source

#: What image layers show.
KINDS = ("fused", "diffusion", "depth")
#: What a Labels layer shows, of any number of planes.
LABELS = "foreground"


class ResultLayers:
    """The layers that show what was made of one source.

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
        self._images: dict[str, Image] = {
            kind: layer for kind in KINDS if (layer := self._there(kind)) is not None
        }
        self.labels: Labels | None = self._there(LABELS) or self._from_file()
        if self.labels is not None and self.labels.data.shape != source.size:
            self.labels = None

    def image(self, kind: str) -> Image | None:
        """Return the layer of a kind, if it is there."""
        layer = self._images.get(kind)
        return layer if layer in self.viewer.layers else None

    def painted(self) -> np.ndarray | None:
        """Return a copy of the labels as they are, None where there are none."""
        if self.labels is None or self.labels not in self.viewer.layers:
            return None
        return np.array(self.labels.data)

    def add_labels(self, found: Found) -> None:
        """Show what was found in a new Labels layer."""
        self.labels = add_labels(self.viewer, self.source, found)

    def keep_labels(self, found: Found) -> None:
        """Let the Labels layer that is there stand for what was found."""
        if self.labels is not None:
            keep(self.labels, found)

    def show(self, kind: str, data: np.ndarray, **look: Any) -> None:
        """Put data into the layer of a kind, or add it."""
        layer = self.image(kind)
        if layer is not None:
            layer.data = data
            return
        above = self.source.layers[0]
        if kind == "fused" and not above.rgb:
            look |= {"colormap": above.colormap, "contrast_limits": above.contrast_limits}
        self._images[kind] = self.viewer.add_image(
            data,
            name=f"{self.source.name} {kind}",
            rgb=data.ndim == 3,
            metadata={"focusstack": self._told(kind)},
            **self.source.beside(),
            **look,
        )
        if self.labels is not None and self.labels in self.viewer.layers:
            # the labels stay on top, selected, ready for the brush
            self.viewer.layers.move(self.viewer.layers.index(self.labels), -1)
            self.viewer.layers.selection = {self.labels}

    def update(self, kind: str, where: Region, make: Callable[[], np.ndarray]) -> None:
        """Make and show new data of some rows and columns, if the layer is there."""
        layer = self.image(kind)
        if layer is not None:
            layer.data[where] = make()
            layer.refresh()

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
            made = {**record(asdict(parameters), weights=dict(weights)), "found": figures}
            layer.metadata["focusstack"] = {**self._told(kind), "record": made}

    def tell_again(self, figures: dict[str, Any], *kinds: str) -> None:
        """Mend figures in the records of layers."""
        for kind in kinds:
            layer = self._layer(kind)
            about = {} if layer is None else focus_of(layer)
            if layer is not None and "found" in about.get("record", {}):
                made = about["record"]
                found = {**made["found"], **figures}
                layer.metadata["focusstack"] = {**about, "record": {**made, "found": found}}

    def renamed(self) -> None:
        """Tell by the source's present name what its layers belong to."""
        for kind in (LABELS, *KINDS):
            layer = self._layer(kind)
            if layer is not None and "shows" in (about := focus_of(layer)):
                layer.metadata["focusstack"] = {**about, **self._told(kind)}

    def _layer(self, kind: str) -> Layer | None:
        return self.labels if kind == LABELS else self._images.get(kind)

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
