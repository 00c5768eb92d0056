"""Painting in the labels of a fused pair: fixes that stay, and an image that follows the brush."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.diffusion import grow, inside
from napari_focusstack.errors import InputError
from napari_focusstack.fusion import drain
from napari_focusstack.segmentation import (
    EDIT_REACH_PX,
    NEAR_LABEL,
    override,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.diffusion import Region
    from napari_focusstack.lens import Psf
    from napari_focusstack.pair import Pair
    from napari_focusstack.progress import Progress


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
        """Forget what was painted; return the proposal."""
        self.painted[:] = False
        self.labels = self.proposal.copy()
        return self.labels.copy()


def bounds(mask: np.ndarray) -> Region | None:
    """Return the rows and columns around all true pixels of (Y, X), None where there are none."""
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


class Canvas:
    """A fused pair whose labels can be painted on.

    Parameters
    ----------
    pair : Pair
        The planes.
    alpha : Tensor
        Shape (1, Y, X), 0..1: the foreground as it was found, soft edges and all.
    psf : Psf or None
        The blurs; None where the mask has no boundary.
    labels : ndarray
        Shape (Y, X): 1 is near, all else far. Where they say otherwise than alpha, they are right.

    Attributes
    ----------
    image, initial : ndarray
        All-in-focus image and initial fusion, of the planes' shape and dtype; complete once
        :meth:`fuse` has run.
    region : ndarray of bool
        Transition region, (Y, X).
    """

    def __init__(self, pair: Pair, alpha: Tensor, psf: Psf | None, labels: np.ndarray) -> None:
        if labels.shape != pair.size:
            raise InputError(
                f"the labels have the shape {labels.shape}, the planes {pair.size}; give labels "
                "of the planes' size."
            )
        self.pair = pair
        self.found = alpha
        self.psf = psf
        self.alpha = override(alpha, self._mask(labels))
        self.image, self.initial = (pair.sources[1].copy() for _ in range(2))
        self.region = np.zeros(pair.size, bool)

    def fuse(self) -> Generator[Progress, None, None]:
        """Compute the whole image, block by block."""
        self.image, self.initial, self.region = yield from self.pair.eliminate(self.alpha, self.psf)

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
        """
        edited = grow(changed, EDIT_REACH_PX, self.pair.size)
        seen = grow(edited, EDIT_REACH_PX, self.pair.size)
        part = override(self.found[:, *seen], self._mask(labels[seen]))
        self.alpha[:, *edited] = part[:, *inside(edited, seen)]
        reach = 0 if self.psf is None else self.psf.reach_px(self.pair.size)
        where = grow(edited, reach, self.pair.size)
        self.image[where], self.initial[where], self.region[where] = drain(
            self.pair.eliminate(self.alpha, self.psf, within=where)
        )
        return where

    def _mask(self, labels: np.ndarray) -> Tensor:
        return torch.from_numpy(labels == NEAR_LABEL)[None].to(self.pair.device)
