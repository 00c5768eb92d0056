"""The planes of a focal stack: checked, nearest first, read region by region."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_focusstack.filters.select import select_planes
from napari_focusstack.imaging.intensity import Intensity
from napari_focusstack.planes.checks import check_planes
from napari_focusstack.runtime.region import full

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from napari_focusstack.imaging.intensity import IntensityChoice
    from napari_focusstack.planes.lazy_plane import LazyPlane
    from napari_focusstack.runtime.region import Region

    Planes = np.ndarray | Sequence[np.ndarray] | Sequence[LazyPlane]


class PlaneSampler(Protocol):
    """An object that returns the linear light of planes, region by region."""

    def plane(self, number: int, region: Region) -> Tensor:
        """Return linear light (C, Y, X), 0..1, of a plane; plane 1 is the nearest."""

    def by_label(self, labels: Tensor, region: Region) -> Tensor:
        """Return linear light (C, Y, X), 0..1: each pixel of the plane that labels (Y, X) name."""


class FocalStack:
    """Checked planes of one size and type, nearest first.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        See :func:`napari_focusstack.planes.checks.check_planes`.
    intensity : {"auto", "linear", "srgb"}
        How pixel values stand for light.
    device : torch.device
        Where light is computed.
    budget_bytes : int
        Most memory that tiles may take.

    Attributes
    ----------
    sources : list of ndarray or LazyPlane
        The planes, nearest first.
    intensity : Intensity
        Turns pixel values into linear light and back.

    Raises
    ------
    InputError
        If the planes cannot be used.
    """

    def __init__(
        self,
        planes: Planes,
        intensity: IntensityChoice,
        device: torch.device,
        budget_bytes: int,
    ) -> None:
        self.choice = intensity
        self.sources: list[Any] = check_planes(planes)
        self.intensity = Intensity.of(self.sources, intensity)
        self.device = device
        self.budget_bytes = budget_bytes

    def put(self, numbers: Sequence[int], planes: Sequence[Any]) -> None:
        """Replace some planes, counted from 1; the coding is determined anew."""
        for number, plane in zip(numbers, planes, strict=True):
            self.sources[number - 1] = plane
        self.intensity = Intensity.of(self.sources, self.choice)

    def take(self, numbers: Sequence[int]) -> FocalStack:
        """Return the stack of some of the planes, counted from 1, in the same coding."""
        taken = copy(self)
        taken.sources = [self.sources[number - 1] for number in numbers]
        return taken

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.sources)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.sources[0].shape[:2]
        return height, width

    @property
    def full(self) -> Region:
        """All rows and columns."""
        return full(self.size)

    def plane(self, number: int, region: Region) -> Tensor:
        """Return linear light (C, Y, X) of a region of a plane, counted from 1, the nearest."""
        return self.intensity.to_light(self.sources[number - 1][region], self.device)

    def coded(self, number: int, region: Region) -> Tensor:
        """Return a region of a plane as it is coded: pixel values scaled to 0..1, (C, Y, X)."""
        return self.intensity.coded(self.sources[number - 1][region], self.device)

    def by_label(self, labels: Tensor, region: Region) -> Tensor:
        """Return linear light (C, Y, X): each pixel of the plane that labels (Y, X) name."""
        return self.intensity.to_light(self.select(labels.cpu().numpy(), region), self.device)

    def display(self, number: int, region: Region) -> Tensor:
        """Return a region of a plane in display coding, as networks read it: (3, Y, X), 0..1."""
        return self.intensity.display(self.sources[number - 1][region], self.device)

    def display_by_label(self, labels: Tensor, region: Region) -> Tensor:
        """Return a region in display coding, each pixel of the plane that labels (Y, X) name."""
        return self.intensity.display(self.select(labels.cpu().numpy(), region), self.device)

    def select(self, labels: np.ndarray, region: Region) -> np.ndarray:
        """Return source pixels of a region, each of the plane that its label (Y, X) names."""
        return select_planes(labels, lambda number: self.sources[number - 1][region])

    def reverse(self) -> None:
        """Reverse the order of the planes, because the last given plane is the nearest."""
        self.sources = self.reversed.sources

    @property
    def reversed(self) -> FocalStack:
        """The planes in the reversed order."""
        return self.take(range(len(self), 0, -1))
