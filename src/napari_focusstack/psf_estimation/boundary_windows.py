"""Windows along the foreground's boundary: the little of a pair that tells its blurs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as functional

from napari_focusstack.errors import InputError
from napari_focusstack.filters.pooling import max_filter3
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


#: Side, least distance and greatest number of windows.
WINDOW_PX = 128
CELL_PX = 64
WINDOWS = 6
#: A third surface has a say where a blur of so many px leaves more than such a share of it; what a
#: pixel tells there counts for so much.
MIXED_REACH_PX, MAX_MIXED_SHARE, MIXED_WEIGHT = 6.0, 0.05, 0.25


class NoOcclusionBoundary(InputError):
    """Nothing stands clearly before anything else, so there is no blur to see."""


@dataclass(frozen=True)
class BoundaryPatches:
    """Pieces of the planes along the foreground's boundary, (n, C, Y, X) in linear light."""

    near: Tensor
    far: Tensor
    alpha: Tensor
    corners: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    #: How far near and far lie apart, plane steps: 1 of a pair, or one for each window, (n,).
    distance_steps: DistanceSteps = 1.0
    #: How much each pixel tells, (n, 1, Y, X), 0..1: less where a third surface has a say.
    weights: Tensor | float = 1.0

    @property
    def origins(self) -> list[Origin]:
        """Row and column of each window's first pixel, from the image's centre, px."""
        return [origin(*corner, self.size) for corner in self.corners]

    @classmethod
    def from_pair(cls, near: Tensor, far: Tensor, alpha: Tensor) -> BoundaryPatches:
        """Cut out the windows that tell most: those with the most contrast along the boundary.

        Parameters
        ----------
        near, far : Tensor
            Shape (C, Y, X), linear light.
        alpha : Tensor
            Shape (1, Y, X), 0..1.

        Raises
        ------
        NoOcclusionBoundary
            If the mask is empty or covers everything: there is no boundary to look at.
        """
        step = torch.zeros_like(alpha[0])
        step[1:] += (alpha[0, 1:] - alpha[0, :-1]).abs()
        step[:, 1:] += (alpha[0, :, 1:] - alpha[0, :, :-1]).abs()
        information = step * (near - far).abs().mean(0).add(1e-4)
        if not (step > 0).any():
            raise NoOcclusionBoundary(
                f"the foreground covers {100 * float(alpha.mean()):.0f}% of the image and has no "
                "boundary, so the PSF cannot be estimated; give psf as a number or paint a "
                "mask."
            )
        size = (alpha.shape[-2], alpha.shape[-1])
        cells = functional.avg_pool2d(information[None], CELL_PX, ceil_mode=True)[0]
        corners: list[tuple[int, int]] = []
        for corner in islice(corners_by(cells, size), 4 * WINDOWS):
            if len(corners) < WINDOWS and is_apart(corner, corners):
                corners.append(corner)
        return cut_out(near, far, alpha, tuple(corners), window_side(size))

    @classmethod
    def from_stack(cls, light: PlaneSampler, focus: FocusMap) -> BoundaryPatches:
        """Cut windows out of a stack where one surface stands clearly before another.

        Parameters
        ----------
        light : PlaneSampler
            Linear light of the planes.
        focus : FocusMap
            What is in focus where.

        Raises
        ------
        NoOcclusionBoundary
            If nothing stands clearly before anything else.
        """
        depth = focus.depth
        least = -max_filter3(-depth)
        most = max_filter3(depth)
        jump = (most - least) * (most - least > MIN_OCCLUSION_STEP) * focus.confidence
        cells = functional.avg_pool2d(jump[None], CELL_PX, ceil_mode=True)[0, 0]
        candidates = []
        for corner in islice(corners_by(cells, focus.size), 8 * WINDOWS):
            where = window_at(corner, focus.size)
            here = jump[0][where] >= 0.6 * jump[0][where].max()
            ends = [float(depths[0][where][here].median()) for depths in (least, most)]
            front, behind = (round(end) for end in ends)
            if behind == front:
                continue
            part = focus.crop(where)
            alpha = part.occluding_alpha(sum(ends) / 2 + MIN_OCCLUSION_STEP)
            if alpha.min() < 0.5 < alpha.max():
                near, far = light.plane(front, where), light.plane(behind, where)
                weights = _pixel_weights(part.depth, front, behind)
                information = _information(near, far, part, front, behind)
                candidates.append(
                    _Candidate(information, corner, near, far, alpha, behind - front, weights)
                )
        chosen: list[_Candidate] = []
        for candidate in sorted(candidates, key=lambda one: one.information, reverse=True):
            if len(chosen) < WINDOWS and is_apart(candidate.corner, [one.corner for one in chosen]):
                chosen.append(candidate)
        if not chosen:
            raise NoOcclusionBoundary(
                "no surface stands clearly before another, so there is no blur to see and nothing to "
                "unveil; paint labels if one does."
            )
        return cls(
            torch.stack([one.near for one in chosen]),
            torch.stack([one.far for one in chosen]),
            torch.stack([one.alpha for one in chosen]),
            tuple(one.corner for one in chosen),
            focus.size,
            torch.tensor([float(one.steps) for one in chosen], device=depth.device),
            torch.stack([one.weights for one in chosen]),
        )


