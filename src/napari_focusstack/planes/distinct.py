"""Planes that differ: of those between which focus hardly moves, a few are enough for surfaces.

Blur is a property of distance. A hundred planes over the same depth say no more about where a
surface lies and what it hides than ten do, and between neighbours the blur is too small to be
measured. So surfaces and their blur are sought in planes that differ by about a pixel of blur.
Sources are sought in more: the best of them differs from the best of all planes by little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as functional

from napari_focusstack.planes.bands import grey_and_detail
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.planes.focal_stack import FocalStack

#: Side of the cells whose sharpness is compared, px.
CELL_PX = 16
#: Cells count whose greatest sharpness is this multiple of their least; at most so many, those of
#: the most detail, or a share of them.
LEAST_CONTRAST, MOST_CELLS, SHARE_OF_CELLS = 1.5, 64, 0.25
#: Quantile of the cells: most show several depths, and then sharpness falls more slowly.
QUANTILE = 0.25
#: Planes between which sharpness falls to its half differ by about 0.5 px of blur (measured on
#: rendered stacks of known blur). Surfaces are sought in planes so many times as far apart.
SURFACE_HALVES = 3.0
#: The same for sources. Measured on a light field and on rendered stacks: planes at 0.37 times this
#: distance cost 0.08 dB, at 0.75 times 0.2 dB.
SOURCE_HALVES = 0.25
#: Fewer planes than this are all used.
FEW_PLANES = 5


def distinct_planes(count: int, width: float, halves: float = SURFACE_HALVES) -> list[int]:
    """Return the numbers of planes that are enough, from 1, in order.

    Parameters
    ----------
    count : int
        Number of planes.
    width : float
        After how many of them sharpness falls to its half, see :func:`width_of`.
    halves : float
        Steps between those that are enough, in widths: :data:`SURFACE_HALVES` or
        :data:`SOURCE_HALVES`.

    Returns
    -------
    list of int
        The first, the last, and some between, evenly spaced; all where such steps are less than
        two planes, or the planes show too little detail to say.

    Examples
    --------
    >>> distinct_planes(13, 1.0), distinct_planes(3, 9.0)
    ([1, 4, 7, 10, 13], [1, 2, 3])
    """
    every = list(range(1, count + 1))
    step = halves * width
    if count <= FEW_PLANES or not 2 <= step < np.inf:
        return every
    kept = max(FEW_PLANES, int(np.ceil((count - 1) / step)) + 1)
    return spread_evenly(count, kept)


def width_of(stack: FocalStack) -> float:
    """Return after how many planes of a stack the sharpness of detail falls to its half.

    It is infinite where that does not matter, because all planes are used. Each plane is read once.
    """
    return half_width(sharpness_of_cells(stack)) if len(stack) > FEW_PLANES else float("inf")


def spread_evenly(count: int, most: int) -> list[int]:
    """Return the numbers of at most so many of the planes 1 to count, evenly from end to end.

    Examples
    --------
    >>> spread_evenly(9, 3), spread_evenly(2, 9)
    ([1, 5, 9], [1, 2])
    """
    return np.linspace(1, count, min(most, count)).round().astype(int).tolist()


def half_width(sharpness: np.ndarray) -> float:
    """Return after how many planes the sharpness of detail falls to its half.

    Parameters
    ----------
    sharpness : ndarray
        Shape (P, cells), >= 0.

    Returns
    -------
    float
        Planes; infinite where no cell shows a peak.

    Examples
    --------
    >>> half_width(np.array([[1.0], [5], [4], [2], [1]]))
    0.5
    """
    chosen = cells_with_detail(sharpness)
    if not len(chosen):
        return float("inf")
    clear = sharpness[:, chosen]
    scaled = (clear - clear.min(0)) / np.ptp(clear, 0)
    widths = []
    for curve in scaled.T:
        peak = int(curve.argmax())
        widths.append(min(_fall(curve[peak::-1]), _fall(curve[peak:])))
    return float(np.quantile(widths, QUANTILE, method="lower"))


def cells_with_detail(sharpness: np.ndarray) -> np.ndarray:
    """Return the indices of the cells whose sharpness (P, cells) says where focus lies."""
    most, least = sharpness.max(0), sharpness.min(0)
    detail = np.where(most > LEAST_CONTRAST * least, most - least, 0)
    chosen = np.argsort(-detail)[: max(MOST_CELLS, int(SHARE_OF_CELLS * (detail > 0).sum()))]
    return chosen[detail[chosen] > 0]


def sharpness_of_cells(stack: FocalStack) -> np.ndarray:
    """Return the mean absolute Laplacian of each cell in each plane, (P, cells)."""

    def of_plane(number: int) -> np.ndarray:
        bands = grey_and_detail(stack, number, CELL_PX)
        return np.concatenate([mean_of_cells(detail) for _, detail in bands])

    return np.stack(list(map_in_threads(of_plane, range(1, len(stack) + 1), stack.device)))


def mean_of_cells(image: Tensor) -> np.ndarray:
    """Return the mean of an image (1, 1, Y, X) in each cell, (cells,)."""
    return functional.avg_pool2d(image, CELL_PX).flatten().cpu().numpy()


def _fall(curve: np.ndarray) -> float:
    """Return where a curve that begins at its peak of 1 falls below a half; infinite if nowhere."""
    below = np.flatnonzero(curve < 0.5)
    if not len(below):
        return float("inf")
    after = below[0]
    before = curve[after - 1]
    return float(after - 1 + (before - 0.5) / (before - curve[after]))
