"""A fused stack whose labels can be painted on: the image follows the brush."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.elimination.alpha_matting import REACH_PX
from napari_focusstack.errors import InputError
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.region import pad, to_local
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.segmentation.labels import EDIT_REACH_PX

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.fusion.pipeline import Pipeline
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.runtime.progress import Progress
    from napari_focusstack.runtime.region import Region


class Canvas:
    """A fused stack whose labels can be painted on.

    Parameters
    ----------
    pipeline : Pipeline
        The planes and the steps.
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

    def __init__(
        self, pipeline: Pipeline, focus: FocusMap, psf: Psf | None, labels: np.ndarray
    ) -> None:
        stack = pipeline.stack
        if labels.shape != stack.size:
            raise InputError(
                f"the labels have the shape {labels.shape}, the planes {stack.size}; give labels "
                "of the planes' size."
            )
        self.pipeline = pipeline
        self.stack = stack
        self.estimated = focus
        self.psf = psf
        self.focus = focus.with_labels(labels)
        self.image, self.initial = (stack.sources[-1].copy() for _ in range(2))
        self.region = np.zeros(stack.size, bool)

    def fuse(self) -> Generator[Progress, None, None]:
        """Compute the whole image, block by block."""
        self.image, self.initial, self.region = yield from self.pipeline.eliminate(
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
        edited = pad(changed, EDIT_REACH_PX, size)
        seen = pad(edited, EDIT_REACH_PX, size)
        part = self.estimated.crop(seen).with_labels(labels[seen]).crop(to_local(edited, seen))
        reach = self._reach_px(edited)
        self.focus.paste(edited, part)
        where = pad(edited, max(reach, self._reach_px(edited)), size)
        self.image[where], self.initial[where], self.region[where] = run(
            self.pipeline.eliminate(self.focus, self.psf, within=where)
        )
        return where

    def _reach_px(self, edited: Region) -> int:
        """Return how far a part of the image has a say in what lies behind it."""
        if self.psf is None:
            return 0
        size, nearest = self.stack.size, float(self.focus.crop(edited).nearest.min())
        steps = self.focus.planes - nearest
        while True:
            reach = self.psf.reach_px(size, steps)
            farthest = float(self.focus.crop(pad(edited, reach, size)).farthest.max())
            if farthest - nearest >= steps:
                return reach + REACH_PX if reach else 0
            steps = farthest - nearest
