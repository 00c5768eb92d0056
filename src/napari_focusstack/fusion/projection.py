"""Projection around the surface: of each pixel, the planes near the surface, and no others.

In fluorescence a tissue is often a curved sheet with other light above and below. A projection of
all planes mixes them. Here the surface, from the depth of one channel, says which planes count:
from ``above`` it, towards the lens, to ``below`` it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.fusion.near_end import prepare, prepare_and_segment
from napari_focusstack.fusion.painted_labels import PaintedLabels
from napari_focusstack.fusion.plane_window import PlaneWindow
from napari_focusstack.fusion.result import FusionResult
from napari_focusstack.imaging.number_types import taken_type, to_type
from napari_focusstack.planes.checks import check_planes, is_blank
from napari_focusstack.planes.shown import Shown, nothing, shown_by
from napari_focusstack.registration.align import shown_after
from napari_focusstack.runtime.plane_choice import chosen_planes
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.source.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import Planes
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress

#: Why a surface alone has nothing eliminated.
SURFACE_ALONE = "only the surface was estimated"


def project(
    planes: Planes,
    /,
    surface: FusionResult | FocusMap | np.ndarray,
    *,
    project: str = "max",
    above: str | float = 0,
    below: str | float = 0,
    offset: str | float = 0,
    z_step: float | None = None,
    unit: str = "um",
    positions: Sequence[float] | None = None,
) -> np.ndarray:
    """Project the planes around a surface.

    The surface is rounded to the nearest plane in each pixel, once it is moved by the offset. All
    planes count that lie at most ``above`` in front of that plane and ``below`` behind it.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        As for :func:`napari_focusstack.fuse`: of the same stack, or of another channel.
    surface : FusionResult, FocusMap or ndarray
        A result: its depth with holes filled, its registration, near end, distances, choice of
        planes and crop count. Or numbers of planes (Y, X), 1..P, whole or between planes, in the
        order of the planes.
    project : {"max", "mean", "sum"}
        What is made of the planes.
    above, below : str or float
        How far planes may lie in front of the surface, towards the lens, and behind it: in planes
        (``3``) or in a unit of length (``"2um"``).
    offset : str or float
        How far this channel lies behind the surface; less than 0 in front of it.
    z_step : float, optional
        Distance between planes, in ``unit``; that of the result, else 1.
    unit : str
        Unit of z_step and positions.
    positions : sequence of float, optional
        Where each plane lies along the axis, in ``unit``, in the order of the planes; those of the
        result if not given.

    Returns
    -------
    ndarray
        Shape of a plane. Of max and mean it has the type of the planes, and means are rounded. Of
        sum it is uint32 for uint8 and uint16, int32 for int8 and int16, and float64 otherwise.
        Pixels that no plane shows are NaN, or 0 where the type has no NaN.

    Raises
    ------
    InputError
        If planes, surface or a distance cannot be used.

    Examples
    --------
    >>> stack = np.arange(5, dtype=np.uint16)[:, None, None] * np.ones((16, 16), np.uint16)
    >>> stack[:, 0, 0] = 9
    >>> surface = np.full((16, 16), 2)
    >>> project(stack, surface, above=1, below=2)[5, 5], project(stack, surface)[5, 5]
    (np.uint16(3), np.uint16(1))
    """
    if project not in ("max", "mean", "sum"):
        raise InputError(f"project is {project!r}; choose one of max, mean, sum.")
    stack, registration = check_planes(planes), None
    chosen, region = list(range(1, len(stack) + 1)), None
    reverse = False
    if isinstance(surface, FusionResult):
        if surface.focus.planes != len(stack):
            raise InputError(
                f"the surface is of {surface.focus.planes} planes, the stack has {len(stack)}."
            )
        stack, chosen = _chosen(planes, surface)
        numbers, registration, region = surface.surface, surface.registration, surface.region
        reverse = surface.near == "last"
        z_step = surface.parameters["z_step"] if z_step is None else z_step
        if positions is None and surface.positions is not None:
            places = surface.positions
        else:
            places = _places(positions, len(stack), z_step, reverse)
    else:
        numbers = surface.depth[0].cpu().numpy() if isinstance(surface, FocusMap) else surface
        places = _places(positions, len(stack), z_step, reverse)
    numbers = _checked(numbers, stack)
    window = PlaneWindow(places, unit)
    first, last = window.around(numbers, above, below, offset)
    order = range(len(stack), 0, -1) if reverse else range(1, len(stack) + 1)
    shown = _shown(stack, registration)

    def plane(place: int) -> tuple[Any, np.ndarray] | None:
        number = order[place - 1]
        if number not in chosen:
            return None
        pixels = stack[number - 1][:, :]
        pixels = pixels if registration is None else registration.warp(pixels, number)
        return pixels, shown.plane(number)

    projected = _projected(plane, stack[0].shape, stack[0].dtype, first, last, project)
    return projected if region is None else projected[region].copy()


def shown_by_all(planes: Planes, surface: FusionResult) -> np.ndarray:
    """Return the pixels (Y, X) that all planes show which a projection is made of."""
    stack, chosen = _chosen(planes, surface)
    numbers = [number for number in chosen if not is_blank(stack[number - 1])]
    return _shown(stack, surface.registration).take(numbers).by_all


def _chosen(planes: Planes, surface: FusionResult) -> tuple[list[Any], list[int]]:
    """Return the planes, and the numbers of those of which the surface was estimated."""
    choice = surface.parameters["planes"]
    stack = check_planes(planes, choice)
    return stack, chosen_planes(choice, len(stack))


def _shown(stack: list[Any], registration: Registration | None) -> Shown:
    """Return what planes show, after registration."""
    shown = Shown.of(stack, [is_blank(plane) for plane in stack])
    return shown if registration is None else shown_after(registration, shown)


def surface_steps(
    planes: Planes,
    labels: np.ndarray | PaintedLabels | None,
    parameters: FuseParameters,
    registration: Registration | None = None,
    budget_bytes: int | None = None,
    positions: Sequence[float] | None = None,
) -> Generator[Progress, None, FusionResult]:
    """Estimate the surface of planes, or take that of labels, without fusing.

    Parameters are those of :func:`napari_focusstack.fusion.fuse.fuse_steps`. Pixels of the result
    are those of the planes that its labels name.
    """
    backend = None
    if isinstance(labels, PaintedLabels):
        estimate = labels.estimate
        registration = registration or estimate.registration
        if parameters.near == "auto" and estimate.near == "last":
            parameters = replace(parameters, near="last")
    given = planes, parameters, registration, budget_bytes, positions
    if labels is None:
        pipeline, focus, backend = yield from prepare_and_segment(*given)
    else:
        pipeline = yield from prepare(*given)
        if isinstance(labels, PaintedLabels):
            focus = pipeline.read_labels(labels.estimate.focus).with_labels(labels.labels)
        else:
            focus = pipeline.read_labels(labels)
    selection = Selection.by_labels(pipeline.stack, focus.labels)
    pipeline.plain = SURFACE_ALONE
    nowhere = np.zeros(pipeline.stack.size, bool)
    return FusionResult.of(pipeline, focus, None, selection, (selection.picture, nowhere), backend)


def _checked(numbers: np.ndarray, stack: Sequence[Any]) -> np.ndarray:
    """Return a surface as floats; raise InputError if it is not of the planes."""
    numbers, size = np.asarray(numbers, np.float64), stack[0].shape[:2]
    if numbers.shape != size:
        raise InputError(f"the surface has the shape {numbers.shape}, the planes {size}.")
    if not (numbers >= 0).all() or numbers.max() > len(stack):
        raise InputError(
            f"the surface spans {numbers.min():g}..{numbers.max():g}; give planes from 1 to "
            f"{len(stack)}, 0 is the farthest."
        )
    return np.where(numbers == 0, len(stack), numbers)


def _places(
    positions: Sequence[float] | None, count: int, z_step: float | None, reverse: bool
) -> np.ndarray:
    """Return how far each plane lies behind the nearest, nearest first."""
    if positions is None:
        return np.arange(count) * float(z_step or 1)
    places = np.abs(np.asarray(positions, float) - positions[-1 if reverse else 0])
    return places[::-1] if reverse else places


def sum_type(dtype: np.dtype) -> np.dtype:
    """Return the type of sums of planes of a type, in which whole numbers are exact."""
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        return np.dtype(np.uint32 if dtype.kind == "u" else np.int32)
    return np.dtype(np.float64)


def _projected(
    plane: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    first: np.ndarray,
    last: np.ndarray,
    project: str,
) -> np.ndarray:
    """Return the projection of planes, read one after the other."""
    dtype = taken_type(dtype, "the stack")
    count = np.zeros(shape, np.int32)
    whole = sum_type(dtype) != np.float64
    total = np.zeros(shape, dtype if project == "max" else np.int64 if whole else np.float64)
    for number in range(int(first.min()), int(last.max()) + 1):
        inside = (first <= number) & (number <= last)
        if not inside.any():
            continue
        given = plane(number)
        if given is None:
            continue
        pixels, shown = given
        inside = inside & shown
        finite = shown_by(pixels)  # interpolation spreads NaN
        inside = inside if finite is None else inside & finite
        values, where = np.asarray(pixels).astype(dtype, copy=False)[inside], inside
        if project == "max":
            largest = np.maximum(total[where], values)
            total[where] = np.where(count[where] > 0, largest, values)
        else:
            total[where] += values
        count[where] += 1
    none = count == 0
    if project == "sum":
        summed = total.astype(sum_type(dtype))
        summed[none] = nothing(summed.dtype)
        return summed
    if project == "mean":
        total = to_type(total / np.maximum(count, 1), dtype)
    total[none] = nothing(dtype)
    return total
