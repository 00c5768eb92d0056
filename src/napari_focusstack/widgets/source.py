"""What is fused: one stack layer with a focus axis, or a near and a far layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.io.calibration import UNKNOWN
from napari_focusstack.layer_planes import focus_of, single_plane, stack_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from napari.components import Dims
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

    @property
    def size(self) -> tuple[int, ...]:
        """Rows and columns of a plane."""
        shape = self.layers[0].data.shape
        return tuple(shape[-3:-1] if self.layers[0].rgb else shape[-2:])

    @property
    def count(self) -> int:
        """Number of planes; 1 where the layer is a single image."""
        if len(self.layers) == 2:
            return 2
        layer = self.layers[0]
        return int(layer.data.shape[self.axis]) if self.axis < layer.ndim - 2 else 1

    def told(self) -> dict[str, Any]:
        """Return what tells this source from others, ready for a layer's metadata."""
        names = [str(layer.name) for layer in self.layers]
        return {"made_from": names, "axis": self.axis, "step": list(self.step)}

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

    @property
    def plane_step(self) -> tuple[float, str]:
        """Distance between planes and its unit; 1 and ``pixel`` where it is not known."""
        if len(self.layers) == 2 or self.count == 1:
            return 1.0, UNKNOWN
        layer = self.layers[0]
        return abs(float(layer.scale[self.axis])), str(layer.units[self.axis])

    def nearest(self, end: str) -> tuple[float, float]:
        """Return where the nearest plane lies along the focus axis, and how far to the next."""
        if len(self.layers) == 2:
            return 0.0, 1.0
        layer = self.layers[0]
        start, step = float(layer.translate[self.axis]), float(layer.scale[self.axis])
        return (start + (self.count - 1) * step, -step) if end == "last" else (start, step)

    def plane_at(self, dims: Dims, end: str) -> int:
        """Return the plane, counted from 1, the nearest, that the viewer's slider shows.

        Raises
        ------
        InputError
            If there is no slider: the planes are two layers.
        """
        if len(self.layers) == 2:
            raise InputError(
                "the planes are two layers, so no slider shows one of them; paint with label 1 "
                "what is near, and erase what is far."
            )
        start, step = self.nearest(end)
        number = round((dims.point[self._slider(dims)] - start) / step) + 1
        return min(max(number, 1), self.count)

    def show_plane(self, dims: Dims, end: str, plane: int) -> None:
        """Move the viewer's slider to a plane, counted from 1, the nearest, if there is one."""
        if len(self.layers) == 1:
            start, step = self.nearest(end)
            dims.set_point(self._slider(dims), start + (plane - 1) * step)

    def _slider(self, dims: Dims) -> int:
        """Return which of the viewer's axes is the focus axis; they align with the last."""
        return int(dims.ndim - self.layers[0].ndim + self.axis)

    def files(self) -> list[str]:
        """Return the files that the layers came from, or their names where there is none."""
        return [_file(layer) or f"{layer.name}.tif" for layer in self.layers]

    def expressions(self, near: str) -> list[str]:
        """Return what is fused as Python in napari's console.

        A layer where :func:`napari_focusstack.fuse` reads the same from it, else its planes.
        """
        names = [f'viewer.layers["{layer.name}"]' for layer in self.layers]
        told = focus_of(self.layers[0])
        # an order that is not said is taken from the metadata
        usual = near != "first" or told.get("near", near) == near
        usual = usual and told.get("focus_axis", 0) == self.axis
        if len(names) == 2 and not any(self.step):
            return names
        if len(names) == 1 and usual and not any(self.step):
            return names
        at = [str(place) for place in self.step]
        if len(names) == 1:
            at[self.axis] = ":"
        return [f"{name}.data[{', '.join(at)}]" for name in names]


def _file(layer: Layer) -> str | None:
    told = focus_of(layer).get("path") or layer.source.path
    return None if told is None else str(told)
