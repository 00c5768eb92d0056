"""Which plane is in focus where: the depth of each pixel, and soft edges between surfaces.

Planes are counted from 1, the nearest. At an edge a pixel shows two surfaces: the front one covers
``alpha`` of it, and the rest shows the surface behind. A pair is the case of two planes: front is
1, behind is 2, and alpha is the foreground mask M (Eq. 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.errors import InputError
from napari_focusstack.filters.pooling import max_filter
from napari_focusstack.filters.select import blend
from napari_focusstack.imaging.number_types import number_type
from napari_focusstack.segmentation.depth_inpainting import holes, unreliable
from napari_focusstack.segmentation.labels import (
    ALPHA_EPS,
    ANTIALIAS_PX,
    alpha_from_labels,
    apply_hard_mask,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from napari_focusstack.runtime.region import Region


#: Difference of depth, plane steps, from which on a surface occludes another. Convention: the depth
#: of a tilted surface changes by less between neighbouring pixels, so it does not occlude itself.
MIN_OCCLUSION_STEP = 0.75
#: Rows that are antialiased at a time, to bound memory.
STRIP_PX = 512


@dataclass(frozen=True, eq=False)
class FocusMap:
    """The two surfaces of each pixel, and their coverage of it.

    Parameters
    ----------
    front, behind : Tensor
        Shape (1, Y, X), float32, 1..P: depth of the nearest surface in a pixel, and of the surface
        that it leaves uncovered.
    alpha : Tensor
        Shape (1, Y, X), 0..1: coverage of the pixel by the front surface.
    planes : int
        Number of planes P.
    confidence : Tensor
        Shape (1, Y, X), 0..1: confidence of depth. It is 1 where labels were given, and
        ``|2 alpha - 1|`` in a pair.
    places : tuple of float, optional
        Where each plane lies along the axis, in mean plane steps, the first at 1. Not given, the
        steps are equal.
    """

    front: Tensor
    behind: Tensor
    alpha: Tensor
    planes: int
    confidence: Tensor
    places: tuple[float, ...] | None = None

    @classmethod
    def of_pair(cls, alpha: Tensor) -> FocusMap:
        """Return the map of a near and a far plane from the foreground's alpha (1, Y, X)."""
        near = alpha.new_ones(()).expand_as(alpha)
        return cls(near, near + 1, alpha, 2, (2 * alpha - 1).abs())

    @classmethod
    def of_depth(cls, depth: Tensor, planes: int, confidence: Tensor | None = None) -> FocusMap:
        """Return the map of a hard depth (1, Y, X), 1..P, with antialiased edges.

        If no confidence (1, Y, X) is given it is 1.
        """
        front, behind, alpha = depth.clone(), depth.clone(), torch.ones_like(depth)
        rows = depth.shape[1]
        for top in range(0, rows, STRIP_PX):
            strip = slice(top, min(top + STRIP_PX, rows))
            outer = slice(max(0, strip.start - 1), min(rows, strip.stop + 1))
            inner = slice(strip.start - outer.start, strip.stop - outer.start)
            edges = _antialiased(depth[:, outer])
            for whole, part in zip((front, behind, alpha), edges, strict=True):
                whole[:, strip] = part[:, inner]
        if confidence is None:
            confidence = depth.new_ones(()).expand_as(depth)
        return cls(front, behind, alpha, planes, confidence)

    @classmethod
    def of_labels(cls, labels: np.ndarray, planes: int, size: tuple[int, int]) -> FocusMap:
        """Return the map of labels.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X), 1..P; 0 is the farthest plane. For a pair also a mask or a matte, see
            :func:`~napari_focusstack.segmentation.labels.alpha_from_labels`.
        planes : int
            Number of planes P.
        size : tuple of int
            Rows and columns of the planes.

        Raises
        ------
        InputError
            If the shape differs or a label names no plane.
        """
        labels = np.asarray(labels)
        if planes == 2:
            return cls.of_pair(alpha_from_labels(labels, size))
        if labels.shape != size:
            raise InputError(
                f"labels have the shape {labels.shape}, the planes {size}; make them equal."
            )
        if labels.dtype.kind not in "ui":
            raise InputError(f"labels are of type {labels.dtype}; give whole numbers 1..{planes}.")
        if labels.size and not 0 <= labels.min() <= labels.max() <= planes:
            odd = labels.max() if labels.max() > planes else labels.min()
            raise InputError(
                f"labels hold the value {odd}; a stack of {planes} planes has 1 (nearest) to "
                f"{planes}."
            )
        depth = np.where(labels == 0, planes, labels).astype(np.float32)
        return cls.of_depth(torch.from_numpy(depth)[None], planes)

    def with_labels(self, labels: np.ndarray, decided: np.ndarray | None = None) -> FocusMap:
        """Return the map with labels in place of its depth where they differ or are decided.

        There edges are antialiased and confidence is 1. Elsewhere soft edges stay.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X), 1..P; 0 is the farthest plane. In a pair every value but 1 is the far
            plane.
        decided : ndarray of bool, optional
            Shape (Y, X): pixels whose labels hold also where they are those of the map.

        Raises
        ------
        InputError
            If a label names no plane.
        """
        device = self.alpha.device
        hard = None if decided is None else torch.from_numpy(decided)[None].to(device)
        if self.is_pair:
            mask = torch.from_numpy(labels == 1)[None].to(device)
            return self.of_pair(apply_hard_mask(self.alpha, mask, hard))
        if (most := int(labels.max(initial=0))) > self.planes:
            raise InputError(
                f"label {most} names no plane, for there are {self.planes}; paint with 1 (nearest) "
                f"to {self.planes}, and undo the stroke."
            )
        whole = torch.from_numpy(np.where(labels == 0, self.planes, labels).astype(np.float32))
        depth, new = self.depth, whole[None].to(device)
        kept = depth.round() == new
        if hard is not None:
            kept &= ~hard
        confidence = torch.where(kept, self.confidence, 1.0)
        painted = self.of_depth(torch.where(kept, depth, new), self.planes, confidence)
        beside = max_filter((~kept).float()) > 0
        return replace(
            self,
            front=torch.where(beside, painted.front, self.front),
            behind=torch.where(beside, painted.behind, self.behind),
            alpha=torch.where(beside, painted.alpha, self.alpha),
            confidence=confidence,
        )

    def __eq__(self, other: object) -> bool:
        """Return whether another map holds equal values."""
        if not isinstance(other, FocusMap):
            return NotImplemented
        pairs = zip(self._maps, other._maps, strict=True)
        return self.planes == other.planes and all(torch.equal(a, b.to(a)) for a, b in pairs)

    @property
    def _maps(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.front, self.behind, self.alpha, self.confidence

    @property
    def is_pair(self) -> bool:
        """Whether there are a near and a far plane only."""
        return self.planes == 2

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.alpha.shape[-2], self.alpha.shape[-1]

    @property
    def depth(self) -> Tensor:
        """Depth of the surface that covers most of each pixel, (1, Y, X), 1..P."""
        return blend(self.alpha > 0.5, self.front, self.behind)

    def place(self, depth: Tensor) -> Tensor:
        """Return where depths lie along the axis, in mean plane steps; plane 1 lies at 1."""
        return depth if self.places is None else _interpolated(depth, self.places)

    @property
    def holes(self) -> Tensor:
        """Where confidence is too low, bool (1, Y, X); nowhere in a pair.

        See :func:`napari_focusstack.segmentation.depth_inpainting.holes`.
        """
        if self.is_pair:
            return torch.zeros_like(self.alpha, dtype=torch.bool)
        return holes(self.confidence)

    @property
    def labels(self) -> np.ndarray:
        """The plane in focus in most of each pixel, (Y, X), 1..P, uint8, or uint16 beyond 255."""
        return self.depth[0].round().cpu().numpy().astype(number_type(self.planes))

    @property
    def nearest(self) -> Tensor:
        """Depth of the nearest surface in each pixel, (1, Y, X)."""
        return blend(self.alpha > 0, self.front, self.behind)

    @property
    def farthest(self) -> Tensor:
        """Depth of the farthest surface in each pixel, (1, Y, X)."""
        return blend(self.alpha < 1, self.behind, self.front)

    def occluding_alpha(self, plane: float) -> Tensor:
        """Return the coverage of each pixel by all that occludes a plane, (1, Y, X), 0..1."""
        limit = plane - MIN_OCCLUSION_STEP
        return self.alpha * (self.front <= limit) + (1 - self.alpha) * (self.behind <= limit)

    @property
    def unreliable(self) -> Tensor:
        """Where depth is unreliable all around, bool (1, Y, X); nowhere in a pair.

        See :func:`napari_focusstack.segmentation.depth_inpainting.unreliable`.
        """
        if self.is_pair:
            return torch.zeros_like(self.alpha, dtype=torch.bool)
        return unreliable(self.confidence)

    def renumbered(self, numbers: Sequence[int], planes: int) -> FocusMap:
        """Return the map of some planes of a stack as one of all its planes.

        Parameters
        ----------
        numbers : sequence of int
            The number of each plane of this map in the stack, from 1.
        planes : int
            Number of planes of the stack.
        """
        return self._with_depths(partial(_interpolated, onto=numbers), planes)

    def restricted(self, numbers: Sequence[int]) -> FocusMap:
        """Return the map as one of some of its planes, whose numbers are given: the inverse."""
        return self._with_depths(partial(_positions, among=numbers), len(numbers))

    @property
    def reversed(self) -> FocusMap:
        """The map with the order of planes reversed: what was in front lies behind."""
        front, behind = self.planes + 1 - self.behind, self.planes + 1 - self.front
        whole = self.alpha >= 1
        return replace(
            self,
            front=torch.where(whole, behind, front),
            behind=torch.where(whole, front, behind),
            alpha=torch.where(whole, self.alpha, 1 - self.alpha),
        )

    def _with_depths(self, function: Callable[[Tensor], Tensor], planes: int) -> FocusMap:
        """Return the map with a function applied to its depths."""
        front, behind = function(self.front), function(self.behind)
        return replace(self, front=front, behind=behind, planes=planes)

    def crop(self, where: Region) -> FocusMap:
        """Return the map of some rows and columns."""
        return self._map_all(lambda tensor: tensor[:, *where])

    def paste(self, where: Region, part: FocusMap) -> None:
        """Replace some rows and columns by those of another map, in place."""
        for whole, new in (
            (self.front, part.front),
            (self.behind, part.behind),
            (self.alpha, part.alpha),
            (self.confidence, part.confidence),
        ):
            if whole.stride(-1):  # a constant map is stored as one value
                whole[:, *where] = new

    def has_occlusions(self) -> bool:
        """Return whether any surface occludes another."""
        depth = self.depth
        return bool(depth.min() <= depth.max() - MIN_OCCLUSION_STEP)

    def to(self, device: torch.device) -> FocusMap:
        """Return the map on a device."""
        return self._map_all(lambda tensor: tensor.to(device))

    def _map_all(self, function: Callable[[Tensor], Tensor]) -> FocusMap:
        """Return the map with a function applied to each of its tensors."""
        front, behind, alpha, confidence = map(function, self._maps)
        return replace(self, front=front, behind=behind, alpha=alpha, confidence=confidence)


def _interpolated(index: Tensor, onto: Sequence[float]) -> Tensor:
    """Return numbers between those of a sequence, by their place 1..n in it."""
    places = torch.as_tensor(onto, dtype=index.dtype, device=index.device)
    before = (index.floor().long() - 1).clamp(0, len(places) - 2)
    return torch.lerp(places[before], places[before + 1], index - 1 - before)


def _positions(values: Tensor, among: Sequence[int]) -> Tensor:
    """Return places 1..n, and between, of numbers in a rising sequence; the ends beyond it."""
    places = torch.as_tensor(among, dtype=values.dtype, device=values.device)
    after = torch.searchsorted(places, values.contiguous(), right=True).clamp(1, len(places) - 1)
    low, high = places[after - 1], places[after]
    return after + ((values - low) / (high - low)).clamp(0, 1)


def _antialiased(depth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return front, behind and alpha of a hard depth (1, Y, X)."""
    nearest = -max_filter(-depth)
    farthest = max_filter(depth)
    middle = (nearest + farthest) / 2
    padded = functional.pad(depth, (1, 1, 1, 1), mode="replicate")
    weights = torch.tensor([-1.0, 0, 1]).div(ANTIALIAS_PX).square().mul(-0.5).exp()
    cover = torch.zeros_like(depth)
    for row in range(3):
        for column in range(3):
            weight = float(weights[row] * weights[column] / weights.sum() ** 2)
            part = padded[:, row : row + depth.shape[1], column : column + depth.shape[2]]
            cover += weight * (part <= middle)
    # The given surface keeps most of its pixel, so thin lines stay.
    is_front = depth <= middle
    cover = torch.where(is_front, cover.clamp(min=0.51), cover.clamp(max=0.49))
    soft = (farthest - nearest > MIN_OCCLUSION_STEP) & (cover > ALPHA_EPS) & (cover < 1 - ALPHA_EPS)
    front = torch.where(soft & ~is_front, nearest, depth)
    behind = torch.where(soft & is_front, farthest, depth)
    return front, behind, torch.where(soft, cover, 1.0)
