"""A picture of source pixels, with the plane of each, and where planes are blended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.imaging.number_types import number_type
from napari_focusstack.networks.teb import UNKNOWN_ERROR
from napari_focusstack.planes.shown import nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.planes.shown import ShownMask
    from napari_focusstack.runtime.region import Region


@dataclass(frozen=True, eq=False)
class Selection:
    """A picture of source pixels.

    Parameters
    ----------
    picture : ndarray
        Shape and dtype of a plane. Outside ``blended`` each pixel is that of its source.
    source : ndarray
        Shape (Y, X), uint8, or uint16 beyond 255 planes: the plane of each pixel, 1..P.
    blended : ndarray of bool
        Shape (Y, X): pixels in which planes are blended.
    log_error : ndarray
        Shape (Y, X), float16: natural log of the expected squared error of display values;
        :data:`~napari_focusstack.networks.teb.UNKNOWN_ERROR` where a person chose.
    """

    picture: np.ndarray
    source: np.ndarray
    blended: np.ndarray
    log_error: np.ndarray

    @classmethod
    def by_labels(cls, stack: FocalStack, labels: np.ndarray) -> Selection:
        """Return the picture in which each pixel comes from the plane that its label names.

        Where that is not chosen or does not show the pixel, the nearest takes its place.
        """
        source = stack.sources_of(labels, stack.full)
        unknown = np.full(labels.shape, UNKNOWN_ERROR, np.float16)
        blended = np.zeros(labels.shape, bool)
        return cls(stack.select(source, stack.full), source, blended, unknown)

    def renumbered(self, numbers: Sequence[int]) -> Selection:
        """Return the selection of some planes with the numbers that they have in the stack."""
        if numbers[-1] == len(numbers):
            return self
        by_place = np.array([0, *numbers], number_type(numbers[-1]))
        return replace(self, source=by_place[self.source])

    def seen(self, some: ShownMask | None) -> Selection:
        """Return the selection without pixels that no plane shows, if there are any."""
        if some is None:
            return self
        unseen = ~some.whole
        selection = self.copy()
        selection.picture[unseen] = nothing(self.picture.dtype)
        selection.source[unseen], selection.blended[unseen] = 0, False
        return selection

    def copy(self) -> Selection:
        """Return an equal selection that can be painted on."""
        return Selection(*(each.copy() for each in vars(self).values()))

    def paint(
        self,
        stack: FocalStack,
        estimated: Selection,
        labels: np.ndarray,
        painted: np.ndarray,
        where: Region,
    ) -> None:
        """Take painted pixels from the planes that their labels name, in place.

        Parameters
        ----------
        stack : FocalStack
            The planes.
        estimated : Selection
            What holds where nothing is painted.
        labels, painted : ndarray
            Labels, 1..P, and where they were painted (bool), (Y, X) of the region.
        where : tuple of slice
            Rows and columns.
        """
        labels = stack.sources_of(labels, where)
        self.picture[where] = estimated.picture[where]
        self.source[where] = np.where(painted, labels, estimated.source[where])
        self.blended[where] = estimated.blended[where] & ~painted
        self.log_error[where] = np.where(painted, UNKNOWN_ERROR, estimated.log_error[where])
        if painted.any():
            self.picture[where][painted] = stack.select(labels, where)[painted]
