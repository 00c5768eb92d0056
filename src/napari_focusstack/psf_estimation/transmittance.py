"""Whether the surfaces of a stack hide what is behind them, or let its light through."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from napari_focusstack.filters.laplacian import laplacian

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.planes.focal_stack import PlaneSampler
    from napari_focusstack.psf_estimation.flat_patches import Patch
    from napari_focusstack.segmentation.focus_map import FocusMap


#: A blur of so much leaves no detail of a surface, px.
BLURRED_PX = 2.0
#: Places that are looked at, and least pixels of them that tell.
PLACES, LEAST_PIXELS = 12, 200
#: Detail in focus must be so many times what is seen where all is blurred, which is noise.
DETAIL = 1.3


def measure_transmittance(
    light: PlaneSampler, focus: FocusMap, places: list[Patch], sigma_px: float
) -> float:
    """Return what share of the detail of surfaces is seen in their place where they are blurred.

    A surface that hides what is behind it shows detail in its own plane, and none far from it.
    Where it lets light through, another plane shows the detail of another surface in its place.

    Parameters
    ----------
    light : PlaneSampler
        Linear light of the planes.
    focus : FocusMap
        What is in focus where.
    places : list of (Region, Tensor)
        From :func:`napari_focusstack.psf_estimation.flat_patches.flat_patches`.
    sigma_px : float
        Blur per plane step.

    Returns
    -------
    float
        The median over places of the most that any plane shows, about 0..1; 0 where none tells.
    """
    beyond = math.ceil(BLURRED_PX / sigma_px)
    shares = []
    for where, even in places[:PLACES]:
        own = focus.crop(where).depth.round()
        details = [_detail(light.plane(plane, where)) for plane in range(1, focus.planes + 1)]
        sharp = sum(one * (own == plane) for plane, one in enumerate(details, 1))
        seen = []
        for plane, detail in enumerate(details, 1):
            away = even & ((own - plane).abs() >= beyond)
            if (count := int(away.sum())) >= LEAST_PIXELS:
                seen.append([float((one * away).sum()) / count for one in (detail, sharp)])
        noise = min((detail for detail, _ in seen), default=0.0)
        if len(seen) > 1 and all(full > DETAIL * noise for _, full in seen):
            shares.append(max((detail - noise) / (full - noise) for detail, full in seen))
    return median(shares) if shares else 0.0


def _detail(light: Tensor) -> Tensor:
    """Return the detail (1, Y, X) of light (C, Y, X), as the eye weighs it."""
    return laplacian(light.mean(0, keepdim=True)[None].sqrt())[0].abs()
