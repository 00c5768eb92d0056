"""Small pictures of the planes of a stack, and how sharp each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.planes.layer_planes import plane_at

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_focusstack.widgets.session.source import Source


#: Longest side of a picture, px (convention).
SIDE_PX = 96


@dataclass(frozen=True)
class Thumbnail:
    """A plane, small.

    Parameters
    ----------
    source : Source
        The stack.
    number : int
        Of the plane, from 1, in the order of the slider.
    pixels : ndarray, (Y, X, 3) uint8
        The plane with the contrast of its layer.
    sharpness : float
        See :class:`napari_focusstack.diagnostics.similarity.PlaneSummary`.
    """

    source: Source
    number: int
    pixels: np.ndarray
    sharpness: float


def thumbnails(source: Source) -> Callable[[], Generator[Thumbnail, None, None]]:
    """Return what yields the planes of a stack, small, one after the other.

    It runs in a thread; what it needs of the layer is read now. Planes in memory are not copied.
    """
    layer, axis, step, count = source.layers[0], source.axis, source.step, source.count
    limits = None if layer.rgb else tuple(layer.contrast_limits)

    def run() -> Generator[Thumbnail, None, None]:
        from napari_focusstack.diagnostics.similarity import summarize

        for number in range(count):
            plane = np.asarray(plane_at(layer, axis, step, number))
            plane = plane[..., :3] if layer.rgb else plane
            finite = np.nan_to_num(plane) if plane.dtype.kind == "f" else plane
            sharpness = summarize(finite).sharpness
            yield Thumbnail(source, number + 1, _small(plane, limits), sharpness)

    return run


def _small(plane: np.ndarray, limits: tuple[float, ...] | None) -> np.ndarray:
    """Return every n-th pixel as (Y, X, 3) uint8, between limits of contrast; None for colours."""
    stride = max(1, -(-max(plane.shape[:2]) // SIDE_PX))
    few = plane[::stride, ::stride]
    if limits is None:
        low, high = 0.0, 1.0 if few.dtype.kind == "f" else float(np.iinfo(few.dtype).max)
    else:
        low, high = limits
        few = few[..., None]
    values = (few.astype(np.float32) - low) / max(high - low, 1e-12)
    values = np.nan_to_num(values).clip(0, 1) * 255
    return np.ascontiguousarray(np.broadcast_to(values, (*few.shape[:2], 3)).astype(np.uint8))
