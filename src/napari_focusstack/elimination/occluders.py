"""The foreground of each plane of a focal stack: which surfaces, at which distance, and where.

For plane k all surfaces nearer than it are foreground. So the paper's method for two planes applies
to each plane of a stack. A surface d plane steps in front of plane k is blurred there by d times
the sigma per step, as a thin lens does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.elimination.back_projection import error_smoothing_px
from napari_focusstack.elimination.diffusion import transition_region
from napari_focusstack.filters.nearest import nearest_values
from napari_focusstack.filters.select import blend, unique_values
from napari_focusstack.imaging.breathing import origin
from napari_focusstack.imaging.half_size import GRID_PX, HALVING_PX
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.imaging.varying_blur import is_per_pixel
from napari_focusstack.runtime.region import align, bounding_box, pad, to_global, to_local
from napari_focusstack.segmentation.depth_inpainting import UNRELIABLE_RADIUS_PX
from napari_focusstack.segmentation.focus_map import MIN_OCCLUSION_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.imaging.psf import DistanceSteps, Psf
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap

#: Sigma per plane step, px, from which on distances are rounded to half plane steps; below it to
#: whole ones. Chosen on simulated stacks: finer rounding changes nothing and costs blurs.
HALF_STEPS_FROM_PX = 0.8
#: Distances, plane steps, from which on they are rounded to whole steps, and to powers of a ratio.
#: Powers from 2 steps on cost a stack of five planes 8 dB, because 4 steps became 4.5.
WHOLE_FROM_STEPS, LOG_FROM_STEPS, LOG_RATIO = 4.0, 8.0, 1.35


@dataclass(frozen=True)
class Occlusion:
    """The foreground of one plane.

    Parameters
    ----------
    plane : int
        The plane, counted from 1.
    bbox : tuple of slice
        Rows and columns around all occluded pixels.
    mask : Tensor
        Bool, (Y, X) of ``bbox``: the occluded pixels.
    support : tuple of slice
        Rows and columns from which light may reach ``bbox``.
    alpha, depth : Tensor
        Shape (1, Y, X) of ``support``: coverage of each pixel by the foreground, and its depth;
        beside the foreground that of its nearest pixel.
    distance_steps : float or Tensor
        Distance of the foreground in front of the plane, plane steps.
    """

    plane: int
    bbox: Region
    mask: Tensor
    support: Region
    alpha: Tensor
    depth: Tensor
    distance_steps: DistanceSteps


def occlusions_in(focus: FocusMap, psf: Psf, block: Region) -> Iterator[Occlusion]:
    """Yield the foreground of each plane that has pixels in a block and is occluded there.

    Parameters
    ----------
    focus : FocusMap
        Of the whole image.
    psf : Psf
        Blurs per plane step.
    block : tuple of slice
        Rows and columns.
    """
    planes = focus.crop(block).farthest.round()
    for plane in map(int, unique_values(planes)):
        extent = bounding_box(planes[0] == plane)
        assert extent is not None
        occlusion = _occlusion_of(focus, psf, plane, to_global(extent, block))
        if occlusion is not None:
            yield occlusion


def _occlusion_of(focus: FocusMap, psf: Psf, plane: int, region: Region) -> Occlusion | None:
    """Return the foreground of a plane in a region, None where nothing occludes it."""
    steps = _max_distance_steps(focus, plane, region, psf)
    if not steps:
        return None
    outer = _support_of(region, focus, psf, steps)
    part = focus.crop(outer)
    alpha = part.occluding_alpha(plane)
    present = alpha > 0
    if not present.any():
        return None
    depth = blend(part.behind <= plane - MIN_OCCLUSION_STEP, part.depth, part.front)
    depth, _ = nearest_values(depth, present)
    here = focus.place(depth.new_tensor(float(plane)))
    distance = quantize_distances(here - focus.place(depth), psf.sigma_px)[None]
    one = distance.min() == distance.max()
    distance_steps: DistanceSteps = float(distance.max()) if one else distance
    origins = [origin(outer[0].start, outer[1].start, focus.size)]
    spread = psf.scatter_blur(alpha[None], origins, distance_steps)[0]
    inner = to_local(region, outer)
    mask = transition_region(alpha[:, *inner], spread[:, *inner]) & _reliable_depth(focus, region)
    mask = mask[0]
    mask &= part.farthest[0][inner].round() == plane
    extent = bounding_box(mask)
    if extent is None:
        return None
    bbox = to_global(extent, region)
    support = _support_of(bbox, focus, psf, steps)
    crop = to_local(support, outer)
    if is_per_pixel(distance_steps):
        distance_steps = distance_steps[..., *crop]
    return Occlusion(
        plane, bbox, mask[extent], support, alpha[:, *crop], depth[:, *crop], distance_steps
    )


def support_of(focus: FocusMap, psf: Psf, block: Region) -> Region:
    """Return the rows and columns from which light may reach a block, in any of its planes."""
    farthest = int(focus.crop(block).farthest.max().round())
    return _support_of(block, focus, psf, _max_distance_steps(focus, farthest, block, psf))


def widest_margin_px(focus: FocusMap, psf: Psf) -> int:
    """Return how far from a block light may come, in any of the planes, px."""
    last = float(focus.place(torch.tensor(float(focus.planes))))
    return _margin_px(focus, psf, last - 1) + GRID_PX


def _support_of(region: Region, focus: FocusMap, psf: Psf, steps: float) -> Region:
    """Return the rows and columns from which light of surfaces up to ``steps`` nearer may come."""
    return align(pad(region, _margin_px(focus, psf, steps), focus.size), GRID_PX)


def _margin_px(focus: FocusMap, psf: Psf, steps: float) -> int:
    """Return how far light of surfaces up to ``steps`` nearer may come, px."""
    reach = psf.reach_px(focus.size, steps)
    back = psf_radius(steps * psf.sigma_k2_px, psf.shape)
    # In a pair the result is exact to the last bit: light spreads by K3 twice, and is blurred by
    # K2. In a stack the second spread and half of the blur by K2 are left out: they change no pixel
    # by more than the rounding of distances does.
    spread = 2 * reach + 3 * back if focus.is_pair else reach + back // 2
    return HALVING_PX + spread + psf_radius(error_smoothing_px(psf))


def _reliable_depth(focus: FocusMap, region: Region) -> Tensor:
    """Return where depth is not unreliable, bool (1, Y, X) of a region."""
    outer = pad(region, UNRELIABLE_RADIUS_PX, focus.size)
    return ~focus.crop(outer).unreliable[:, *to_local(region, outer)]


def _max_distance_steps(focus: FocusMap, plane: int, region: Region, psf: Psf) -> float:
    """Return the greatest distance in front of a plane that blurs into a region, plane steps."""
    here = float(focus.place(torch.tensor(float(plane))))
    steps = here - 1.0  # no surface is nearer than plane 1
    while steps:
        outer = pad(region, psf.reach_px(focus.size, steps), focus.size)
        nearest = focus.crop(outer).nearest.min()
        if plane - float(nearest) < MIN_OCCLUSION_STEP:
            return 0.0
        distance = here - float(focus.place(nearest))
        if distance >= steps:
            return steps
        steps = distance
    return steps


def quantize_distances(distance_steps: Tensor, sigma_px: float) -> Tensor:
    """Round distances, plane steps, to few values: each value costs a blur.

    Parameters
    ----------
    distance_steps : Tensor
        Any shape, plane steps.
    sigma_px : float
        Blur per plane step, px.

    Returns
    -------
    Tensor
        Same shape.

    Examples
    --------
    >>> quantize_distances(torch.tensor([0.1, 1.4, 3.9, 4.3, 7.0, 8.2, 12.0]), 1.0).tolist()
    [0.5, 1.5, 4.0, 4.0, 7.0, 8.0, 10.800000190734863]
    """
    least = 0.5 if sigma_px >= HALF_STEPS_FROM_PX else 1.0
    near = (distance_steps / least).round().clamp(min=1) * least
    near = blend(distance_steps < WHOLE_FROM_STEPS, near, distance_steps.round())
    times = distance_steps.clamp(min=1) / LOG_FROM_STEPS
    power = (times.log() / math.log(LOG_RATIO)).round()
    far = LOG_FROM_STEPS * torch.exp(power * math.log(LOG_RATIO))
    return blend(distance_steps < LOG_FROM_STEPS, near, far)
