"""What is fused: one stack layer with a focus axis, or a near and a far layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.planes.layer_axes import ResultAxes, channel_axis
from napari_focusstack.planes.layer_planes import (
    focus_axis_of,
    focus_of,
    single_plane,
    stack_planes,
)

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
    def shown(cls, layers: tuple[Image, ...], axis: int, point: Sequence[float]) -> Source:
        """Return what the viewer's sliders show of layers; they align with a layer's last axes.

        Parameters
        ----------
        layers, axis
            Of the source.
        point : sequence of float
            Where the sliders stand in the world.
        """
        layer, single = layers[0], len(layers) == 2
        own = [0.0] * max(0, layer.ndim - len(point)) + list(point)[-layer.ndim :]
        step = []
        for number in range(layer.ndim - 2):
            start, scale = float(layer.translate[number]), float(layer.scale[number])
            at = round((own[number] - start) / scale)
            last = int(layer.data.shape[number]) - 1
            step.append(0 if number == axis and not single else min(max(at, 0), last))
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

    @property
    def focus_axis(self) -> int | None:
        """Focus axis of the layer; None where the planes are two layers."""
        return None if len(self.layers) == 2 else self.axis

    @property
    def channel_axis(self) -> int | None:
        """Axis of the layer that is named as channels, if it has one."""
        return channel_axis(self.layers[0], self.focus_axis)

    def axes(self, *, channels: bool) -> ResultAxes:
        """Return the axes of results, of which each channel has its own, or all have one."""
        spanned = {self.focus_axis} | (set() if channels else {self.channel_axis})
        return ResultAxes.of(self.layers[0], {axis for axis in spanned if axis is not None})

    def time_points(self) -> list[Source]:
        """Return the source at each place along the axes beside focus and channels, in order."""
        fixed = {self.focus_axis, self.channel_axis}
        shape = self.layers[0].data.shape
        places = (
            [at] if axis in fixed else range(shape[axis]) for axis, at in enumerate(self.step)
        )
        return [replace(self, step=step) for step in product(*places)]

    def other_channels(self) -> list[Source]:
        """Return the source at all other places along its own axis of channels."""
        axis = self.channel_axis
        if axis is None:
            return []
        places = range(self.layers[0].data.shape[axis])
        return [
            replace(self, step=(*self.step[:axis], at, *self.step[axis + 1 :]))
            for at in places
            if at != self.step[axis]
        ]

    @property
    def channel(self) -> int | None:
        """Which channel of its file is shown, from 1; None where that has no others, or is two."""
        if len(self.layers) == 2:
            return None
        layer, axis = self.layers[0], self.channel_axis
        if axis is not None and layer.data.shape[axis] > 1:
            return self.step[axis] + 1
        told = focus_of(layer).get("channel")
        return None if told is None else int(told)

    @property
    def is_one_of_many(self) -> bool:
        """Whether the file holds other time points or channels too."""
        return len(self.layers) == 1 and (self.channel is not None or len(self.time_points()) > 1)

    def told(self) -> dict[str, Any]:
        """Return what tells this source from others, ready for a layer's metadata."""
        return {"made_from": [str(layer.name) for layer in self.layers], "axis": self.axis}

    def planes(self) -> list[np.ndarray]:
        """Return the planes in memory, (Y, X) or (Y, X, 3) each; see :mod:`..layer_planes`."""
        if len(self.layers) == 2:
            return [single_plane(layer, self.step) for layer in self.layers]
        return stack_planes(self.layers[0], self.axis, self.step)

    def beside(self) -> dict[str, Any]:
        """Return scale, translate, units and axis labels of a 2-D layer over the source."""
        return ResultAxes.of(self.layers[0], range(self.layers[0].ndim)).beside()

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
        usual = usual and focus_axis_of(self.layers[0]) == self.axis
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
