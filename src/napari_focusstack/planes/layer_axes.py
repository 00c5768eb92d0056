"""Where the results of a stack layer lie: the axes they keep, and those they span in one slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_focusstack.planes.axis_names import axis_letters

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Protocol

    class Layer(Protocol):
        """What is asked of a layer."""

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

    A viewer lays the last axes of all layers on each other, so a result keeps every axis between
    its first and its rows. Along those that it has one value for, such as focus, it is a single
    slice, as thick as the stack: it is shown wherever their sliders stand.

    Parameters
    ----------
    axes : tuple of int
        Which axes of the layer, without rows and columns.
    shape : tuple of int
        Their sizes; 1 along those that are spanned.
    scale, translate : tuple of float
        As a layer takes them, rows and columns included.
    units, axis_labels : tuple of str
        Likewise.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    units: tuple[str, ...]
    axis_labels: tuple[str, ...]

    @classmethod
    def of(cls, layer: Layer, spanned: Collection[int]) -> ResultAxes:
        """Return the axes of what is made of a layer.

        Parameters
        ----------
        layer : Layer
            A stack, rows and columns last.
        spanned : collection of int
            Axes along which the result has one value.
        """
        before = range(layer.ndim - 2)
        first = next((axis for axis in before if axis not in spanned), layer.ndim - 2)
        axes = tuple(before[first:])
        sizes = [1 if axis in spanned else int(layer.data.shape[axis]) for axis in axes]
        scale = [float(step) for step in layer.scale[first:]]
        translate = [float(place) for place in layer.translate[first:]]
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
        """Return where in the result lies what the sliders show of the layer."""
        return tuple(
            0 if size == 1 else step[axis] for axis, size in zip(self.axes, self.shape, strict=True)
        )

    def place(self, step: Sequence[int]) -> dict[str, int]:
        """Return the same by the names of the axes that are not spanned, for a record."""
        index = self.index(step)
        names = zip(self.axis_labels, self.shape, index, strict=False)
        return {name: at for name, size, at in names if size > 1}

    def beside(self) -> dict[str, Any]:
        """Return scale, translate, units and axis labels as a layer takes them."""
        names = ("scale", "translate", "units", "axis_labels")
        return {name: getattr(self, name) for name in names}


def channel_axis(layer: Layer, focus: int | None) -> int | None:
    """Return the axis of a layer that its labels call channels, if it is not that of focus."""
    letters = axis_letters(layer.axis_labels, layer.ndim - 2)
    found = [axis for axis, letter in enumerate(letters) if letter == "C" and axis != focus]
    return found[0] if found else None


def is_beside(layer: Layer, other: Layer) -> bool:
    """Tell whether one layer shows the same places as another: as channels of one stack do."""
    return (
        layer is not other
        and layer.ndim == other.ndim
        and tuple(layer.data.shape[: layer.ndim]) == tuple(other.data.shape[: other.ndim])
        and tuple(layer.scale) == tuple(other.scale)
        and tuple(layer.translate) == tuple(other.translate)
    )
