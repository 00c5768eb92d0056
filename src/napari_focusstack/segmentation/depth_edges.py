"""Where one surface of a stack ends before another: which two meet, and how they share pixels.

DEB says which plane is in focus, and errs by a pixel or two at edges. So beside each step of depth
MEB looks at both surfaces' planes once more, at full size, and draws the edge between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.pooling import max_filter3
from napari_focusstack.networks.device import to_bfloat16
from napari_focusstack.networks.meb import edge_features
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import parallel_map
from napari_focusstack.runtime.tiles import pad_to_multiple, tiles_of
from napari_focusstack.segmentation.depth_inpainting import unreliable
from napari_focusstack.segmentation.focus_map import MIN_OCCLUSION_STEP, FocusMap
from napari_focusstack.segmentation.labels import ALPHA_EPS

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.meb import MEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region


#: How far from a step of depth the edge may turn out to lie, px.
REACH_PX = 6
#: How far beyond a block MEB is given the planes to see, px: of what it could look at beyond,
#: nothing changed any alpha by more than 0.001.
CONTEXT_PX = 32
#: Greatest side of the blocks that the image is cut into, px.
BLOCK_PX = 640


@dataclass(frozen=True)
class SurfacePair:
    """The two surfaces that may show in each pixel.

    Parameters
    ----------
    front, behind : Tensor
        Shape (1, Y, X): depth of the nearer and of the farther one, in planes; equal where no step
        is near.
    signed_distance_px : Tensor
        Same shape: how far the step is, px: more than 0 on the front's side, less on the other,
        0 where none is within :data:`REACH_PX`.
    """

    front: Tensor
    behind: Tensor
    signed_distance_px: Tensor

    @classmethod
    def of(cls, depth: Tensor) -> SurfacePair:
        """Find them from a hard depth (1, Y, X): each pixel's own, and the nearest other one.

        Examples
        --------
        >>> found = SurfacePair.of(torch.tensor([[[2.0, 2.0, 5.0, 5.0]]]))
        >>> found.front.tolist(), found.behind.tolist(), found.signed_distance_px.tolist()
        ([[[2.0, 2.0, 2.0, 2.0]]], [[[5.0, 5.0, 5.0, 5.0]]], [[[1.5, 0.5, -0.5, -1.5]]])
        """
        before, before_px = _nearest_other(-depth)
        after, after_px = _nearest_other(depth)
        before = -before
        wider = before - depth < depth - after
        is_behind = (before_px < after_px) | ((before_px == after_px) & wider)
        away_px = torch.minimum(before_px, after_px)
        near = away_px.isfinite()
        return cls(
            torch.where(near & is_behind, before, depth),
            torch.where(near & ~is_behind, after, depth),
            torch.where(near, torch.where(is_behind, -away_px, away_px), 0.0),
        )

    def crop(self, where: Region) -> SurfacePair:
        """Return what meets in some rows and columns."""
        return SurfacePair(
            *(one[:, *where] for one in (self.front, self.behind, self.signed_distance_px))
        )


def _nearest_other(depth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest surface that lies clearly behind each pixel's own, and how far it is.

    Of those that are equally far the farthest in depth counts; where none is within
    :data:`REACH_PX`, it is infinitely far.
    """
    found = torch.full_like(depth, -math.inf)
    away_px = torch.full_like(depth, math.inf)
    around = depth
    for ring in range(REACH_PX):
        around = max_filter3(around)
        new = away_px.isinf() & (around - depth > MIN_OCCLUSION_STEP)
        found = torch.where(new, around, found)
        away_px = torch.where(new, ring + 0.5, away_px)
        # goes on from those that have one; what lies beyond two steps is not the nearest
        around = found
    return found, away_px


def refine_edges(
    stack: FocalStack, depth: Tensor, confidence: Tensor, meb: MEB
) -> Generator[Progress, None, FocusMap]:
    """Draw the edges between the surfaces of a stack.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    depth, confidence : Tensor
        Shape (1, Y, X): hard depth, 1..P, and how sure it is, 0..1.
    meb : MEB
        On the stack's device.

    Yields
    ------
    Progress
        After each block.

    Returns
    -------
    FocusMap
        Beyond :data:`REACH_PX` of all steps of depth, and where depth is a guess all around, it is
        as given; alpha is strictly between 0 and 1 only beside an edge, so that the rest of the
        output is bit-exact.
    """
    blocks = tiles_of(stack.size, BLOCK_PX)
    drawn = FocusMap(depth.clone(), depth.clone(), torch.ones_like(depth), len(stack), confidence)
    meb = to_bfloat16(meb)
    work = parallel_map(
        lambda block: _refined_block(stack, depth, confidence, meb, block), blocks, depth.device
    )
    yield Progress("draw edges", 0, len(blocks))
    for number, found in enumerate(work):
        if found is not None:
            drawn.paste(blocks[number], found)
        yield Progress("draw edges", number + 1, len(blocks))
    return drawn


def _refined_block(
    stack: FocalStack, depth: Tensor, confidence: Tensor, meb: MEB, block: Region
) -> FocusMap | None:
    """Return the map of a block, None where no step is near."""
    seen = align(pad(block, min(meb.receptive_radius_px + 1, CONTEXT_PX), stack.size), meb.stride)
    outer = pad(seen, REACH_PX, stack.size)
    pair = SurfacePair.of(depth[:, *outer]).crop(to_local(seen, outer))
    inner = to_local(block, seen)
    if not pair.signed_distance_px[:, *inner].any():
        return None
    near, far = (
        stack.display_by_label(surface[0].round(), seen) for surface in (pair.front, pair.behind)
    )
    steps = pair.behind - pair.front
    sure = confidence[:, *seen]
    given = (near, far, pair.signed_distance_px, steps, sure)
    features = edge_features(*(pad_to_multiple(one[None], meb.stride) for one in given))
    with torch.no_grad():
        answer = meb(
            features.to(next(meb.parameters())).contiguous(memory_format=torch.channels_last)
        )
    alpha = torch.sigmoid(answer.float())[0, :, : steps.shape[1], : steps.shape[2]]
    found = (pair.signed_distance_px > 0).to(alpha)
    alpha = torch.where(unreliable(sure), found, alpha)
    return to_focus_map(pair, alpha, sure, len(stack)).crop(inner)


def to_focus_map(pair: SurfacePair, alpha: Tensor, confidence: Tensor, planes: int) -> FocusMap:
    """Return the map of surfaces that share pixels by alpha, soft beside edges only.

    Softness further away is doubt, not coverage.

    Parameters
    ----------
    pair : Meeting
        Of (Y, X) pixels.
    alpha : Tensor
        Shape (1, Y, X), 0..1: share of the front.
    confidence : Tensor
        Same shape.
    planes : int
        P.
    """
    own = torch.where(alpha > 0.5, pair.front, pair.behind)
    most, least = max_filter3(own), -max_filter3(-own)
    soft = ((alpha - ALPHA_EPS) / (1 - 2 * ALPHA_EPS)).clamp(0, 1)
    mixed = (
        (most - least > MIN_OCCLUSION_STEP)
        & (soft > 0)
        & (soft < 1)
        & (pair.signed_distance_px != 0)
    )
    return FocusMap(
        torch.where(mixed, pair.front, own),
        torch.where(mixed, pair.behind, own),
        torch.where(mixed, soft, 1.0),
        planes,
        confidence,
    )
