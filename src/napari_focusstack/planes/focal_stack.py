"""The planes of a focal stack: checked, nearest first, read region by region."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_focusstack.filters.select import select_planes
from napari_focusstack.imaging.intensity import Intensity
from napari_focusstack.planes.checks import check_planes, is_blank
from napari_focusstack.planes.filling import fill
from napari_focusstack.planes.shown import Shown
from napari_focusstack.runtime.plane_choice import chosen_planes
from napari_focusstack.runtime.region import full

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from napari_focusstack.imaging.intensity import IntensityChoice
    from napari_focusstack.planes.lazy_plane import LazyPlane
    from napari_focusstack.runtime.region import Region

    Planes = np.ndarray | Sequence[np.ndarray] | Sequence[LazyPlane]


def place_of_nearest(numbers: Sequence[int] | np.ndarray, count: int) -> np.ndarray:
    """Return for each number 0 to count the place, from 1, of the nearest of some rising numbers.

    Examples
    --------
    >>> place_of_nearest([1, 4], 5).tolist()
    [1, 1, 1, 2, 2, 2]
    """
    every = np.arange(count + 1)[:, None]
    places: np.ndarray = np.abs(every - np.asarray(numbers)).argmin(1) + 1
    return places


class PlaneSampler(Protocol):
    """An object that returns the linear light of planes, region by region."""

    def plane(self, number: int, region: Region) -> Tensor:
        """Return linear light (C, Y, X), 0..1, of a plane; plane 1 is the nearest."""

    def by_label(self, labels: Tensor, region: Region) -> Tensor:
        """Return linear light (C, Y, X), 0..1: each pixel of the plane that labels (Y, X) name."""

    def shows(self, labels: Tensor | int, region: Region) -> Tensor | None:
        """Return whether the plane of each pixel shows it, bool (Y, X); None if all do.

        Labels (Y, X) name the planes, or one number.
        """


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
    chosen : str, optional
        Planes that are chosen; blank planes stand for the others.

    Attributes
    ----------
    sources : list of ndarray or LazyPlane
        The planes, nearest first. What they do not show is filled.
    shown : Shown
        Which pixels they show.
    blank, chosen : list of bool
        Which planes show nothing, or the same everywhere; and which are chosen.
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
        chosen: str | None = None,
    ) -> None:
        self.choice = intensity
        self.sources: list[Any] = check_planes(planes, chosen)
        numbers = chosen_planes(chosen, len(self.sources))
        self.chosen = [number in numbers for number in range(1, len(self.sources) + 1)]
        self.blank = [is_blank(plane) for plane in self.sources]
        self.shown = Shown.of(self.sources, self.blank)
        self._fill()
        self.intensity = self._coding()
        self.device = device
        self.budget_bytes = budget_bytes

    def put(
        self, numbers: Sequence[int], planes: Sequence[Any], shown: Shown | None = None
    ) -> None:
        """Replace some planes, counted from 1; the coding is determined anew.

        If what they show is given, the rest is filled; it is filled already, if not.
        """
        for number, plane in zip(numbers, planes, strict=True):
            self.sources[number - 1] = plane
        if shown is not None:
            self.shown = self.shown.put(numbers, shown)
            self._fill()
        self.intensity = self._coding()

    def _coding(self) -> Intensity:
        """Return the coding of the chosen planes."""
        chosen = [
            plane for plane, is_chosen in zip(self.sources, self.chosen, strict=True) if is_chosen
        ]
        return Intensity.of(chosen, self.choice)

    def sources_of(self, labels: np.ndarray, region: Region) -> np.ndarray:
        """Return the planes from which pixels are taken where labels name planes.

        A plane that is chosen stands for those that are not, and one that shows a pixel for those
        that do not: the nearest of each.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X) of the region: numbers of planes, 1..P.
        region : tuple of slice
            Rows and columns.
        """
        if all(self.chosen):
            return self.shown.nearest(labels, region)
        numbers = np.flatnonzero(self.chosen) + 1
        places = place_of_nearest(numbers, len(self))[labels]
        shown = self.shown.take(numbers.tolist()).nearest(places, region)
        return numbers[shown - 1].astype(labels.dtype)

    def _fill(self) -> None:
        """Fill what planes do not show."""
        if not self.shown.is_everything:
            self.sources = fill(self.sources, self.shown, self.blank)

    def take(self, numbers: Sequence[int]) -> FocalStack:
        """Return the stack of some of the planes, counted from 1, in the same coding."""
        taken = copy(self)
        taken.sources, taken.blank, taken.chosen = (
            [of_plane[number - 1] for number in numbers]
            for of_plane in (self.sources, self.blank, self.chosen)
        )
        taken.shown = self.shown.take(numbers)
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

    def shows(self, labels: Tensor | int, region: Region) -> Tensor | None:
        """Return whether the plane of each pixel shows it, bool (Y, X); None if all do.

        Labels (Y, X) name the planes, or one number.
        """
        import torch

        if self.shown.is_everything:
            return None
        named = labels if isinstance(labels, int) else labels.cpu().numpy()
        shown = self.shown.by_label(named, region)
        return None if shown is None else torch.from_numpy(shown).to(self.device)

    def shown_in(self, region: Region) -> Tensor | None:
        """Return what planes show of a region, see :meth:`Shown.in_region`; None if all of it."""
        import torch

        shown = self.shown.in_region(region)
        return None if shown is None else torch.from_numpy(shown).to(self.device)

    def reverse(self) -> None:
        """Reverse the order of the planes, because the last given plane is the nearest."""
        vars(self).update(vars(self.reversed))

    @property
    def reversed(self) -> FocalStack:
        """The planes in the reversed order."""
        return self.take(range(len(self), 0, -1))
