"""Transmittance of the surfaces of a stack: whether they hide what is behind them."""

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


#: Sigma, px, from which on a surface shows no detail (convention).
BLURRED_SIGMA_PX = 2.0
#: Most patches that are measured, and least pixels of a patch (speed, and convention).
MAX_MEASURED, MIN_PIXELS = 12, 200
#: Least ratio of a surface's detail in focus to the detail where all is blurred, which is noise
#: (convention).
MIN_DETAIL_RATIO = 1.3


def measure_transmittance(
    light: PlaneSampler, focus: FocusMap, patches: list[Patch], sigma_px: float
) -> float:
    """Return the share of a surface's detail that is visible in planes which blur the surface away.

    An opaque surface shows detail in the plane in which it is in focus, and none far from it. If a
    surface is transparent, another plane shows detail of another surface in the same place.

    Parameters
    ----------
    light : PlaneSampler
        Linear light of the planes.
    focus : FocusMap
        Depth of the whole image.
    patches : list of (Region, Tensor)
        From :func:`napari_focusstack.psf_estimation.flat_patches.flat_patches`.
    sigma_px : float
        Sigma per plane step, px.

    Returns
    -------
    float
        The median over the patches of the maximum over planes, about 0..1. It is 0 if no patch
        allows the measurement.
    """
    blurred_steps = math.ceil(BLURRED_SIGMA_PX / sigma_px)
    shares = []
    for where, is_flat in patches[:MAX_MEASURED]:
        in_focus = focus.crop(where).depth.round()
        details = [_detail(light.plane(plane, where)) for plane in range(1, focus.planes + 1)]
        sharp = sum(detail * (in_focus == plane) for plane, detail in enumerate(details, 1))
        means = []
        for plane, detail in enumerate(details, 1):
            blurred = is_flat & ((in_focus - plane).abs() >= blurred_steps)
            shown = light.shows(plane, where)
            blurred = blurred if shown is None else blurred & shown
            if (count := int(blurred.sum())) >= MIN_PIXELS:
                means.append([float((one * blurred).sum()) / count for one in (detail, sharp)])
        noise = min((detail for detail, _ in means), default=0.0)
        if len(means) > 1 and all(full > MIN_DETAIL_RATIO * noise for _, full in means):
            shares.append(max((detail - noise) / (full - noise) for detail, full in means))
    return median(shares) if shares else 0.0


def _detail(light: Tensor) -> Tensor:
    """Return the detail (1, Y, X) of linear light (C, Y, X), its square root as display coding."""
    return laplacian(light.mean(0, keepdim=True)[None].sqrt())[0].abs()
