"""Outlines of labels, fast enough for large images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import cv2
import numpy as np

from napari_focusstack.widgets.controls.proxies import unwrapped

if TYPE_CHECKING:
    from napari.layers import Labels

#: Types of labels that OpenCV can compare.
TYPES = (np.uint8, np.uint16)
#: A pixel and its four neighbours.
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def outlines(labels: np.ndarray, thickness: int, background: int) -> np.ndarray:
    """Return labels (Y, X) where they meet others, and the background elsewhere.

    They are those of ``napari.layers.labels._labels_utils.get_contours``.

    Parameters
    ----------
    labels : ndarray of uint8 or uint16, (Y, X)
        Labels.
    thickness : int
        Width of an outline inside of a label, px; outside it is 1 px.
    background : int
        Label of all other pixels.

    Returns
    -------
    ndarray of the type of labels, (Y, X)

    Examples
    --------
    >>> outlines(np.array([[1, 1, 1, 2, 2, 2]], np.uint8), 1, 0)
    array([[0, 0, 1, 2, 0, 0]], dtype=uint8)
    """
    greatest = cv2.dilate(labels, CROSS)
    least = cv2.erode(labels, CROSS, iterations=thickness)
    return np.where(greatest == least, labels.dtype.type(background), labels)


def draw_outlines_fast(layer: Labels) -> None:
    """Let a layer find its outlines by OpenCV; napari's way takes 0.3 s for 12 megapixels.

    A napari that no longer asks this method of a layer draws outlines in its own way.
    """
    layer = unwrapped(layer)
    asked, usual = ref(layer), type(layer)._calculate_contour

    def outlined(labels: Any, place: tuple[slice, ...]) -> np.ndarray | None:
        layer = asked()
        assert layer is not None
        flat = labels.ndim == 2 and labels[place].size > 0
        if layer.contour < 1 or not flat or labels.dtype not in TYPES:
            whole: np.ndarray | None = usual(layer, labels, place)
            return whole
        # napari asks for a part as well, whose outlines depend on what is around it
        reach = layer.contour
        starts = [max(0, part.start - reach) for part in place]
        around = tuple(
            slice(start, part.stop + reach) for start, part in zip(starts, place, strict=True)
        )
        nothing = layer.colormap.background_value
        found = outlines(np.ascontiguousarray(labels[around]), reach, nothing)
        inside = tuple(
            slice(part.start - start, part.stop - start)
            for start, part in zip(starts, place, strict=True)
        )
        return found[inside]

    layer._calculate_contour = outlined
