"""Patches along the foreground's boundary: the parts of the planes that show the blurs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as functional

from napari_focusstack.errors import InputError
from napari_focusstack.filters.pooling import max_filter
from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.breathing import origin
from napari_focusstack.segmentation.focus_map import MIN_OCCLUSION_STEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.imaging.breathing import Origin
    from napari_focusstack.imaging.psf import DistanceSteps
    from napari_focusstack.planes.focal_stack import PlaneSampler
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap


#: Side of a patch, px.
PATCH_PX = 128
#: Side of the cells in which patches are sought, and the least distance between them, px.
CELL_PX = 64
#: Most patches, for speed.
MAX_PATCHES = 6
#: A third surface affects a pixel if its mask, blurred by this sigma, px, exceeds this share there.
MIXED_REACH_PX, MAX_MIXED_SHARE = 6.0, 0.05
#: Weight of such a pixel. Measured on 36 simulated stacks: error of sigma 8% without, 7% with it.
MIXED_WEIGHT = 0.25


class NoOcclusionBoundary(InputError):
    """No surface lies clearly in front of another, so no blur can be measured along an edge."""


@dataclass(frozen=True)
class BoundaryPatches:
    """Patches of the near and the far plane along the foreground's boundary.

    Parameters
    ----------
    near, far : Tensor
        Shape (n, C, Y, X), linear light: N and F in each patch.
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1: M in each patch.
    corners : tuple of (int, int)
        First row and column of each patch.
    size : (int, int)
        Rows and columns of the image.
    distance_steps : float or Tensor
        Distance of far behind near, plane steps: 1 for a pair, or one for each patch, (n,).
    weights : Tensor or float
        Weight of each pixel, (n, 1, Y, X), 0..1: less where a third surface affects it.
    """

    near: Tensor
    far: Tensor
    alpha: Tensor
    corners: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    distance_steps: DistanceSteps = 1.0
    weights: Tensor | float = 1.0

    @property
    def origins(self) -> list[Origin]:
        """Row and column of the first pixel of each patch, from the image's centre, px."""
        return [origin(*corner, self.size) for corner in self.corners]

    @classmethod
    def from_pair(
        cls, near: Tensor, far: Tensor, alpha: Tensor, shown: Tensor | None = None
    ) -> BoundaryPatches:
        """Cut the patches with the most contrast along the boundary out of a pair.

        Parameters
        ----------
        near, far : Tensor
            Shape (C, Y, X), linear light.
        alpha : Tensor
            Shape (1, Y, X), 0..1.
        shown : Tensor, optional
            Shape (Y, X), bool: pixels that both planes show; all, if not given.

        Raises
        ------
        NoOcclusionBoundary
            If the mask is empty or covers everything, so that it has no boundary.
        """
        step = torch.zeros_like(alpha[0])
        step[1:] += (alpha[0, 1:] - alpha[0, :-1]).abs()
        step[:, 1:] += (alpha[0, :, 1:] - alpha[0, :, :-1]).abs()
        if shown is not None:
            step = step * shown
        information = step * (near - far).abs().mean(0).add(1e-4)
        if not (step > 0).any():
            raise NoOcclusionBoundary(
                f"the foreground covers {100 * float(alpha.mean()):.0f}% of the image and has no "
                "boundary, so its blur cannot be measured; give the blur (sigma), or paint what is "
                "near."
            )
        size = (alpha.shape[-2], alpha.shape[-1])
        cells = functional.avg_pool2d(information[None], CELL_PX, ceil_mode=True)[0]
        corners: list[tuple[int, int]] = []
        for corner in islice(patch_corners(cells, size), 4 * MAX_PATCHES):
            if len(corners) < MAX_PATCHES and is_far_from(corner, corners):
                corners.append(corner)
        patches = cut_out(near, far, alpha, tuple(corners), patch_size(size))
        if shown is None:
            return patches
        weights = [shown[patch_region(corner, size)][None].to(alpha) for corner in corners]
        return replace(patches, weights=torch.stack(weights))

    @classmethod
    def from_stack(cls, light: PlaneSampler, focus: FocusMap) -> BoundaryPatches:
        """Cut patches out of a stack where one surface lies clearly in front of another.

        Of each patch the planes are used in which its two surfaces are in focus.

        Parameters
        ----------
        light : PlaneSampler
            Linear light of the planes.
        focus : FocusMap
            Depth and alpha of the whole image.

        Raises
        ------
        NoOcclusionBoundary
            If no surface lies clearly in front of another.
        """
        depth = focus.depth
        nearest = -max_filter(-depth)
        farthest = max_filter(depth)
        step = farthest - nearest
        step = step * (step > MIN_OCCLUSION_STEP) * focus.confidence
        cells = functional.avg_pool2d(step[None], CELL_PX, ceil_mode=True)[0, 0]
        candidates = []
        for corner in islice(patch_corners(cells, focus.size), 8 * MAX_PATCHES):
            where = patch_region(corner, focus.size)
            on_edge = step[0][where] >= 0.6 * step[0][where].max()
            depths = [float(side[0][where][on_edge].median()) for side in (nearest, farthest)]
            front, behind = (round(depth) for depth in depths)
            if behind == front:
                continue
            part = focus.crop(where)
            alpha = part.occluding_alpha(sum(depths) / 2 + MIN_OCCLUSION_STEP)
            if alpha.min() < 0.5 < alpha.max():
                near, far = light.plane(front, where), light.plane(behind, where)
                weights = _pixel_weights(part.depth, front, behind)
                for plane in (front, behind):
                    shown = light.shows(plane, where)
                    weights = weights if shown is None else weights * shown
                information = _information(near, far, part, front, behind)
                places = focus.place(depth.new_tensor([front, behind]))
                steps = float(places[1] - places[0])
                candidates.append(_Candidate(information, corner, near, far, alpha, steps, weights))
        chosen: list[_Candidate] = []
        for candidate in sorted(candidates, key=lambda patch: patch.information, reverse=True):
            corners = [patch.corner for patch in chosen]
            if len(chosen) < MAX_PATCHES and is_far_from(candidate.corner, corners):
                chosen.append(candidate)
        if not chosen:
            raise NoOcclusionBoundary(
                "no surface lies clearly in front of another, so there is no blur to measure and "
                "no light to eliminate; paint labels if one does."
            )
        return cls(
            torch.stack([patch.near for patch in chosen]),
            torch.stack([patch.far for patch in chosen]),
            torch.stack([patch.alpha for patch in chosen]),
            tuple(patch.corner for patch in chosen),
            focus.size,
            depth.new_tensor([patch.steps for patch in chosen]),
            torch.stack([patch.weights for patch in chosen]),
        )


