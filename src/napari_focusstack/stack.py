"""A focal stack at work: which plane is in focus where, the blur, and what lies behind the veil."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_focusstack import depth, elimination
from napari_focusstack.alignment import align
from napari_focusstack.choosing import plane_of_each
from napari_focusstack.diagnostics.diagnose import diagnose
from napari_focusstack.focus_map import FocusMap
from napari_focusstack.intensity import Intensity
from napari_focusstack.matting import measured
from napari_focusstack.memory import memory_budget
from napari_focusstack.networks import weights
from napari_focusstack.networks.inference import resolve_device
from napari_focusstack.occlusion import draw_edges
from napari_focusstack.order import is_reversed
from napari_focusstack.planes import check_planes
from napari_focusstack.progress import Progress
from napari_focusstack.psf import BY_KEB, BY_REBLUR, check_method, estimate
from napari_focusstack.region import inside, whole
from napari_focusstack.segmentation import matte
from napari_focusstack.step_blur import find_step_blur
from napari_focusstack.windows import NoEdge, Windows, along_steps

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from torch import Tensor

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.diffusion import EliminationMethod
    from napari_focusstack.io.plane_store import StoredPlane
    from napari_focusstack.lens import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.region import Region
    from napari_focusstack.registration import Registration

    Planes = np.ndarray | Sequence[np.ndarray] | Sequence[StoredPlane]


class Stack:
    """Checked planes, nearest first, read as light piece by piece.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        See :func:`napari_focusstack.planes.check_planes`.
    parameters : FuseParameters
        Order, intensity, device, weights.
    budget_bytes : int, optional
        Most memory that tiles may take; half of what is free if not given.
    """

    def __init__(
        self, planes: Planes, parameters: FuseParameters, budget_bytes: int | None = None
    ) -> None:
        self.parameters = parameters
        self.budget_bytes = memory_budget() if budget_bytes is None else budget_bytes
        self.device = resolve_device(parameters.device)
        sources = check_planes(planes)
        self.intensity = Intensity.of(sources, parameters.intensity)
        self.sources = sources
        self.weights: dict[str, str] = {}
        #: How the planes were moved; None where nobody looked whether they should be.
        self.registration: Registration | None = None
        #: Which end of the planes as given is nearest to the lens; once aligned, if to be found.
        self.near: Literal["first", "last"] = "first"
        #: Why every pixel shall be a source pixel; empty where light is computed.
        self.plain = ""
        if parameters.near == "last":
            self._turn_round()

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.sources)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.sources[0].shape[:2]
        return height, width

    @property
    def whole(self) -> Region:
        """All rows and columns."""
        return whole(self.size)

    def light(self, plane: int | Tensor, where: Region) -> Tensor:
        """Return linear light (C, Y, X) of a part of a plane, counted from 1, the nearest.

        Labels (Y, X) name a plane for each of its pixels.
        """
        if isinstance(plane, int):
            pixels = self.sources[plane - 1][where]
        else:
            pixels = self.selected(plane.cpu().numpy(), where)
        return self.intensity.to_light(pixels, self.device)

    def shown(self, plane: int, where: Region) -> Tensor:
        """Return a part of a plane as networks see it, (3, Y, X)."""
        return self.intensity.shown(self.sources[plane - 1][where], self.device)

    def selected(self, labels: np.ndarray, where: Region) -> np.ndarray:
        """Return a part of the image, each pixel that of the plane which its label names.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X) of the part, 1..P.
        where : tuple of slice
            Its rows and columns.
        """
        return plane_of_each(labels, lambda number: self.sources[number - 1][where])

    def _turn_round(self) -> None:
        self.near, self.sources = "last", self.sources[::-1]

    def align(self, known: Registration | None = None) -> Generator[Progress, None, None]:
        """Bring the planes to lie on each other, see :func:`napari_focusstack.alignment.align`.

        Where the nearest plane is to be found, it is found before and brought to the front.
        """
        if self.parameters.near == "auto" and (yield from is_reversed(self)):
            self._turn_round()
        self.sources, self.registration = yield from align(self.sources, self.parameters, known)

    def find_focus(self) -> Generator[Progress, None, tuple[FocusMap, str | None]]:
        """Find what is in focus where: FSB and DEB for two planes, DEB and MEB for more.

        Returns
        -------
        focus : FocusMap
        crf_backend : str or None
            Which CRF ran.
        """
        deb, self.weights["deb"] = weights.load("deb", self.device, self.parameters.deb_weights)
        if len(self) > 2:
            found, confidence = yield from depth.find(self, deb, self.parameters.tile_px)
            meb, self.weights["meb"] = weights.load("meb", self.device, self.parameters.meb_weights)
            return (yield from draw_edges(self, found, confidence, meb)), None
        fsb, self.weights["fsb"] = weights.load("fsb", self.device, self.parameters.fsb_weights)
        alpha, backend = yield from matte(self, fsb, deb)
        return FocusMap.of_pair(alpha), backend

    def read_labels(self, labels: np.ndarray) -> FocusMap:
        """Take what is in focus where from labels, see :meth:`FocusMap.of_labels`."""
        return FocusMap.of_labels(labels, len(self), self.size).to(self.device)

    def find_psf(self, focus: FocusMap) -> Generator[Progress, None, Psf | None]:
        """Estimate the blur with the method that the parameters name.

        Returns
        -------
        Psf or None
            None where every pixel is to be a source pixel; `plain` then says why.
        """
        self.plain = ""
        if self.parameters.elimination == "none":
            self.plain = "elimination is none"
        elif not focus.has_steps():
            self.plain = "nothing stands before anything else"
        else:
            yield Progress("estimate PSF", 0, 1)
            psf = None
            try:
                psf = self.psf(focus)
            except NoEdge as reason:
                self.plain = str(reason)
            if psf is not None and len(self) > 2 and not psf.explains and self._is_sought:
                psf = None
                self.plain = (
                    "nothing veils what lies behind it (transmitted light, or planes that do not "
                    "belong together); give psf as a number to remove a veil all the same"
                )
            yield Progress("estimate PSF", 1, 1)
            return psf
        return None

    @property
    def _is_sought(self) -> bool:
        """Whether the blur is to be found rather than given."""
        return isinstance(check_method(self.parameters.psf), str)

    def psf(self, focus: FocusMap) -> Psf:
        """Estimate the blur per plane step.

        In a stack surfaces tell it where they are large enough to, and else the edges that stand
        before something; of a pair edges do.

        Raises
        ------
        NoEdge
            If nothing stands clearly before anything else.
        """
        method, shape = check_method(self.parameters.psf), self.parameters.psf_shape
        step = None
        if len(self) > 2:
            windows = along_steps(self.light, focus)
            if method in BY_REBLUR:
                step = find_step_blur(self.light, focus, shape)
        else:
            near, far = (self.light(plane, self.whole) for plane in (1, 2))
            windows = Windows.along_boundary(near, far, focus.alpha)
        windows = replace(windows, alpha=measured(windows.near, windows.alpha))
        keb = None
        if step is None and method in BY_KEB:
            keb, self.weights["keb"] = weights.load("keb", self.device, self.parameters.keb_weights)
        return estimate(
            windows, psf=method, shape=shape, keb=keb, shown=self.intensity.to_display, step=step
        )

    def look_through(self, labels: np.ndarray) -> Generator[Progress, None, Diagnosis | None]:
        """Look for planes that are doubled, misplaced, missing or foreign; a pair has none.

        Parameters
        ----------
        labels : ndarray
            Shape (Y, X): the plane in focus, 1..P.
        """
        if len(self) == 2:
            return None
        yield Progress("look through the planes", 0, 1)
        found = diagnose(self.sources, labels)
        yield Progress("look through the planes", 1, 1)
        return found

    def is_veiled(self, focus: FocusMap) -> bool:
        """Tell whether there is anything to eliminate, and so a blur to be known."""
        return self.parameters.elimination != "none" and focus.has_steps()

    def eliminate(
        self,
        focus: FocusMap,
        psf: Psf | None,
        method: EliminationMethod | None = None,
        within: Region | None = None,
    ) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Remove the veil, by the method of the parameters if none is given.

        Returns
        -------
        image, initial : ndarray
            All-in-focus image and initial fusion; equal where there is no PSF.
        region : ndarray of bool
            The transition region, (Y, X). All three are of the rows and columns ``within``, or of
            the whole image.
        """
        within = within or self.whole
        labels = focus.part(within).labels
        initial = self.selected(labels, within)
        image, region = initial.copy(), np.zeros(labels.shape, bool)
        if psf is None:
            return image, initial, region
        method = method or self.parameters.elimination
        for where, part, light in elimination.eliminate(self.light, focus, psf, method, within):
            chosen = part.cpu().numpy()
            values = self.intensity.from_light(light)
            here = inside(where, within)
            image[here][chosen] = values[:, 0] if image.ndim == 2 else values
            region[here] |= chosen
            yield Progress("fuse", where[0].stop, within[0].stop)
        return image, initial, region
