"""A fused stack whose labels can be painted on: the image follows the brush."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.elimination.alpha_matting import REACH_PX
from napari_focusstack.elimination.arbitration import TransitionRegion
from napari_focusstack.errors import InputError
from napari_focusstack.networks.teb import TEB
from napari_focusstack.runtime.progress import run
from napari_focusstack.runtime.region import pad, to_local
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.segmentation.labels import EDIT_REACH_PX
from napari_focusstack.source.selection import Selection

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
        Depth and alpha as they were estimated, with soft edges.
    psf : Psf or None
        The PSF; None if nothing is eliminated.
    labels : ndarray
        Shape (Y, X), 1..P, 0 is the farthest plane. Where they differ from the focus map, the
        labels are used.
    selection : Selection, optional
        The picture of source pixels; that of the focus map's labels, if not given.
    decided : ndarray of bool, optional
        Shape (Y, X): pixels that were painted, also where their labels are those of the focus map.
        The labels are used there, too.

    Attributes
    ----------
    focus : FocusMap
        The focus map with the labels.
    selection : Selection
        The picture of source pixels with the labels.
    decided : ndarray of bool
        Pixels whose labels are used also where they are those of the focus map, (Y, X).
    has_estimated_sources : bool
        Whether sources were estimated, not named by the labels.
    image : ndarray
        All-in-focus image, of the planes' shape and dtype, complete once :meth:`fuse` has run.
    region : ndarray of bool
        Transition region, (Y, X).

    Raises
    ------
    InputError
        If the labels have another shape than the planes.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        focus: FocusMap,
        psf: Psf | None,
        labels: np.ndarray,
        selection: Selection | None = None,
        decided: np.ndarray | None = None,
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
        self.focus = focus.with_labels(labels, decided)
        self.decided = np.zeros(stack.size, bool) if decided is None else decided.copy()
        self.has_estimated_sources = selection is not None
        self.selected = selection or Selection.by_labels(stack, focus.labels)
        self.selection = self.selected.copy()
        self._select(labels, stack.full)
        self.image = self.initial.copy()
        self.region = np.zeros(stack.size, bool)
        #: The light behind the halo, of which a stroke changes a part.
        self._transition = TransitionRegion(self.selection, self.focus, stack.intensity)

    @cached_property
    def _narrow(self) -> FocusMap:
        """The map of the planes that stand for the surfaces; strokes are painted into both."""
        return self.pipeline.surfaces.narrow(self.focus)

    @property
    def initial(self) -> np.ndarray:
        """The initial fusion, of the planes' shape and dtype."""
        return self.selection.picture

    def _select(self, labels: np.ndarray, where: Region) -> None:
        """Take the pixels of a region that were painted from the planes that labels name."""
        farthest = self.focus.planes
        # in a pair every value but 1 is the far plane; in a stack larger ones were refused before
        planes = np.where((labels == 0) | (labels > farthest), farthest, labels)
        painted = (planes != self.estimated.crop(where).labels) | self.decided[where]
        self.selection.paint(self.stack, self.selected, planes, painted, where)

    def fuse(self) -> Generator[Progress, None, None]:
        """Compute the whole image, block by block."""
        yield from self._unmix(self.stack.full)
        self._mix(self.stack.full)

    def _unmix(self, where: Region) -> Generator[Progress, None, None]:
        """Compute the light behind the halo in a region."""
        if self.psf is not None:
            method = self.pipeline.parameters.elimination
            yield from self.pipeline.unmix(self._transition, self._narrow, self.psf, method, where)

    def _mix(self, where: Region) -> None:
        """Mix it into the source pixels of a region."""
        method = self.pipeline.parameters.elimination
        mixed = self.pipeline.mix(self._transition, self.psf, method, where)
        self.image[where], self.region[where] = mixed

    def paint(
        self, labels: np.ndarray, changed: Region, decided: np.ndarray | None = None
    ) -> Region:
        """Fuse again the part of the image that a change of labels can affect.

        Parameters
        ----------
        labels : ndarray
            The new labels, (Y, X).
        changed : tuple of slice
            Rows and columns in which they changed.
        decided : ndarray of bool, optional
            All that was painted by now, see :class:`Canvas`; as before, if not given.

        Returns
        -------
        tuple of slice
            Rows and columns of ``image`` that may have changed.

        Raises
        ------
        InputError
            If a label names no plane. Nothing has changed then.
        """
        size = self.stack.size
        edited = pad(changed, EDIT_REACH_PX, size)
        outer = pad(edited, EDIT_REACH_PX, size)
        hard = (self.decided if decided is None else decided)[outer]
        part = self.estimated.crop(outer).with_labels(labels[outer], hard)
        part = part.crop(to_local(edited, outer))
        reach = self._reach_px(edited)
        self.focus.paste(edited, part)
        self._narrow.paste(edited, self.pipeline.surfaces.narrow(part))
        unmixed = pad(edited, max(reach, self._reach_px(edited)), size)
        if decided is not None:
            self.decided[edited] = decided[edited]
        self._select(labels[edited], edited)
        run(self._unmix(unmixed))
        where = unmixed if self.psf is None else pad(unmixed, TEB.reach, size)
        self._mix(where)
        return where

    def _reach_px(self, edited: Region) -> int:
        """Return how far an edited part can change the light behind the halo around it, px."""
        if self.psf is None:
            return 0
        size, nearest = self.stack.size, float(self.focus.crop(edited).nearest.min())
        steps = self.focus.planes - nearest
        unevenness = self.pipeline.surfaces.unevenness
        while True:
            reach = self.psf.reach_px(size, unevenness * steps)
            farthest = float(self.focus.crop(pad(edited, reach, size)).farthest.max())
            if farthest - nearest >= steps:
                return reach + REACH_PX if reach else 0
            steps = farthest - nearest
