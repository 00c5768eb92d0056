"""What is fused: one stack layer with a focus axis, or a near and a far layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_focusstack.layer_planes import focus_of, single_plane, stack_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from napari.layers import Image, Layer


@dataclass(frozen=True)
class Source:
    """Layers that hold the planes of a focal stack.

    Parameters
    ----------
    layers : tuple of Image
        One stack, or a near and a far plane.
    axis : int
        Focus axis of the stack; of no account for two layers.
    step : tuple of int
        Where the viewer's sliders stand for the axes of the first layer before rows and columns; 0
        for the focus axis, which is fused whole.
    """

    layers: tuple[Image, ...]
    axis: int = 0
    step: tuple[int, ...] = ()

    @classmethod
    def shown(cls, layers: tuple[Image, ...], axis: int, sliders: Sequence[int]) -> Source:
        """Return what the viewer's sliders show of layers; they align with a layer's last axes."""
        count = layers[0].ndim
        own = [0] * max(0, count - len(sliders)) + list(sliders)[-count:]
        single = len(layers) == 2
        step = (0 if at == axis and not single else place for at, place in enumerate(own[:-2]))
        return cls(layers, axis, tuple(step))

    @property
    def name(self) -> str:
        """Name of the (first) layer."""
        return str(self.layers[0].name)

    def planes(self) -> list[np.ndarray]:
        """Return the planes in memory, (Y, X) or (Y, X, 3) each; see :mod:`..layer_planes`."""
        if len(self.layers) == 2:
            return [single_plane(layer, self.step) for layer in self.layers]
        return stack_planes(self.layers[0], self.axis, self.step)

    def beside(self) -> dict[str, Any]:
        """Return scale, translate, units and axis labels of a 2-D layer over the source."""
        layer = self.layers[0]
        return {
            "scale": tuple(layer.scale[-2:]),
            "translate": tuple(layer.translate[-2:]),
            "units": tuple(str(unit) for unit in layer.units[-2:]),
            "axis_labels": tuple(layer.axis_labels[-2:]),
        }

    @property
    def pixel(self) -> tuple[float, str]:
        """Size of a pixel and its unit; the unit is ``pixel`` where no scale is known."""
        layer = self.layers[0]
        return float(layer.scale[-1]), str(layer.units[-1])

    def files(self) -> list[str]:
        """Return the files that the layers came from, or their names where there is none."""
        return [_file(layer) or f"{layer.name}.tif" for layer in self.layers]

    def expressions(self) -> list[str]:
        """Return the layers as Python in napari's console."""
        return [f'viewer.layers["{layer.name}"]' for layer in self.layers]


def _file(layer: Layer) -> str | None:
    told = focus_of(layer).get("path") or layer.source.path
    return None if told is None else str(told)
