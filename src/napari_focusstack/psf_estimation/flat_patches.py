"""Flat patches of a stack: places that one surface fills, so that nothing occludes it there."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.filters.pooling import max_filter
from napari_focusstack.psf_estimation.boundary_patches import (
    CELL_PX,
    is_far_from,
    patch_corners,
    patch_region,
    patch_size,
)

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap

    #: Rows and columns, and which of their pixels are flat, bool (1, Y, X).
    Patch = tuple[Region, Tensor]

#: A pixel is flat if depth within this distance, px, varies by less than this, plane steps, and
#: its confidence, 0..1, exceeds this. Measured as a set: error of the defocus slope.
AROUND_PX, MAX_VARIATION_STEPS, MIN_CONFIDENCE = 12, 1.0, 0.4
#: Side of the cells at which depth is compared, px.
COARSE_PX = 4
#: Most patches, and the flat share from which on a cell counts as entirely flat, 0..1.
MAX_FLAT_PATCHES, FULL_SHARE = 48, 0.9


def flat_patches(focus: FocusMap) -> list[Patch]:
    """Return patches that one surface of high confidence fills.

    Parameters
    ----------
    focus : FocusMap
        Depth and confidence of the whole image.

    Returns
    -------
    list of (Region, Tensor)
        At most :data:`MAX_FLAT_PATCHES`, those with the largest flat share first: rows and columns
        of each, and where in them depth hardly varies within :data:`AROUND_PX`, bool (1, Y, X).
    """
    is_flat = _flat_cells(focus)
    share = functional.avg_pool2d(is_flat[None].float(), CELL_PX // COARSE_PX, ceil_mode=True)[0, 0]
    inner = torch.zeros(1, *patch_size(focus.size), dtype=torch.bool, device=is_flat.device)
    inner[:, AROUND_PX:-AROUND_PX, AROUND_PX:-AROUND_PX] = True
    # If many cells are entirely flat, take patches from all over the image.
    stride = max(1, int((share > FULL_SHARE).sum()) // MAX_FLAT_PATCHES)
    patches: list[Patch] = []
    corners: list[tuple[int, int]] = []
    for corner in islice(patch_corners(share, focus.size), None, None, stride):
        if len(patches) == MAX_FLAT_PATCHES:
            break
        if is_far_from(corner, corners):
            corners.append(corner)
            where = patch_region(corner, focus.size)
            rows, columns = (torch.arange(side.start, side.stop) // COARSE_PX for side in where)
            patches.append((where, is_flat[:, rows][:, :, columns] & inner))
    return patches


def _flat_cells(focus: FocusMap) -> Tensor:
    """Return which cells one confident surface fills with their surroundings, (1, Y / 4, X / 4)."""
    depth = focus.depth
    farthest, minus_nearest, minus_confidence = (
        functional.max_pool2d(image, COARSE_PX, ceil_mode=True)
        for image in (depth, -depth, -focus.confidence)
    )
    for _ in range(AROUND_PX // COARSE_PX):
        farthest, minus_nearest = max_filter(farthest), max_filter(minus_nearest)
    return (farthest + minus_nearest < MAX_VARIATION_STEPS) & (minus_confidence < -MIN_CONFIDENCE)
