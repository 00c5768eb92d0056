"""The planes in which surfaces and their blur are sought: those that show something, and differ.

The source of a pixel is chosen among all planes. Depth, edges, blur and elimination need planes
that differ by about a pixel of blur, see :mod:`napari_focusstack.planes.distinct`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.planes.checks import check_positions
from napari_focusstack.planes.distinct import distinct_planes
from napari_focusstack.psf_estimation.estimate import check_method

if TYPE_CHECKING:
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.segmentation.focus_map import FocusMap


@dataclass(frozen=True)
class SurfacePlanes:
    """Some planes of a stack, and how depths and blurs are expressed in their steps.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    numbers : list of int
        Their numbers in the whole stack, from 1.
    planes : int
        Number of planes of the whole stack.
    places : tuple of float, optional
        Where they lie along the axis, in their mean steps, the first at 1; not given where their
        steps are equal.
    """

    stack: FocalStack
    numbers: list[int]
    planes: int
    places: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        stack: FocalStack,
        shown: list[int],
        width: float,
        positions: np.ndarray | None = None,
    ) -> SurfacePlanes:
        """Choose among the planes of a stack that show something.

        Parameters
        ----------
        stack : FocalStack
            The whole stack.
        shown : list of int
            The numbers of the planes that are not blank.
        width : float
            After how many of these sharpness falls to its half.
        positions : ndarray, optional
            Distance of each plane of the whole stack behind the nearest.
        """
        chosen = distinct_planes(len(shown), width)
        numbers = [shown[number - 1] for number in chosen]
        places = None
        if positions is None and len(set(np.diff(shown))) > 1:  # some between are left out
            positions = check_positions(numbers, len(numbers))
        elif positions is not None:
            positions = positions[np.array(numbers) - 1]
        if positions is not None:
            step = (positions[-1] - positions[0]) / (len(numbers) - 1)
            places = tuple((1 + (positions - positions[0]) / step).tolist())
        return cls(stack.take(numbers), numbers, len(stack), places)

    @property
    def reversed(self) -> SurfacePlanes:
        """The same planes in the reversed order."""
        numbers = [self.planes + 1 - number for number in reversed(self.numbers)]
        places = None
        if self.places is not None:
            places = tuple(self.places[-1] + 1 - place for place in reversed(self.places))
        return replace(self, stack=self.stack.reversed, numbers=numbers, places=places)

    @property
    def are_all(self) -> bool:
        """Whether they are all planes of the stack."""
        return len(self.numbers) == self.planes

    @property
    def step(self) -> float:
        """Plane steps of the whole stack between two of them, on average."""
        return (self.numbers[-1] - self.numbers[0]) / (len(self.numbers) - 1)

    def narrow(self, focus: FocusMap) -> FocusMap:
        """Return a focus map of the whole stack as one of these planes."""
        narrow = focus if self.are_all else focus.restricted(self.numbers)
        return narrow if self.places is None else replace(narrow, places=self.places)

    @property
    def unevenness(self) -> float:
        """Longest step between neighbours, in mean steps."""
        return 1.0 if self.places is None else float(np.diff(self.places).max())

    def widen(self, focus: FocusMap) -> FocusMap:
        """Return a focus map of these planes as one of the whole stack."""
        return focus if self.are_all else focus.renumbered(self.numbers, self.planes)

    def narrow_psf(self, psf: Psf) -> Psf:
        """Return the blur of one of their steps, from that of a step of the whole stack."""
        return psf.per_step(self.step)

    def widen_psf(self, psf: Psf) -> Psf:
        """Return the blur of a step of the whole stack, from that of one of their steps."""
        return psf.per_step(1 / self.step)

    def narrow_parameters(self, parameters: FuseParameters) -> FuseParameters:
        """Return parameters in which a blur that is given is that of one of their steps."""
        method = check_method(parameters.psf)
        if isinstance(method, str) or self.are_all:
            return parameters
        return replace(parameters, psf=method * self.step)
