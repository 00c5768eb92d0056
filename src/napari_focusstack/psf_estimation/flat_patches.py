"""Places in a stack that one surface fills: nothing veils them, and they veil nothing."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.pooling import max_filter3
from napari_focusstack.psf_estimation.boundary_windows import (
    CELL_PX,
    corners_by,
    is_apart,
    window_at,
    window_side,
)

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap

    #: Rows and columns, and which of their pixels count, bool (1, Y, X).
    Patch = tuple[Region, Tensor]

#: Depth within so many px differs by less than this many steps, and is as sure as this.
AROUND_PX, EVEN, SURE = 12, 1.0, 0.4
#: Side of the cells in which surfaces are looked for, px.
COARSE_PX = 4
#: Greatest number of places, and the share of a cell that counts as all of it.
PLACES, FULL = 48, 0.9


def flat_patches(focus: FocusMap) -> list[Patch]:
    """Find windows of which one sure surface fills much.

    Parameters
    ----------
    focus : FocusMap
        What is in focus where.

    Returns
    -------
    list of (Region, Tensor)
        At most :data:`PLACES`, those with most of it first: rows and columns of each, and where in
        them depth hardly changes within :data:`AROUND_PX`, bool (1, Y, X).
    """
    even = _flat_cells(focus)
    share = functional.avg_pool2d(even[None].float(), CELL_PX // COARSE_PX, ceil_mode=True)[0, 0]
    inner = torch.zeros(1, *window_side(focus.size), dtype=torch.bool, device=even.device)
    inner[:, AROUND_PX:-AROUND_PX, AROUND_PX:-AROUND_PX] = True
    # of many alike some from all over the image
    every = max(1, int((share > FULL).sum()) // PLACES)
    found: list[Patch] = []
    corners: list[tuple[int, int]] = []
    for corner in islice(corners_by(share, focus.size), None, None, every):
        if len(found) == PLACES:
            break
        if is_apart(corner, corners):
            corners.append(corner)
            where = window_at(corner, focus.size)
            rows, columns = (torch.arange(one.start, one.stop) // COARSE_PX for one in where)
            found.append((where, even[:, rows][:, :, columns] & inner))
    return found


def _flat_cells(focus: FocusMap) -> Tensor:
    """Return which cells (1, Y / 4, X / 4) one sure surface fills, with all around them, bool."""
    depth = focus.depth
    farthest, nearest, doubt = (
        functional.max_pool2d(one, COARSE_PX, ceil_mode=True)
        for one in (depth, -depth, -focus.confidence)
    )
    for _ in range(AROUND_PX // COARSE_PX):
        farthest, nearest = max_filter3(farthest), max_filter3(nearest)
    return (farthest + nearest < EVEN) & (doubt < -SURE)
