"""Depth edges: the two surfaces that meet at each, and how much of a pixel the front one covers.

DEB estimates which plane is in focus, and errs by a pixel or two at depth edges. So near each edge
MEB reads the planes of both surfaces once more, at full size, and draws the edge between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from napari_focusstack.filters.pooling import max_filter
from napari_focusstack.networks.device import to_bfloat16
from napari_focusstack.networks.meb import edge_features
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import worker_count
from napari_focusstack.runtime.tile_queue import TileQueue
from napari_focusstack.runtime.tiles import bytes_of_tile, pad_to_multiple, tiles_of
from napari_focusstack.segmentation.depth_inpainting import unreliable
from napari_focusstack.segmentation.focus_map import MIN_OCCLUSION_STEP, FocusMap
from napari_focusstack.segmentation.labels import ALPHA_EPS

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.meb import MEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region


#: Greatest distance of the drawn edge from the step of DEB's depth, px. Measured: in a photograph
#: with measured depth 0.2% of the pixels lie beyond.
REACH_PX = 6
#: Margin of a block that MEB reads, px. Measured: a wider one changes no alpha by more than 0.001.
CONTEXT_PX = 32
#: Greatest side of the blocks that the image is cut into, px.
BLOCK_PX = 640
#: Memory of a block for each pixel that MEB reads, bytes. Measured.
BYTES_PER_PIXEL = 240.0


@dataclass(frozen=True)
class SurfacePair:
    """The two candidate surfaces of each pixel.

    Parameters
    ----------
    front, behind : Tensor
        Shape (1, Y, X): depth of the nearer and of the farther surface, 1..P. Both are equal where
        no step of depth is near.
    signed_distance_px : Tensor
        Same shape: distance from the step, px, positive on the side of the front surface, negative
        on the other, 0 where no step is within :data:`REACH_PX`.
    """

    front: Tensor
    behind: Tensor
    signed_distance_px: Tensor

    @classmethod
    def of(cls, depth: Tensor) -> SurfacePair:
        """Return the surfaces of a hard depth (1, Y, X): that of each pixel, and the nearest other.

        Examples
        --------
        >>> pair = SurfacePair.of(torch.tensor([[[2.0, 2.0, 5.0, 5.0]]]))
        >>> pair.front.tolist(), pair.behind.tolist(), pair.signed_distance_px.tolist()
        ([[[2.0, 2.0, 2.0, 2.0]]], [[[5.0, 5.0, 5.0, 5.0]]], [[[1.5, 0.5, -0.5, -1.5]]])
        """
        nearer, nearer_px = _nearest_behind(-depth)
        farther, farther_px = _nearest_behind(depth)
        nearer = -nearer
        # Of a nearer and a farther surface at the same distance, the larger step of depth counts.
        larger_step = nearer - depth < depth - farther
        is_behind = (nearer_px < farther_px) | ((nearer_px == farther_px) & larger_step)
        distance_px = torch.minimum(nearer_px, farther_px)
        has_step = distance_px.isfinite()
        return cls(
            torch.where(has_step & is_behind, nearer, depth),
            torch.where(has_step & ~is_behind, farther, depth),
            torch.where(has_step, torch.where(is_behind, -distance_px, distance_px), 0.0),
        )

    def crop(self, where: Region) -> SurfacePair:
        """Return the surfaces of some rows and columns."""
        return SurfacePair(
            *(tensor[:, *where] for tensor in (self.front, self.behind, self.signed_distance_px))
        )


def _nearest_behind(depth: Tensor) -> tuple[Tensor, Tensor]:
    """Return depth and distance, px, of the nearest surface clearly behind that of each pixel.

    Of several at the same distance, that of the greatest depth counts. Where none is within
    :data:`REACH_PX`, depth is minus infinity and the distance infinite.
    """
    surface = torch.full_like(depth, -math.inf)
    distance_px = torch.full_like(depth, math.inf)
    around = depth
    for ring in range(REACH_PX):
        around = max_filter(around)
        new = distance_px.isinf() & (around - depth > MIN_OCCLUSION_STEP)
        surface = torch.where(new, around, surface)
        distance_px = torch.where(new, ring + 0.5, distance_px)
        # Grow from pixels that have a surface: one beyond two steps is not the nearest.
        around = surface
    return surface, distance_px


def least_bytes(size: tuple[int, int]) -> int:
    """Return the memory that a block of an image of a size needs, bytes.

    Examples
    --------
    >>> least_bytes((2048, 3072)), least_bytes((64, 64))
    (118947840, 983040)
    """
    return bytes_of_tile(size, BLOCK_PX + 2 * CONTEXT_PX, BYTES_PER_PIXEL)


def refine_edges(
    stack: FocalStack, depth: Tensor, confidence: Tensor, meb: MEB
) -> Generator[Progress, None, FocusMap]:
    """Draw the depth edges of a stack by MEB.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    depth, confidence : Tensor
        Shape (1, Y, X): hard depth, 1..P, and its confidence, 0..1.
    meb : MEB
        On the stack's device.

    Yields
    ------
    Progress
        After each block.

    Returns
    -------
    FocusMap
        Depth is as given beyond :data:`REACH_PX` of all steps of depth, and where it is unreliable
        all around. Alpha lies strictly between 0 and 1 only beside an edge, so that the rest of
        the output is bit-exact.
    """
    blocks = TileQueue(tiles_of(stack.size, BLOCK_PX), BLOCK_PX, BLOCK_PX)
    refined = FocusMap(depth.clone(), depth.clone(), torch.ones_like(depth), len(stack), confidence)
    meb = to_bfloat16(meb)
    workers = worker_count(depth.device, stack.budget_bytes, least_bytes(stack.size))
    work = partial(_refined_block, stack, depth, confidence, meb)
    yield Progress("draw edges", 0, blocks.total)
    for block, of_block in blocks.map(work, depth.device, workers):
        if of_block is not None:
            refined.paste(block, of_block)
        yield Progress("draw edges", blocks.done, blocks.total)
    return refined


def _refined_block(
    stack: FocalStack, depth: Tensor, confidence: Tensor, meb: MEB, block: Region
) -> FocusMap | None:
    """Return the map of a block, None where no step of depth is near."""
    margin = min(meb.receptive_radius_px + 1, CONTEXT_PX)
    context = align(pad(block, margin, stack.size), meb.stride)
    outer = pad(context, REACH_PX, stack.size)
    pair = SurfacePair.of(depth[:, *outer]).crop(to_local(context, outer))
    inner = to_local(block, context)
    if not pair.signed_distance_px[:, *inner].any():
        return None
    confidence = confidence[:, *context]
    with torch.no_grad():
        log_odds = meb(_features(stack, pair, confidence, meb, context))
    rows, columns = confidence.shape[1:]
    alpha = torch.sigmoid(log_odds.float())[0, :, :rows, :columns]
    as_given = (pair.signed_distance_px > 0).to(alpha)
    alpha = torch.where(unreliable(confidence), as_given, alpha)
    return to_focus_map(pair, alpha, confidence, len(stack)).crop(inner)


def _features(
    stack: FocalStack, pair: SurfacePair, confidence: Tensor, meb: MEB, where: Region
) -> Tensor:
    """Return the features of rows and columns, as MEB takes them; all else is freed."""
    near, far = (
        stack.display_by_label(surface[0].round(), where) for surface in (pair.front, pair.behind)
    )
    inputs = (near, far, pair.signed_distance_px, pair.behind - pair.front, confidence)
    features = edge_features(*(pad_to_multiple(tensor[None], meb.stride) for tensor in inputs))
    return features.to(next(meb.parameters())).contiguous(memory_format=torch.channels_last)


def to_focus_map(pair: SurfacePair, alpha: Tensor, confidence: Tensor, planes: int) -> FocusMap:
    """Return the map of two surfaces and alpha, soft beside edges only.

    Softness farther away is uncertainty, not coverage.

    Parameters
    ----------
    pair : SurfacePair
        The two candidate surfaces of each pixel, (1, Y, X).
    alpha : Tensor
        Same shape, 0..1: coverage of the pixel by the front surface.
    confidence : Tensor
        Same shape, 0..1.
    planes : int
        Number of planes P.
    """
    depth = torch.where(alpha > 0.5, pair.front, pair.behind)
    farthest, nearest = max_filter(depth), -max_filter(-depth)
    soft = ((alpha - ALPHA_EPS) / (1 - 2 * ALPHA_EPS)).clamp(0, 1)
    mixed = (
        (farthest - nearest > MIN_OCCLUSION_STEP)
        & (soft > 0)
        & (soft < 1)
        & (pair.signed_distance_px != 0)
    )
    return FocusMap(
        torch.where(mixed, pair.front, depth),
        torch.where(mixed, pair.behind, depth),
        torch.where(mixed, soft, 1.0),
        planes,
        confidence,
    )
