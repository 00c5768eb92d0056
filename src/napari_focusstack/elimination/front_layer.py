"""The nearest surface in each pixel: its coverage of the pixel, and its light.

All planes behind a surface receive the same light from it, so the layer is computed once for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from napari_focusstack.elimination.alpha_matting import (
    REACH_PX,
    estimate_premultiplied,
    refine_alpha,
)
from napari_focusstack.filters.nearest import nearest_values
from napari_focusstack.filters.select import blend

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.planes.focal_stack import PlaneSampler
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap


@dataclass(frozen=True)
class FrontLayer:
    """The nearest surface in each pixel of a region.

    Parameters
    ----------
    region : tuple of slice
        Rows and columns.
    in_focus : Tensor
        Shape (C, Y, X), linear light: each pixel of the plane in which most of it is in focus.
    front_plane : Tensor
        Same shape: beside edges each pixel of the plane in which the front surface is in focus.
    alpha : Tensor
        Shape (1, Y, X), 0..1: coverage of the pixel by the front surface, refined by the planes;
        beside an edge 1 on its side and 0 on the other.
    """

    region: Region
    in_focus: Tensor
    front_plane: Tensor
    alpha: Tensor

    @classmethod
    def of(cls, light: PlaneSampler, focus: FocusMap, region: Region) -> FrontLayer:
        """Read the layer from the planes.

        Parameters
        ----------
        light : PlaneSampler
            Linear light of the planes.
        focus : FocusMap
            Of the whole image.
        region : tuple of slice
            Rows and columns.
        """
        part = focus.crop(region)
        depth = part.depth
        in_focus = light.by_label(depth[0].round(), region)
        soft = (part.alpha > 0) & (part.alpha < 1)
        if not soft.any():
            return cls(region, in_focus, in_focus, part.alpha)
        edge, distance_px = nearest_values(torch.cat([part.front, part.behind]), soft)
        front, behind = edge.split(1)
        sides = blend(soft, part.alpha, (2 * depth < front + behind).to(in_focus))
        beside = (sides < 1) & (distance_px <= REACH_PX)
        front_plane = light.by_label(blend(beside, front, depth)[0].round(), region)
        return cls(region, in_focus, front_plane, refine_alpha(front_plane[None], sides[None])[0])

    @cached_property
    def premultiplied(self) -> Tensor:
        """Light of the front surface times its alpha where a pixel is shared; else ``in_focus``."""
        soft = (self.alpha > 0) & (self.alpha < 1)
        light = estimate_premultiplied(self.front_plane[None], self.alpha[None])[0]
        return blend(soft, light, self.in_focus)
