"""Where one surface of a stack ends before another: which two meet, and how they share pixels.

DEB says which plane is in focus, and errs by a pixel or two at edges. So beside each step of depth
MEB looks at both surfaces' planes once more, at full size, and draws the edge between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_focusstack.focus_map import STEP, FocusMap
from napari_focusstack.inpainting import guessed
from napari_focusstack.networks.inference import filled_up, in_half, tiles_of
from napari_focusstack.networks.meb import edge_cues
from napari_focusstack.pooling import greatest_of_nine
from napari_focusstack.progress import Progress
from napari_focusstack.region import aligned, grow, inside
from napari_focusstack.segmentation import CERTAIN
from napari_focusstack.threads import each

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.meb import MEB
    from napari_focusstack.region import Region
    from napari_focusstack.stack import Stack

#: How far from a step of depth the edge may turn out to lie, px.
REACH_PX = 6
#: How far beyond a block MEB is given the planes to see, px: of what it could look at beyond,
#: nothing changed any alpha by more than 0.001.
SEEN_PX = 32
#: Greatest side of the blocks that the image is cut into, px.
BLOCK_PX = 640


@dataclass(frozen=True)
class Meeting:
    """The two surfaces that may show in each pixel.

    Parameters
    ----------
    front, behind : Tensor
        Shape (1, Y, X): depth of the nearer and of the farther one, in planes; equal where no step
        is near.
    side_px : Tensor
        Same shape: how far the step is, px: more than 0 on the front's side, less on the other,
        0 where none is within :data:`REACH_PX`.
    """

    front: Tensor
    behind: Tensor
    side_px: Tensor

    @classmethod
    def of(cls, depth: Tensor) -> Meeting:
        """Find them from a hard depth (1, Y, X): each pixel's own, and the nearest other one.

        Examples
        --------
        >>> found = Meeting.of(torch.tensor([[[2.0, 2.0, 5.0, 5.0]]]))
        >>> found.front.tolist(), found.behind.tolist(), found.side_px.tolist()
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

    def part(self, where: Region) -> Meeting:
        """Return what meets in some rows and columns."""
        return Meeting(*(one[:, *where] for one in (self.front, self.behind, self.side_px)))


def _nearest_other(depth: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest surface that lies clearly behind each pixel's own, and how far it is.

    Of those that are equally far the farthest in depth counts; where none is within
    :data:`REACH_PX`, it is infinitely far.
    """
    found = torch.full_like(depth, -math.inf)
    away_px = torch.full_like(depth, math.inf)
    around = depth
    for ring in range(REACH_PX):
        around = greatest_of_nine(around)
        new = away_px.isinf() & (around - depth > STEP)
        found = torch.where(new, around, found)
        away_px = torch.where(new, ring + 0.5, away_px)
        # goes on from those that have one; what lies beyond two steps is not the nearest
        around = found
    return found, away_px


def draw_edges(
    stack: Stack, depth: Tensor, confidence: Tensor, meb: MEB
) -> Generator[Progress, None, FocusMap]:
    """Draw the edges between the surfaces of a stack.

    Parameters
    ----------
    stack : Stack
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
    meb = in_half(meb)
    work = each(lambda block: _drawn(stack, depth, confidence, meb, block), blocks, depth.device)
    yield Progress("draw edges", 0, len(blocks))
    for number, found in enumerate(work):
        if found is not None:
            drawn.put(blocks[number], found)
        yield Progress("draw edges", number + 1, len(blocks))
    return drawn


def _drawn(
    stack: Stack, depth: Tensor, confidence: Tensor, meb: MEB, block: Region
) -> FocusMap | None:
    """Return the map of a block, None where no step is near."""
    seen = aligned(grow(block, min(meb.reach + 1, SEEN_PX), stack.size), meb.stride)
    outer = grow(seen, REACH_PX, stack.size)
    meeting = Meeting.of(depth[:, *outer]).part(inside(seen, outer))
    inner = inside(block, seen)
    if not meeting.side_px[:, *inner].any():
        return None
    near, far = (
        stack.intensity.shown(stack.selected(surface[0].round().cpu().numpy(), seen), stack.device)
        for surface in (meeting.front, meeting.behind)
    )
    steps = meeting.behind - meeting.front
    sure = confidence[:, *seen]
    given = (near, far, meeting.side_px, steps, sure)
    cues = edge_cues(*(filled_up(one[None], meb.stride) for one in given))
    with torch.no_grad():
        answer = meb(cues.to(next(meb.parameters())).contiguous(memory_format=torch.channels_last))
    alpha = torch.sigmoid(answer.float())[0, :, : steps.shape[1], : steps.shape[2]]
    found = (meeting.side_px > 0).to(alpha)
    alpha = torch.where(guessed(sure), found, alpha)
    return shared(meeting, alpha, sure, len(stack)).part(inner)


def shared(meeting: Meeting, alpha: Tensor, confidence: Tensor, planes: int) -> FocusMap:
    """Return the map of surfaces that share pixels by alpha, soft beside edges only.

    Softness further away is doubt, not coverage.

    Parameters
    ----------
    meeting : Meeting
        Of (Y, X) pixels.
    alpha : Tensor
        Shape (1, Y, X), 0..1: share of the front.
    confidence : Tensor
        Same shape.
    planes : int
        P.
    """
    own = torch.where(alpha > 0.5, meeting.front, meeting.behind)
    most, least = greatest_of_nine(own), -greatest_of_nine(-own)
    soft = ((alpha - CERTAIN) / (1 - 2 * CERTAIN)).clamp(0, 1)
    mixed = (most - least > STEP) & (soft > 0) & (soft < 1) & (meeting.side_px != 0)
    return FocusMap(
        torch.where(mixed, meeting.front, own),
        torch.where(mixed, meeting.behind, own),
        torch.where(mixed, soft, 1.0),
        planes,
        confidence,
    )
