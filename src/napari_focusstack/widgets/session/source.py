"""The layers to fuse: one stack layer with a focus axis, or a near and a far layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.reproduce import layer_as_python
from napari_focusstack.io.reading.calibration import UNKNOWN
from napari_focusstack.planes.layer_axes import ResultAxes, channel_axis, world_step
from napari_focusstack.planes.layer_planes import (
    focus_axis_of,
    focus_of,
    positions_of,
    single_plane,
    stack_planes,
)
from napari_focusstack.planes.lazy_plane import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from napari.components import Dims
    from napari.layers import Image, Layer

    from napari_focusstack.runtime.region import Region


@dataclass(frozen=True)
class Source:
    """Layers that hold the planes of a focal stack.

    Parameters
    ----------
    layers : tuple of Image
        One stack, or a near and a far plane.
    axis : int
        Focus axis of the stack; ignored for two layers.
    step : tuple of int
        Position of the viewer's sliders along the axes of the first layer before rows and columns,
        in pixels; 0 for the focus axis, all of which is fused.
    """

    layers: tuple[Image, ...]
    axis: int = 0
    step: tuple[int, ...] = ()

    @classmethod
    def shown(cls, layers: tuple[Image, ...], axis: int, point: Sequence[float]) -> Source:
        """Return the source at the sliders' position; the sliders align with a layer's last axes.

        Parameters
        ----------
        layers, axis
            As :class:`Source` takes them.
        point : sequence of float
            Position of the sliders in world coordinates.
        """
        layer, single = layers[0], len(layers) == 2
        aligned = [0.0] * max(0, layer.ndim - len(point)) + list(point)[-layer.ndim :]
        place = layer.world_to_data(aligned)
        step = []
        for number in range(layer.ndim - 2):
            last = int(layer.data.shape[number]) - 1
            at = min(max(round(float(place[number])), 0), last)
            step.append(0 if number == axis and not single else at)
        return cls(layers, axis, tuple(step))

    def at(self, point: Sequence[float]) -> Source:
        """Return the source at another position of the sliders, in world coordinates."""
        return Source.shown(self.layers, self.axis, point)

    @property
    def name(self) -> str:
        """Name of the (first) layer."""
        return str(self.layers[0].name)

    @property
    def size(self) -> tuple[int, ...]:
        """Number of rows and columns of a plane."""
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
        """Axis of the layer whose name says that it holds channels, if there is one."""
        return channel_axis(self.layers[0], self.focus_axis)

    def axes(self, *, channels: bool) -> ResultAxes:
        """Return the axes of a result that each channel has, or that all channels share."""
        spanned = {self.focus_axis} | (set() if channels else {self.channel_axis})
        return ResultAxes.of(self.layers[0], {axis for axis in spanned if axis is not None})

    def time_points(self) -> list[Source]:
        """Return the source at each place along its axes other than focus and channels."""
        fixed = {self.focus_axis, self.channel_axis}
        shape = self.layers[0].data.shape
        places = (
            [at] if axis in fixed else range(shape[axis]) for axis, at in enumerate(self.step)
        )
        return [replace(self, step=step) for step in product(*places)]

    def other_channels(self) -> list[Source]:
        """Return the source at the other places along its channel axis."""
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
    def axis_letter(self) -> str | None:
        """Letter of the focus axis in the file, if that does not name it; None for two layers."""
        layer = self.layers[0]
        about = focus_of(layer)
        if len(self.layers) > 1 or "focus_axis" not in about:
            return None
        if about["focus_axis"] == self.axis:
            letter: str | None = about.get("file_axis")
            return letter
        label = str(layer.axis_labels[self.axis])
        return label.upper() if len(label) == 1 else None

    @property
    def channel(self) -> int | None:
        """Channel of the file that is shown, from 1; None for two layers or a single channel."""
        if len(self.layers) == 2:
            return None
        layer, axis = self.layers[0], self.channel_axis
        if axis is not None and layer.data.shape[axis] > 1:
            return self.step[axis] + 1
        channel = focus_of(layer).get("channel")
        return None if channel is None else int(channel)

    @property
    def is_one_of_many(self) -> bool:
        """Whether the file also holds other time points or channels."""
        return len(self.layers) == 1 and (self.channel is not None or len(self.time_points()) > 1)

    def metadata(self) -> dict[str, Any]:
        """Return metadata by which results of this source are recognised."""
        return {"made_from": [str(layer.name) for layer in self.layers], "axis": self.axis}

    def planes(self, region: Region = WHOLE) -> list[np.ndarray]:
        """Return rows and columns of the planes in memory, (Y, X) or (Y, X, 3) each.

        See :func:`napari_focusstack.planes.layer_planes.stack_planes` for what is refused.
        """
        if len(self.layers) == 2:
            return [single_plane(layer, self.step, region) for layer in self.layers]
        return stack_planes(self.layers[0], self.axis, self.step, region)

    def plane(self, number: int, end: str) -> np.ndarray:
        """Return a plane as recorded, (Y, X) or (Y, X, 3), counted from 1, the nearest."""
        number = self.count + 1 - number if end == "last" else number
        if len(self.layers) == 2:
            return single_plane(self.layers[number - 1], self.step)
        return single_plane(
            self.layers[0], (*self.step[: self.axis], number - 1, *self.step[self.axis + 1 :])
        )

    def beside(self) -> dict[str, Any]:
        """Return place, units and axis labels of a 2-D layer over the source."""
        return ResultAxes.in_plane(self.layers[0]).beside()

    @property
    def pixel(self) -> tuple[float, str]:
        """Size of a pixel and its unit; the unit is ``pixel`` where no scale is known."""
        layer = self.layers[0]
        return world_step(layer, layer.ndim - 1), str(layer.units[-1])

    @property
    def plane_step(self) -> tuple[float, str]:
        """Distance between planes and its unit; 1 and ``pixel`` where it is not known."""
        if len(self.layers) == 2 or self.count == 1:
            return 1.0, UNKNOWN
        layer = self.layers[0]
        return world_step(layer, self.axis), str(layer.units[self.axis])

    @property
    def positions(self) -> list[float] | None:
        """Where each plane lies along the focus axis; None where steps are equal or not known."""
        return None if len(self.layers) == 2 else positions_of(self.layers[0], self.axis)

    def nearest(self, end: str) -> tuple[float, float]:
        """Return the nearest plane's place along the focus axis, and the step to the next."""
        if len(self.layers) == 2:
            return 0.0, 1.0
        layer, index = self.layers[0], [0.0] * self.layers[0].ndim
        start = float(layer.data_to_world(index)[self.axis])
        index[self.axis] = 1.0
        step = float(layer.data_to_world(index)[self.axis]) - start
        return (start + (self.count - 1) * step, -step) if end == "last" else (start, step)

    def plane_at(self, dims: Dims, end: str) -> int:
        """Return the plane that the viewer's slider shows, counted from 1, the nearest.

        Raises
        ------
        InputError
            If the planes are two layers, which have no slider.
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
        """Move the viewer's slider, if there is one, to a plane counted from 1, the nearest."""
        if len(self.layers) == 1:
            start, step = self.nearest(end)
            dims.set_point(self._slider(dims), start + (plane - 1) * step)

    def _slider(self, dims: Dims) -> int:
        """Return which of the viewer's axes is the focus axis; layers align with its last axes."""
        return int(dims.ndim - self.layers[0].ndim + self.axis)

    def files(self) -> list[str]:
        """Return the file of each layer, or a name like one where there is none."""
        return [_file(layer) or f"{layer.name}.tif" for layer in self.layers]

    def without_files(self) -> dict[str, str]:
        """Return the layers that came from no file, by name, and the file that each stands for."""
        names = zip(self.layers, self.files(), strict=True)
        return {str(layer.name): file for layer, file in names if _file(layer) is None}

    def expressions(self, near: str) -> list[str]:
        """Return the planes as Python in napari's console.

        They are layers where :func:`napari_focusstack.fuse` reads the same planes from them, and
        arrays otherwise.
        """
        names = [layer_as_python(layer.name) for layer in self.layers]
        metadata = focus_of(self.layers[0])
        # the line leaves out the default, near="auto"; fuse() then reads it from the metadata
        same = near != "auto" or metadata.get("near", near) == near
        same = same and focus_axis_of(self.layers[0]) == self.axis
        if len(names) == 2 and not any(self.step):
            return names
        if len(names) == 1 and same and not any(self.step):
            return names
        at = [str(place) for place in self.step]
        if len(names) == 1:
            at[self.axis] = ":"
        # the finest level of several
        levels = ["[0]" if layer.multiscale else "" for layer in self.layers]
        return [
            f"{name}.data{level}[{', '.join(at)}]"
            for name, level in zip(names, levels, strict=True)
        ]


def _file(layer: Layer) -> str | None:
    """Return the file that a layer came from, if it is known."""
    path = focus_of(layer).get("path") or layer.source.path
    return None if path is None else str(path)
