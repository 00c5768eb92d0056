"""Painting in the labels of a fused stack: fixes that stay, and an image that follows the brush."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.focus_map import FocusMap
from napari_focusstack.fusion import drain
from napari_focusstack.matting import REACH_PX
from napari_focusstack.region import bounds, grow, inside
from napari_focusstack.segmentation import EDIT_REACH_PX

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.lens import Psf
    from napari_focusstack.progress import Progress
    from napari_focusstack.region import Region
    from napari_focusstack.stack import Stack


class Fixes:
    """What was painted over a proposal of labels, so that a new proposal leaves it.

    Parameters
    ----------
    proposal : ndarray
        Labels (Y, X) as they were found.

    Examples
    --------
    >>> fixes = Fixes(np.ones((2, 3), np.uint8))
    >>> fixes.follow(np.array([[1, 1, 2], [1, 1, 1]], np.uint8))
    (slice(0, 1, None), slice(2, 3, None))
    >>> fixes.over(np.full((2, 3), 1, np.uint8))[0].tolist()
    [1, 1, 2]
    """

    def __init__(self, proposal: np.ndarray) -> None:
        self.proposal = proposal.copy()
        self.labels = proposal.copy()
        self.painted = np.zeros(proposal.shape, bool)

    @classmethod
    def painted_by_hand(cls, labels: np.ndarray) -> Fixes:
        """Return labels (Y, X) of which nothing is known but that somebody made them: all fixes."""
        fixes = cls(labels)
        fixes.painted[:] = True
        return fixes

    def follow(self, labels: np.ndarray) -> Region | None:
        """Take note of labels that somebody painted, erased, or undid.

        Parameters
        ----------
        labels : ndarray
            The labels now, (Y, X).

        Returns
        -------
        tuple of slice or None
            Rows and columns around all that changed since the last call.
        """
        changed = labels != self.labels
        where = bounds(changed)
        if where is not None:
            new = changed[where]
            self.labels[where] = labels[where]
            self.painted[where][new] = (labels[where] != self.proposal[where])[new]
        return where

    def over(self, proposal: np.ndarray) -> np.ndarray:
        """Return a new proposal with what was painted on top, and keep both."""
        self.proposal = proposal.copy()
        self.labels = np.where(self.painted, self.labels, proposal)
        return self.labels.copy()

    def drop(self) -> np.ndarray:
        """Forget what was painted; return the proposal, a change yet to be followed."""
        self.painted[:] = False
        return self.proposal.copy()


class Canvas:
    """A fused stack whose labels can be painted on.

    Parameters
    ----------
    stack : Stack
        The planes.
    focus : FocusMap
        What is in focus where as it was found, soft edges and all.
    psf : Psf or None
        The blurs; None where nothing is veiled.
    labels : ndarray
        Shape (Y, X), 1..P, 0 is the farthest plane. Where they say otherwise, they are right.

    Attributes
    ----------
    focus : FocusMap
        What is in focus where, as it is painted.
    image, initial : ndarray
        All-in-focus image and initial fusion, of the planes' shape and dtype; complete once
        :meth:`fuse` has run.
    region : ndarray of bool
        Transition region, (Y, X).
    """

    def __init__(self, stack: Stack, focus: FocusMap, psf: Psf | None, labels: np.ndarray) -> None:
        if labels.shape != stack.size:
            raise InputError(
                f"the labels have the shape {labels.shape}, the planes {stack.size}; give labels "
                "of the planes' size."
            )
        self.stack = stack
        self.found = focus
        self.psf = psf
        self.focus = focus.painted(labels)
        self.image, self.initial = (stack.sources[-1].copy() for _ in range(2))
        self.region = np.zeros(stack.size, bool)

    def fuse(self) -> Generator[Progress, None, None]:
        """Compute the whole image, block by block."""
        self.image, self.initial, self.region = yield from self.stack.eliminate(
            self.focus, self.psf
        )

    def paint(self, labels: np.ndarray, changed: Region) -> Region:
        """Fuse again what a change of labels bears on.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X), as they are now.
        changed : tuple of slice
            Rows and columns in which they changed.

        Returns
        -------
        tuple of slice
            Rows and columns of ``image`` that may have changed; the rest is as it was.

        Raises
        ------
        InputError
            If a label names no plane; nothing has changed then.
        """
        size = self.stack.size
        edited = grow(changed, EDIT_REACH_PX, size)
        seen = grow(edited, EDIT_REACH_PX, size)
        part = self.found.part(seen).painted(labels[seen]).part(inside(edited, seen))
        reach = self._reach_px(edited)
        self.focus.put(edited, part)
        where = grow(edited, max(reach, self._reach_px(edited)), size)
        self.image[where], self.initial[where], self.region[where] = drain(
            self.stack.eliminate(self.focus, self.psf, within=where)
        )
        return where

    def _reach_px(self, edited: Region) -> int:
        """Return how far a part of the image has a say in what lies behind it."""
        if self.psf is None:
            return 0
        size, nearest = self.stack.size, float(self.focus.part(edited).nearest.min())
        steps = self.focus.planes - nearest
        while True:
            reach = self.psf.reach_px(size, steps)
            farthest = float(self.focus.part(grow(edited, reach, size)).farthest.max())
            if farthest - nearest >= steps:
                return reach + REACH_PX if reach else 0
            steps = farthest - nearest