class _Candidate(NamedTuple):
    """A window of a stack, and how much it tells."""

    information: float
    corner: tuple[int, int]
    near: Tensor
    far: Tensor
    alpha: Tensor
    steps: int
    weights: Tensor


def _information(near: Tensor, far: Tensor, part: FocusMap, front: int, behind: int) -> float:
    """Return how much a window tells: contrast of its planes where depth is surely theirs."""
    on_either = ((part.depth - front).abs() < 1) | ((part.depth - behind).abs() < 1)
    sure = on_either * part.confidence
    return float(((near - far).abs().mean(0) * sure[0]).mean()) * float(sure.mean())


def _pixel_weights(depth: Tensor, front: int, behind: int) -> Tensor:
    """Return how much each pixel of a depth (1, Y, X) tells of what one surface does to another."""
    others = (depth < behind - MIN_OCCLUSION_STEP) & ((depth - front).abs() > MIN_OCCLUSION_STEP)
    alone = ((depth - behind).abs() <= MIN_OCCLUSION_STEP) & (
        blur(others.float(), MIXED_REACH_PX) < MAX_MIXED_SHARE
    )
    return torch.where(alone, 1.0, MIXED_WEIGHT)


def cut_out(
    near: Tensor,
    far: Tensor,
    alpha: Tensor,
    corners: tuple[tuple[int, int], ...],
    side: tuple[int, int],
) -> BoundaryPatches:
    """Cut windows of a size (rows, columns) at corners (row, column) out of (C, Y, X) images."""
    size = (alpha.shape[-2], alpha.shape[-1])
    near, far, alpha = (
        torch.stack([image[:, y : y + side[0], x : x + side[1]] for y, x in corners])
        for image in (near, far, alpha)
    )
    return BoundaryPatches(near, far, alpha, corners, size)


def corners_by(cells: Tensor, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the first row and column of a window around each cell that has anything, most first.

    Parameters
    ----------
    cells : Tensor
        What is in cells of :data:`CELL_PX`, (rows, columns), 0 or more.
    size : (int, int)
        Rows and columns of the image.
    """
    side = window_side(size)
    for cell in cells.flatten().argsort(descending=True).tolist():
        place = divmod(cell, cells.shape[1])
        if cells[place] == 0:
            return
        row, column = map(_corner, place, side, size)
        yield row, column


def window_side(size: tuple[int, int]) -> tuple[int, int]:
    """Return the rows and columns of a window in an image of a size."""
    return min(WINDOW_PX, size[0]), min(WINDOW_PX, size[1])


def window_at(corner: tuple[int, int], size: tuple[int, int]) -> Region:
    """Return the rows and columns of the window at a corner of an image of a size."""
    row, column = corner
    rows, columns = window_side(size)
    return slice(row, row + rows), slice(column, column + columns)


def is_apart(corner: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    """Tell whether a window lies far enough from those at other corners."""
    apart = (max(abs(a - b) for a, b in zip(corner, other, strict=True)) for other in others)
    return all(distance >= CELL_PX for distance in apart)


def _corner(cell: int, window_px: int, limit: int) -> int:
    """Return where a window around a cell begins, inside the image."""
    return max(0, min(cell * CELL_PX + (CELL_PX - window_px) // 2, limit - window_px))
