"""Edits that were painted over proposed labels, kept when there is a new proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.runtime.region import bounding_box

if TYPE_CHECKING:
    from napari_focusstack.runtime.region import Region


class Fixes:
    """Edits that were painted over a proposal of labels, kept when there is a new proposal.

    Parameters
    ----------
    proposal : ndarray
        Estimated labels, (Y, X).

    Attributes
    ----------
    labels : ndarray
        The proposal with the edits.
    painted : ndarray of bool
        Which pixels are edits, (Y, X).
    decided : ndarray of bool
        Which pixels the brush went over, (Y, X): edits also where the label was proposed.

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
        self.decided = np.zeros(proposal.shape, bool)

    @classmethod
    def painted_by_hand(cls, labels: np.ndarray) -> Fixes:
        """Return edits for labels (Y, X) of unknown origin: all pixels count as painted."""
        fixes = cls(labels)
        fixes.painted[:] = True
        return fixes

    def follow(self, labels: np.ndarray, decided: np.ndarray | None = None) -> Region | None:
        """Record changes of the labels: painted, erased, or undone.

        Parameters
        ----------
        labels : ndarray
            The new labels, (Y, X).
        decided : ndarray of bool, optional
            Which pixels the brush has gone over by now, (Y, X); as before, if not given.

        Returns
        -------
        tuple of slice or None
            Rows and columns around all changes since the last call; None if there are none.
        """
        decided = self.decided if decided is None else decided
        changed = (labels != self.labels) | (decided != self.decided)
        where = bounding_box(changed)
        if where is not None:
            new = changed[where]
            self.labels[where], self.decided[where] = labels[where], decided[where]
            edited = (labels[where] != self.proposal[where]) | decided[where]
            self.painted[where][new] = edited[new]
        return where

    def reversed(self, planes: int) -> Fixes:
        """Return the edits for the planes in the reversed order: each names the same plane."""
        turned = Fixes(self.proposal)
        turned.painted, turned.decided = self.painted, self.decided
        behind = np.where(self.labels == 0, planes, self.labels)
        labels = planes + 1 - behind
        turned.labels = np.where(labels == 1, 1, 0) if planes == 2 else labels
        turned.labels = turned.labels.astype(self.labels.dtype)
        return turned

    def over(self, proposal: np.ndarray) -> np.ndarray:
        """Return a new proposal with the edits on top, and keep both."""
        self.proposal = proposal.copy()
        self.labels = np.where(self.painted, self.labels, proposal)
        return self.labels.copy()

    def drop(self) -> np.ndarray:
        """Forget the edits; return the proposal, a change that :meth:`follow` is to record."""
        self.painted[:] = False
        return self.proposal.copy()
