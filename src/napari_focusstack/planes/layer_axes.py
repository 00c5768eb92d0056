"""Axes and position of results made of a stack layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_focusstack.planes.axis_names import axis_letters

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Protocol

    class Layer(Protocol):
        """The attributes of a napari layer that are used here."""

        data: Any
        ndim: int
        rgb: bool
        scale: Any
        translate: Any
        units: Any
        axis_labels: Any


@dataclass(frozen=True)
class ResultAxes:
    """The axes of a result.

    A viewer aligns the last axes of all layers. So a result keeps all axes between its first axis
    and its rows. Along axes for which it has one value, such as focus, it has one slice as thick as
    the stack. So it is visible at each position of their sliders. Such axes are called spanned.

    Parameters
    ----------
    axes : tuple of int
        Indices of the axes in the layer, without rows and columns.
    shape : tuple of int
        Their sizes; 1 for spanned axes.
    scale, translate : tuple of float
        Arguments of the result's layer, with rows and columns.
    units, axis_labels : tuple of str
        The same.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    units: tuple[str, ...]
    axis_labels: tuple[str, ...]

    @classmethod
    def of(cls, layer: Layer, spanned: Collection[int]) -> ResultAxes:
        """Return the axes of a result made of a layer.

        Parameters
        ----------
        layer : Layer
            A stack, rows and columns last.
        spanned : collection of int
            Axes along which the result has one value.

        Returns
        -------
        ResultAxes
        """
        leading = range(layer.ndim - 2)
        first = next((axis for axis in leading if axis not in spanned), layer.ndim - 2)
        axes = tuple(leading[first:])
        sizes = [1 if axis in spanned else int(layer.data.shape[axis]) for axis in axes]
        scale = [float(step) for step in layer.scale[first:]]
        translate = [float(position) for position in layer.translate[first:]]
        for number, axis in enumerate(axes):
            if axis in spanned:
                count = int(layer.data.shape[axis])
                translate[number] += scale[number] * (count - 1) / 2
                scale[number] *= count
        return cls(
            axes,
            tuple(sizes),
            tuple(scale),
            tuple(translate),
            tuple(str(unit) for unit in layer.units[first:]),
            tuple(str(label) for label in layer.axis_labels[first:]),
        )

    def index(self, step: Sequence[int]) -> tuple[int, ...]:
        """Return the index in the result of the slice that the sliders of the layer show."""
        return tuple(
            0 if size == 1 else step[axis] for axis, size in zip(self.axes, self.shape, strict=True)
        )

    def place(self, step: Sequence[int]) -> dict[str, int]:
        """Return this index by the names of the axes that are not spanned, for a record."""
        index = self.index(step)
        names = zip(self.axis_labels, self.shape, index, strict=False)
        return {name: number for name, size, number in names if size > 1}

    def beside(self) -> dict[str, Any]:
        """Return scale, translate, units and axis labels as keyword arguments of a layer."""
        names = ("scale", "translate", "units", "axis_labels")
        return {name: getattr(self, name) for name in names}


def channel_axis(layer: Layer, focus: int | None) -> int | None:
    """Return the axis of a layer that is labelled as channels, unless it is the focus axis."""
    letters = axis_letters(layer.axis_labels, layer.ndim - 2)
    labelled = [axis for axis, letter in enumerate(letters) if letter == "C" and axis != focus]
    return labelled[0] if labelled else None


def is_beside(layer: Layer, other: Layer) -> bool:
    """Return whether two layers have the same shape and position, as channels of one stack do."""
    return (
        layer is not other
        and layer.ndim == other.ndim
        and tuple(layer.data.shape[: layer.ndim]) == tuple(other.data.shape[: other.ndim])
        and tuple(layer.scale) == tuple(other.scale)
        and tuple(layer.translate) == tuple(other.translate)
    )
