"""Results are shown at the time points that were fused, the stack itself at the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_focusstack.planes.layer_planes import focus_of

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer


class TimePoints:
    """Hides results at time points that were not fused, and shows them again at the others.

    Parameters
    ----------
    viewer : ViewerModel
        Viewer whose sliders are followed.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._hidden: list[Layer] = []
        viewer.dims.events.point.connect(self.follow)

    def leave(self) -> None:
        """Stop following the sliders."""
        self.viewer.dims.events.point.disconnect(self.follow)

    def follow(self, _: Any = None) -> None:
        """Show the results, or the stack where there are none, at the present time point."""
        for layer in list(self.viewer.layers):
            if self._is_empty(layer):
                if layer.visible:
                    self._hidden.append(layer)
                    self._show(layer, visible=False)
            elif layer in self._hidden:
                self._hidden.remove(layer)
                self._show(layer, visible=True)

    def _is_empty(self, layer: Layer) -> bool:
        """Tell whether a layer is a result that is empty at this time point."""
        found = focus_of(layer).get("record", {}).get("found")
        if "made_from" not in focus_of(layer) or not isinstance(found, list):
            return False
        place = {
            label: round(float(at))
            for label, at in zip(
                layer.axis_labels, layer.world_to_data(self.viewer.dims.point), strict=False
            )
        }
        return not any(
            all(one.get(label, at) == at for label, at in place.items()) for one in found
        )

    def _show(self, layer: Layer, *, visible: bool) -> None:
        """Show or hide a layer; the planes of an additive image are visible while it is not."""
        layer.visible = visible
        metadata = focus_of(layer)
        if metadata.get("shows") == "fused" and layer.blending == "additive":
            for name in metadata["made_from"]:
                if name in self.viewer.layers:
                    self.viewer.layers[name].visible = not visible
