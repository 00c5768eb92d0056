"""What was painted over proposed labels, so that a new proposal leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.runtime.region import bounding_box

if TYPE_CHECKING:
    from napari_focusstack.runtime.region import Region


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
        where = bounding_box(changed)
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
