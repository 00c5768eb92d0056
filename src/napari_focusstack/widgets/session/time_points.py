"""Results are shown at the time points that were fused, the stack itself at the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_focusstack.planes.layer_planes import focus_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class TimePoints:
    """Hides empty results, and brings them back where the sliders show something of them.

    Parameters
    ----------
    viewer : ViewerModel
        Whose sliders are followed.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._hidden: list[Layer] = []
        viewer.dims.events.point.connect(self.follow)

    def leave(self) -> None:
        """Follow the sliders no more."""
        self.viewer.dims.events.point.disconnect(self.follow)

    def follow(self, _: Any = None) -> None:
        """Show what there is where the sliders stand."""
        for layer in list(self.viewer.layers):
            if self._is_empty(layer):
                if layer.visible:
                    self._hidden.append(layer)
                    self._show(layer, visible=False)
            elif layer in self._hidden:
                self._hidden.remove(layer)
                self._show(layer, visible=True)

    def _is_empty(self, layer: Layer) -> bool:
        """Tell whether a layer is a result that has nothing at this time point yet."""
        found = focus_of(layer).get("record", {}).get("found")
        if "made_from" not in focus_of(layer) or not isinstance(found, list):
            return False
        point = self.viewer.dims.point[-layer.ndim :]
        here = {
            label: round((at - float(start)) / float(scale))
            for label, at, start, scale in zip(
                layer.axis_labels, point, layer.translate, layer.scale, strict=False
            )
        }
        return not any(all(one.get(label, at) == at for label, at in here.items()) for one in found)

    def _show(self, layer: Layer, *, visible: bool) -> None:
        layer.visible = visible
        about = focus_of(layer)
        if about.get("shows") == "fused" and layer.blending == "additive":
            for name in about["made_from"]:
                if name in self.viewer.layers:
                    self.viewer.layers[name].visible = not visible
