"""What lies over the planes of a focal stack: which surfaces, how far before them, and where.

For plane k everything nearer is foreground: what the paper does for two planes holds for each plane
of a stack. A surface d plane steps before plane k is blurred there by d times the sigma per step,
as a thin lens does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.choosing import choose, distinct
from napari_focusstack.diffusion import nearby_px, transition_region
from napari_focusstack.focus_map import STEP
from napari_focusstack.fronts import beside
from napari_focusstack.inpainting import GUESS_PX
from napari_focusstack.lens import is_map, origin
from napari_focusstack.optics import GRID_PX, HALVING_PX, psf_radius
from napari_focusstack.region import aligned, bounds, grow, inside, placed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.focus_map import FocusMap
    from napari_focusstack.lens import Psf, Steps
    from napari_focusstack.region import Region

#: Distances between surface and plane are rounded to half plane steps, whole ones where a step
#: blurs by less than this, px; far ones to such a ratio.
FINE_PX = 0.8
FAR_STEPS, RATIO = 2.0, 1.35


@dataclass(frozen=True)
class Veil:
    """What lies over a plane.

    Parameters
    ----------
    plane : int
        Which, counted from 1.
    where : tuple of slice
        Rows and columns that are veiled somewhere.
    region : Tensor
        Bool, (Y, X) of them: where.
    seen : tuple of slice
        Rows and columns that light may come from.
    alpha, depth : Tensor
        Shape (1, Y, X) of these: how much of each pixel lies before the plane, and in which depth,
        beside it that of the nearest pixel that does.
    apart : float or Tensor
        How far that is before the plane, plane steps.
    """

    plane: int
    where: Region
    region: Tensor
    seen: Region
    alpha: Tensor
    depth: Tensor
    apart: Steps


def veils_over(focus: FocusMap, psf: Psf, block: Region) -> Iterator[Veil]:
    """Yield what lies over each plane that has pixels in a block, where anything does.

    Parameters
    ----------
    focus : FocusMap
        Of the whole image.
    psf : Psf
        Blurs per plane step.
    block : tuple of slice
        Rows and columns.
    """
    planes = focus.part(block).farthest.round()
    for plane in map(int, distinct(planes)):
        own = bounds(planes[0] == plane)
        assert own is not None
        veil = _veil(focus, psf, plane, placed(own, block))
        if veil is not None:
            yield veil


def _veil(focus: FocusMap, psf: Psf, plane: int, where: Region) -> Veil | None:
    """Return what veils a plane in some rows and columns, None where nothing does."""
    steps = _most_steps(focus, plane, where, psf)
    if not steps:
        return None
    outer = _seen_from(where, focus, psf, steps)
    part = focus.part(outer)
    alpha = part.before(plane)
    present = alpha > 0
    if not present.any():
        return None
    depth = choose(part.behind <= plane - STEP, part.depth, part.front)
    depth, _ = beside(depth, present)
    distance = rounded(plane - depth, psf.sigma_px)[None]
    apart: Steps = float(distance.max()) if distance.min() == distance.max() else distance
    origins = [origin(outer[0].start, outer[1].start, focus.size)]
    spread = psf.defocus(alpha[None], origins, apart)[0]
    inner = inside(where, outer)
    region = (transition_region(alpha[:, *inner], spread[:, *inner]) & _is_sure(focus, where))[0]
    region &= part.farthest[0][inner].round() == plane
    veiled = bounds(region)
    if veiled is None:
        return None
    there = placed(veiled, where)
    seen = _seen_from(there, focus, psf, steps)
    needed = inside(seen, outer)
    if is_map(apart):
        apart = apart[..., *needed]
    return Veil(plane, there, region[veiled], seen, alpha[:, *needed], depth[:, *needed], apart)


def all_seen(focus: FocusMap, psf: Psf, block: Region) -> Region:
    """Return the rows and columns that light in a block may come from, for all its planes."""
    farthest = int(focus.part(block).farthest.max().round())
    return _seen_from(block, focus, psf, _most_steps(focus, farthest, block, psf))


def _seen_from(where: Region, focus: FocusMap, psf: Psf, steps: float) -> Region:
    """Return the rows and columns that light from so many steps before may come from."""
    reach, back = psf.reach_px(focus.size, steps), psf_radius(steps * psf.sigma_2_px, psf.shape)
    # of a pair to the last bit; in a stack what light does on a second way to and fro is left out,
    # and of the way back the tail, as far as that is itself little changed by what is not seen
    way = 2 * reach + 3 * back if focus.planes == 2 else reach + back // 2
    margin = HALVING_PX + way + psf_radius(nearby_px(psf))
    return aligned(grow(where, margin, focus.size), GRID_PX)


def _is_sure(focus: FocusMap, where: Region) -> Tensor:
    """Return where in some rows and columns depth is more than a guess, bool (1, Y, X)."""
    around = grow(where, GUESS_PX, focus.size)
    return ~focus.part(around).guessed[:, *inside(where, around)]


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


def rounded(steps: Tensor, sigma_px: float) -> Tensor:
    """Round distances, in plane steps, to few values: each costs a blur."""
    least = 0.5 if sigma_px >= FINE_PX else 1.0
    near = (steps / least).round().clamp(min=1) * least
    far = torch.exp((steps.clamp(min=1).log() / math.log(RATIO)).round() * math.log(RATIO))
    return choose(steps < FAR_STEPS, near, far)
