"""Walk the transition region of a focal stack, block by block and plane by plane.

For plane k everything nearer is foreground, and the near plane is what is in focus of it: what the
paper does for two planes (Eqs. 3 and 4) holds for each plane of a stack. A surface d plane steps
before plane k is blurred there by d times the sigma per step, as a thin lens does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from napari_focusstack.diffusion import (
    METHODS,
    nearby_px,
    subtract,
    transition_region,
    unmix,
)
from napari_focusstack.errors import InputError
from napari_focusstack.focus_map import STEP
from napari_focusstack.lens import distinct, origin
from napari_focusstack.matting import REACH_PX, measured
from napari_focusstack.optics import check_sigma, psf_radius
from napari_focusstack.region import aligned, bounds, grow, inside, placed
from napari_focusstack.threads import each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from napari_focusstack.diffusion import EliminationMethod
    from napari_focusstack.focus_map import FocusMap
    from napari_focusstack.lens import Psf, Steps
    from napari_focusstack.region import Region

    #: Linear light (C, Y, X) of rows and columns of a plane, which are counted from 1.
    Light = Callable[[int, Region], Tensor]

#: Side of the blocks that the work is cut into, px.
BLOCK_PX = 512
#: Distances between surface and plane are rounded to half plane steps, whole ones where a step
#: blurs by less than this, px; far ones to such a ratio.
FINE_PX = 0.8
FAR_STEPS, RATIO = 2.0, 1.35
#: Wide blurs are computed on halved images, up to this coarse.
GRID_PX = 16
#: So much farther than its kernel a blur on a halved image reaches, px.
HALVING_PX = 4


def eliminate(
    light: Light,
    focus: FocusMap,
    psf: Psf,
    method: EliminationMethod = "unmix",
    within: Region | None = None,
) -> Iterator[tuple[Region, Tensor, Tensor]]:
    """Compute the transition region; the rest is for the caller to copy.

    Only where something stands before something else is anything computed, so the cost follows the
    length of the edges, not the area of the image. Each piece is computed with the margin that the
    PSFs reach, so the answer is that of the whole image at once.

    Parameters
    ----------
    light : callable
        ``light(plane, where)`` returns linear light (C, Y, X), 0..1, of rows and columns of a
        plane, counted from 1, the nearest.
    focus : FocusMap
        What is in focus where.
    psf : Psf
        Blurs per plane step; of a pair also the foreground's breathing.
    method : {"unmix", "subtract", "none"}
        ``none`` yields nothing: every pixel is a source pixel.
    within : tuple of slice, optional
        Rows and columns to compute; the whole image if not given.

    Yields
    ------
    where : tuple of slice
        Rows and columns of a piece.
    region : Tensor
        Bool, (Y, X) of the piece: its part of the transition region.
    light : Tensor
        Shape (C, n): the all-in-focus light of the n pixels of the region.

    Raises
    ------
    InputError
        If the sigma of K3 is not positive or the method is unknown.
    """
    check_sigma(psf.sigma_px)
    if method not in METHODS:
        raise InputError(f"elimination is {method!r}; choose one of {', '.join(METHODS)}.")
    if method == "none":
        return

    def work(piece: tuple[int, Region]) -> tuple[Region, Tensor, Tensor] | None:
        plane, where = piece
        steps = _most_steps(focus, plane, where, psf)
        return _veiled(light, focus, psf, method, plane, where, steps) if steps else None

    for found in each(work, _pieces(focus, within), focus.alpha.device):
        if found is not None:
            yield found


def _pieces(focus: FocusMap, within: Region | None) -> Iterator[tuple[int, Region]]:
    """Yield each plane that has pixels in a block, and the rows and columns around them."""
    rows, columns = within or (slice(0, focus.size[0]), slice(0, focus.size[1]))
    for top in range(rows.start, rows.stop, BLOCK_PX):
        for left in range(columns.start, columns.stop, BLOCK_PX):
            block = (
                slice(top, min(top + BLOCK_PX, rows.stop)),
                slice(left, min(left + BLOCK_PX, columns.stop)),
            )
            planes = focus.part(block).farthest.round()
            for plane in map(int, distinct(planes)):
                own = bounds(planes[0] == plane)
                if own is not None:
                    yield plane, placed(own, block)


def _most_steps(focus: FocusMap, plane: int, where: Region, psf: Psf) -> float:
    """Return how far before a plane anything lies whose blur may reach into a region, steps."""
    steps = plane - 1.0  # more than there can be
    while steps:
        around = grow(where, psf.reach_px(focus.size, steps), focus.size)
        found = plane - float(focus.part(around).nearest.min())
        if found < STEP:
            return 0.0
        if found >= steps:
            return steps
        steps = found
    return steps


def _veiled(
    light: Light,
    focus: FocusMap,
    psf: Psf,
    method: EliminationMethod,
    plane: int,
    where: Region,
    steps: float,
) -> tuple[Region, Tensor, Tensor] | None:
    """Return what was behind the veil in a region of a plane, or None where nothing veils it."""
    reach, back = psf.reach_px(focus.size, steps), psf_radius(steps * psf.sigma_2_px, psf.shape)
    # of a pair to the last bit; in a stack what light does on a second way to and fro is left out
    margin = (
        HALVING_PX
        + REACH_PX
        + (2 * reach + 3 * back + psf_radius(nearby_px(psf)) if focus.planes == 2 else reach + back)
    )
    outer = aligned(grow(where, margin, focus.size), GRID_PX)
    inner = inside(where, outer)
    part = focus.part(outer)
    alpha = part.before(plane)
    if not (alpha > 0).any():
        return None
    depth = _nearest_depth(torch.where(part.behind <= plane - STEP, part.depth, part.front), alpha)
    distance = rounded(plane - depth, psf.sigma_px)[None]
    apart: Steps = float(distance.max()) if distance.min() == distance.max() else distance
    origins = [origin(outer[0].start, outer[1].start, focus.size)]
    spread = psf.defocus(alpha[None], origins, apart)
    own = (part.farthest.round() == plane) & ~part.guessed
    veiled = (transition_region(alpha, spread[0]) & own)[0]
    region = torch.zeros_like(veiled)
    region[inner] = veiled[inner]
    computed = bounds(region)
    if computed is None:
        return None
    where = placed(computed, outer)
    seen = aligned(grow(where, margin, focus.size), GRID_PX)
    needed = inside(seen, outer)
    alpha = alpha[None, :, *needed]
    apart = apart[..., *needed] if isinstance(apart, torch.Tensor) else apart
    near, far = in_focus(light, depth[0][needed].round(), seen), light(plane, seen)
    alpha = measured(near[None], alpha)
    origins = [origin(seen[0].start, seen[1].start, focus.size)]
    eliminated = subtract if method == "subtract" else unmix
    found = eliminated(near[None], far[None], alpha, psf, origins, apart)
    region = region[computed]
    return where, region, found[0][:, *inside(where, seen)][:, region]


def rounded(steps: Tensor, sigma_px: float) -> Tensor:
    """Round distances, in plane steps, to few values: each costs a blur."""
    least = 0.5 if sigma_px >= FINE_PX else 1.0
    near = (steps / least).round().clamp(min=1) * least
    far = torch.exp((steps.clamp(min=1).log() / math.log(RATIO)).round() * math.log(RATIO))
    return torch.where(steps < FAR_STEPS, near, far)


def in_focus(light: Light, labels: Tensor, where: Region) -> Tensor:
    """Return the light (C, Y, X) that each pixel has in the plane that labels (Y, X) name."""
    first, *others = map(int, distinct(labels))
    image = light(first, where)
    for plane in others:
        image = torch.where(labels == plane, light(plane, where), image)
    return image


def _nearest_depth(depth: Tensor, alpha: Tensor) -> Tensor:
    """Return the depth (1, Y, X) of the foreground, beside it that of its nearest pixel."""
    present = alpha > 0
    own = depth[present]
    if own.min() == own.max():
        return own[0].expand_as(depth)
    import cv2

    # seven times as fast as an exact distance transform
    _, nearest = cv2.distanceTransformWithLabels(
        (~present[0]).byte().cpu().numpy(),
        cv2.DIST_L2,
        cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    number = torch.from_numpy(nearest).to(depth.device)[None]
    known = depth.new_empty(int(number.max()) + 1)
    known[number[present]] = own
    return known[number]
