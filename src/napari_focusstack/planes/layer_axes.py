"""Axes and position of results made of a stack layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

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
        rotate: Any
        shear: Any
        affine: Any
        units: Any
        axis_labels: Any


#: Entries of a rotation, shear or affine that are smaller than this are 0 (rounding).
TINY = 1e-9


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
    turned : dict
        The same: "rotate", "shear" and "affine" where the layer has them.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    units: tuple[str, ...]
    axis_labels: tuple[str, ...]
    turned: dict[str, np.ndarray] = field(default_factory=dict)

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
        if _is_tilted(layer, first):
            first = 0
        axes = tuple(leading[first:])
        sizes = [1 if axis in spanned else int(layer.data.shape[axis]) for axis in axes]
        scale = np.array(layer.scale, float)
        translate = np.array(layer.translate, float)
        for axis in axes:
            if axis in spanned:
                count = int(layer.data.shape[axis])
                translate += _linear(layer)[:, axis] * scale[axis] * (count - 1) / 2
                scale[axis] *= count
        return cls._from(layer, first, tuple(sizes), scale, translate)

    @classmethod
    def in_plane(cls, layer: Layer) -> ResultAxes:
        """Return rows and columns of a layer; a tilt against the other axes is left out."""
        return cls._from(layer, layer.ndim - 2, (), layer.scale, layer.translate)

    @classmethod
    def _from(
        cls, layer: Layer, first: int, shape: tuple[int, ...], scale: Any, translate: Any
    ) -> ResultAxes:
        """Return the axes of a result from the first that it keeps."""
        turned = {
            "rotate": np.asarray(layer.rotate)[first:, first:],
            "shear": _shear(layer)[first:, first:],
            "affine": _affine(layer)[first:, first:],
        }
        return cls(
            tuple(range(first, layer.ndim - 2)),
            shape,
            tuple(float(step) for step in scale[first:]),
            tuple(float(position) for position in translate[first:]),
            tuple(str(unit) for unit in layer.units[first:]),
            tuple(str(label) for label in layer.axis_labels[first:]),
            {name: matrix for name, matrix in turned.items() if not _is_identity(matrix)},
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
        """Return place, units and axis labels in the world as keyword arguments of a layer."""
        names = ("scale", "translate", "units", "axis_labels")
        return {**{name: getattr(self, name) for name in names}, **self.turned}


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
        and np.allclose(_linear(layer), _linear(other))
        and np.allclose(_affine(layer), _affine(other))
    )


def world_step(layer: Layer, axis: int) -> float:
    """Return the distance in the world between neighbours along an axis of a layer, above 0."""
    column = _affine(layer)[:-1, :-1] @ _linear(layer)[:, axis]
    # of a layer that is only turned, the step is its scale
    return round(float(np.linalg.norm(column)), 12) * abs(float(layer.scale[axis]))


def _linear(layer: Layer) -> np.ndarray:
    """Return rotation and shear of a layer as one matrix, which follows its scale."""
    linear: np.ndarray = np.asarray(layer.rotate) @ _shear(layer)
    return linear


def _shear(layer: Layer) -> np.ndarray:
    """Return the shear of a layer as a matrix; napari has its part above the diagonal."""
    shear = np.asarray(layer.shear, float)
    if shear.ndim == 2:
        return shear
    matrix = np.eye(layer.ndim)
    above = np.triu_indices(layer.ndim, 1)
    matrix[above] = shear[: len(above[0])]
    return matrix


def _affine(layer: Layer) -> np.ndarray:
    """Return the affine of a layer, of one row and column more than it has axes."""
    return np.asarray(getattr(layer.affine, "affine_matrix", layer.affine), float)


def _is_tilted(layer: Layer, first: int) -> bool:
    """Return whether a layer is tilted between the axes before a first one, and the others."""
    matrices = _linear(layer), _affine(layer)[:-1, :-1]
    return any(
        bool((np.abs(part) > TINY).any())
        for matrix in matrices
        for part in (matrix[:first, first:], matrix[first:, :first])
    )


def _is_identity(matrix: np.ndarray) -> bool:
    """Return whether a matrix changes nothing."""
    return bool((np.abs(matrix - np.eye(len(matrix))) <= TINY).all())