class _Candidate(NamedTuple):
    """A patch of a stack, and how much it says about the blur."""

    information: float
    corner: tuple[int, int]
    near: Tensor
    far: Tensor
    alpha: Tensor
    steps: float
    weights: Tensor


def _information(near: Tensor, far: Tensor, part: FocusMap, front: int, behind: int) -> float:
    """Return the contrast of a patch's planes, weighted by the confidence in their surfaces."""
    on_either = ((part.depth - front).abs() < 1) | ((part.depth - behind).abs() < 1)
    weight = on_either * part.confidence
    return float(((near - far).abs().mean(0) * weight[0]).mean()) * float(weight.mean())


def _pixel_weights(depth: Tensor, front: int, behind: int) -> Tensor:
    """Return the weight of each pixel of a depth (1, Y, X): less where a third surface is near."""
    third = (depth < behind - MIN_OCCLUSION_STEP) & ((depth - front).abs() > MIN_OCCLUSION_STEP)
    unmixed = ((depth - behind).abs() <= MIN_OCCLUSION_STEP) & (
        blur(third.float(), MIXED_REACH_PX) < MAX_MIXED_SHARE
    )
    return torch.where(unmixed, 1.0, MIXED_WEIGHT)


def cut_out(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    corners: tuple[tuple[int, int], ...],
    side: tuple[int, int],
) -> BoundaryPatches:
    """Cut patches of a size (rows, columns) at corners (row, column) out of (C, Y, X) images."""
    size = (alpha.shape[-2], alpha.shape[-1])
    near, far, alpha = (
        torch.stack([image[:, y : y + side[0], x : x + side[1]] for y, x in corners])
        for image in (near, far, alpha)
    )
    return BoundaryPatches(near, far, alpha, corners, size)


def patch_corners(cells: Tensor, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the first row and column of a patch around each cell above 0, the largest first.

    Parameters
    ----------
    cells : Tensor
        Score of each cell of :data:`CELL_PX`, (rows, columns), >= 0.
    size : (int, int)
        Rows and columns of the image.
    """
    side = patch_size(size)
    for cell in cells.flatten().argsort(descending=True).tolist():
        index = divmod(cell, cells.shape[1])
        if cells[index] == 0:
            return
        row, column = map(_corner, index, side, size)
        yield row, column


def patch_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the rows and columns of a patch in an image of a size."""
    return min(PATCH_PX, size[0]), min(PATCH_PX, size[1])


def patch_region(corner: tuple[int, int], size: tuple[int, int]) -> Region:
    """Return the rows and columns of the patch at a corner of an image of a size."""
    row, column = corner
    rows, columns = patch_size(size)
    return slice(row, row + rows), slice(column, column + columns)


def is_far_from(corner: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    """Return whether a corner lies at least :data:`CELL_PX` from all others."""
    distances = (max(abs(a - b) for a, b in zip(corner, other, strict=True)) for other in others)
    return all(distance >= CELL_PX for distance in distances)


def _corner(cell: int, patch_px: int, limit: int) -> int:
    """Return the first row or column of a patch around a cell, inside the image."""
    return max(0, min(cell * CELL_PX + (CELL_PX - patch_px) // 2, limit - patch_px))
