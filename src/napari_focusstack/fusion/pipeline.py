"""The steps of a fusion, in order, and what they leave for the record.

    mend -> align -> segment -> select -> estimate_psf -> eliminate

A pair and a stack of more planes differ in how they are segmented, in what the blur is estimated
from, and in what is checked. :mod:`~napari_focusstack.fusion.strategies` holds both ways; the
pipeline chooses one when it is made.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.elimination.arbitration import TransitionRegion
from napari_focusstack.elimination.blockwise import eliminate
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.prepared_planes import PreparedPlanes
from napari_focusstack.fusion.shown_findings import shown_findings
from napari_focusstack.fusion.strategies import strategy_for
from napari_focusstack.networks import weights
from napari_focusstack.planes.distinct import SOURCE_HALVES, distinct_planes
from napari_focusstack.planes.shown import nothing
from napari_focusstack.psf_estimation.boundary_patches import NoOcclusionBoundary
from napari_focusstack.psf_estimation.estimate import check_method
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.source.select_sources import select_sources
from napari_focusstack.source.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.elimination.diffusion import EliminationMethod
    from napari_focusstack.fusion.strategies import Strategy
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import Planes
    from napari_focusstack.runtime.region import Region

logger = logging.getLogger(__name__)
#: The reversed order is tried where the order as given leaves this share of the residual without
#: occlusion. The planes seem to be reversed where the reversed order leaves less than the second
#: share. Measured: of 31 stacks and pairs in the right order none seems so; most do when reversed.
UNEXPLAINED, EXPLAINED = 0.9, 0.5
#: Greatest plausible blur, as a share of the shorter side: it spreads light over two fifths of it.
#: Convention; in 16 real pairs it is 0.025 at most, or 0.15 where it is wrong.
MAX_SIGMA_SHARE = 0.1
#: Why nothing is eliminated where a blur was found that explains little.
DOUBTFUL = (
    "no blur explains the planes (no surface hides what lies behind it, transmitted light, or "
    "planes that do not belong together); give the blur (sigma) to remove halos all the same"
)


class Pipeline(PreparedPlanes):
    """The steps of one fusion, of planes that are prepared by the first of them.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        See :func:`napari_focusstack.planes.checks.check_planes`.
    parameters : FuseParameters
        Settings of all steps. ``near="auto"`` leaves the order as given;
        :mod:`napari_focusstack.fusion.near_end` turns it.
    budget_bytes : int, optional
        Most memory that tiles may take; half of the free memory if not given.
    positions : sequence of float, optional
        Where each plane lies along the axis, in the order of the planes; steps are equal if not
        given, but that to a copy that is left out.

    Attributes
    ----------
    plain : str
        Why nothing is eliminated; empty where light is computed.
    reversed_ratio : float
        Residual ratio of the reversed order; 1 where the order as given explains the planes.
    is_turned : bool
        Whether the order as given did not explain the planes, and was reversed for that.
    has_labels, labels_are_reversed : bool
        Whether labels were given, and whether they are those of the reversed order.
    weights : dict of str to str
        SHA-256 of the weights of each network that ran.

    Raises
    ------
    InputError
        If planes or parameters cannot be used.
    """

    def __init__(
        self,
        planes: Planes,
        parameters: FuseParameters,
        budget_bytes: int | None = None,
        positions: Sequence[float] | None = None,
    ) -> None:
        super().__init__(planes, parameters, budget_bytes, positions)
        self.plain = ""
        self.reversed_ratio = 1.0
        self.is_turned = self.has_labels = self.labels_are_reversed = False
        #: The last focus map whose blur was measured, that blur, and why there is none.
        self._psf_of: tuple[FocusMap, tuple[Psf | None, str]] | None = None
        self.weights: dict[str, str] = {}
        self._networks: dict[tuple[str, weights.Variant], Any] = {}

    @property
    def strategy(self) -> Strategy:
        """What depends on the number of planes."""
        return strategy_for(len(self.shown))

    def segment(self) -> Generator[Progress, None, tuple[FocusMap, str | None]]:
        """Estimate depth and alpha: FSB and DEB for a pair, DEB and MEB for more planes.

        Returns
        -------
        focus : FocusMap
        crf_backend : str or None
            Which CRF ran.
        """
        surfaces = self.surfaces
        focus, backend = yield from self.strategy.segment(
            self.unequalised or surfaces.stack, self.parameters, self._network
        )
        return surfaces.widen(focus), backend

    def select(self) -> Generator[Progress, None, Selection]:
        """Choose the plane that shows each pixel best, by SEB, and make the picture of them.

        Of planes that hardly differ some are enough, unless noise is to be averaged.
        """
        parameters, network = self.parameters, self._network("seb")
        stack, numbers = self.shown_stack, self.shown
        if parameters.blend != "noise":
            enough = distinct_planes(len(stack), self.width, SOURCE_HALVES)
            some = stack.take(enough)
            if some.shown.by_any is None:  # they show every pixel
                stack, numbers = some, [numbers[number - 1] for number in enough]
        selection = yield from select_sources(
            stack, network, self.noise, parameters.blend, parameters.tile_px
        )
        selection = selection.renumbered(numbers)
        logger.debug("%.3f%% of pixels blended", 100 * selection.blended.mean())
        return selection

    def read_labels(self, labels: np.ndarray | FocusMap) -> FocusMap:
        """Return the focus map of labels, or a focus map that is given, on the stack's device.

        Raises
        ------
        InputError
            If it is of another size or number of planes; see also :meth:`FocusMap.of_labels`.
        """
        self.has_labels = True
        planes, size = len(self.stack), self.stack.size
        if isinstance(labels, FocusMap):
            if (labels.planes, labels.size) != (planes, size):
                raise InputError(
                    f"the focus map is of {labels.planes} planes of {_by(labels.size)} px, the "
                    f"stack has {planes} of {_by(size)} px; give one of the same stack."
                )
            focus = labels
        else:
            focus = FocusMap.of_labels(labels, planes, size)
        return focus.to(self.stack.device)

    def find_psf(self, focus: FocusMap) -> Generator[Progress, None, Psf | None]:
        """Estimate the blur, and decide whether anything is to be eliminated.

        Returns
        -------
        Psf or None
            None where every pixel is to be a source pixel; :attr:`plain` then says why.
        """
        if self.parameters.elimination == "none":
            self.plain = "elimination is none"
            return None
        psf, self.plain = yield from self.measure_blur(focus)
        return psf

    def measure_blur(self, focus: FocusMap) -> Generator[Progress, None, tuple[Psf | None, str]]:
        """Estimate the blur whether or not it is to be eliminated, once for each focus map.

        Returns
        -------
        psf : Psf or None
            None where no blur explains the planes.
        reason : str
            Why there is none; empty otherwise.
        """
        if self._psf_of is None or self._psf_of[0] != focus:
            self._psf_of = focus, (yield from self._measure_blur(focus))
            logger.debug("blur: %s %s", *self._psf_of[1])
        return self._psf_of[1]

    def _measure_blur(self, focus: FocusMap) -> Generator[Progress, None, tuple[Psf | None, str]]:
        self.reversed_ratio = 1.0
        if not self.surfaces.narrow(focus).has_occlusions():
            return None, "nothing lies in front of anything else"
        yield Progress("estimate PSF", 0, 1)
        try:
            psf = self.estimate_psf(focus)
        except NoOcclusionBoundary as reason:
            return None, str(reason)
        if self._is_estimated or not self.has_labels:
            self.reversed_ratio = self._ratio_reversed(focus, psf)
        yield Progress("estimate PSF", 1, 1)
        if self._is_estimated and not self._accepts(psf):
            return None, DOUBTFUL
        return psf, ""

    def _ratio_reversed(self, focus: FocusMap, psf: Psf) -> float:
        """Return the residual ratio of the reversed order, 1 where that need not be tried."""
        if psf.residual_ratio < UNEXPLAINED:
            return 1.0
        surfaces = self.surfaces
        parameters = surfaces.narrow_parameters(self.parameters)
        reversed_focus = self.strategy.reversed_focus(
            surfaces.stack, surfaces.narrow(focus), parameters, self._network
        )
        return self._ratio_of_reversed(reversed_focus)

    def ratio_when_reversed(self) -> Generator[Progress, None, float]:
        """Return the residual ratio of the registered planes in the reversed order, segmented anew.

        It is 1 where no blur explains them.
        """
        surfaces = self.surfaces.reversed
        parameters = surfaces.narrow_parameters(self.parameters)
        segmented = surfaces.stack if self.unequalised is None else self.unequalised.reversed
        focus, _ = yield from self.strategy.segment(segmented, parameters, self._network)
        focus = surfaces.narrow(surfaces.widen(focus))
        return self._ratio_of_reversed(focus) if focus.has_occlusions() else 1.0

    def _ratio_of_reversed(self, focus: FocusMap) -> float:
        """Return the residual ratio of a focus map in the reversed order, 1 without a blur."""
        surfaces = self.surfaces.reversed
        parameters = surfaces.narrow_parameters(self.parameters)
        try:
            psf = self.strategy.estimate_psf(surfaces.stack, focus, parameters, self._network)
        except NoOcclusionBoundary:
            return 1.0
        return psf.residual_ratio if self._accepts(psf) else 1.0

    def _accepts(self, psf: Psf) -> bool:
        """Return whether an estimated blur is plausible in such planes and explains them."""
        is_plausible = psf.sigma_px <= MAX_SIGMA_SHARE * min(self.stack.size)
        return is_plausible and self.strategy.accepts(psf)

    @property
    def seems_reversed(self) -> bool:
        """Whether the other end seems to be the nearest."""
        return self.reversed_ratio < EXPLAINED

    @property
    def warnings(self) -> list[str]:
        """What is odd about the planes, in sentences."""
        return [*self._order_warnings, *self.not_shown]

    @property
    def not_shown(self) -> list[str]:
        """Which planes do not show some pixels, in sentences."""
        return shown_findings(self.given_shown, self.stack.blank, self.visible)

    @property
    def _order_warnings(self) -> list[str]:
        """What is odd about the order of the planes, in a sentence."""
        other = "last" if self.near == "first" else "first"
        if self.is_turned:
            return [
                "The last plane was taken for the nearest: so a blur explains the halos, in the "
                "order as given none does; near='first' keeps that order."
            ]
        if self.labels_are_reversed:
            return [f"The labels fit the planes in the reverse order; give near={other!r}."]
        if self.seems_reversed:
            return [
                f"The planes seem to be in the reverse order: with near={other!r} a blur "
                "explains the halos, as given none does."
            ]
        return []

    @property
    def _is_estimated(self) -> bool:
        """Whether the blur is estimated rather than given."""
        return isinstance(check_method(self.parameters.psf), str)

    def estimate_psf(self, focus: FocusMap) -> Psf:
        """Estimate the blur per plane step.

        Raises
        ------
        NoOcclusionBoundary
            If no surface lies clearly in front of another.
        """
        surfaces = self.surfaces
        parameters = surfaces.narrow_parameters(self.parameters)
        narrow = surfaces.narrow(focus)
        psf = self.strategy.estimate_psf(surfaces.stack, narrow, parameters, self._network)
        return surfaces.widen_psf(psf)

    def diagnose(self, source: np.ndarray) -> Generator[Progress, None, Diagnosis | None]:
        """Check for planes that are duplicated, misplaced, missing or unrelated.

        Parameters
        ----------
        source : ndarray
            Shape (Y, X): the plane that shows each pixel best, 1..P.
        """
        chosen = [number for number, is_chosen in enumerate(self.stack.chosen, 1) if is_chosen]
        place = np.zeros(len(self.stack) + 1, int)
        place[chosen] = range(1, len(chosen) + 1)
        stack = self.stack.take(chosen)
        diagnosis = yield from self.strategy.diagnose(stack, place[source])
        if diagnosis is None:
            return None
        diagnosis = diagnosis.renumbered(chosen, len(self.stack))
        return replace(diagnosis, blurred=tuple(self.blurred))

    def needs_psf(self, focus: FocusMap) -> bool:
        """Return whether there is light to eliminate, so that a PSF is needed."""
        return (
            self.parameters.elimination != "none" and self.surfaces.narrow(focus).has_occlusions()
        )

    def eliminate(
        self,
        focus: FocusMap,
        psf: Psf | None,
        selection: Selection | None = None,
        method: EliminationMethod | None = None,
    ) -> Generator[Progress, None, tuple[np.ndarray, np.ndarray]]:
        """Remove the halo from a picture of source pixels.

        Parameters
        ----------
        focus : FocusMap
            The surfaces.
        psf : Psf or None
            Their blur; None leaves the picture as it is.
        selection : Selection, optional
            The picture; that of the surfaces' labels, if not given.
        method : {"unmix", "subtract", "none"}, optional
            That of the parameters, if not given.

        Returns
        -------
        image : ndarray
            All-in-focus image.
        region : ndarray of bool
            The transition region, (Y, X): where light was computed.
        """
        method = method or self.parameters.elimination
        if selection is None:
            selection = Selection.by_labels(self.stack, focus.labels)
        region = TransitionRegion(selection, focus, self.stack.intensity)
        if psf is not None:
            narrow = self.surfaces.narrow(focus)
            yield from self.unmix(region, narrow, psf, method, self.stack.full)
        return self.mix(region, psf, method, self.stack.full)

    def unmix(
        self,
        region: TransitionRegion,
        narrow: FocusMap,
        psf: Psf,
        method: EliminationMethod,
        within: Region,
    ) -> Generator[Progress, None, None]:
        """Compute the light behind the halo in some rows and columns of a transition region.

        Parameters
        ----------
        region : TransitionRegion
            It takes up the light. What it held of these rows and columns is forgotten.
        narrow : FocusMap
            The surfaces, as planes of ``surfaces``.
        psf : Psf
            Their blur, in steps of the whole stack.
        method : {"unmix", "subtract", "none"}
            How it is computed.
        within : tuple of slice
            Rows and columns.
        """
        region.forget(within)
        stack, narrow_psf = self.surfaces.stack, self.surfaces.narrow_psf(psf)
        pieces = eliminate(stack, narrow, narrow_psf, method, within, stack.budget_bytes)
        for piece in region.add(pieces):
            yield Progress("fuse", piece.region[0].stop, within[0].stop)

    def mix(
        self,
        region: TransitionRegion,
        psf: Psf | None,
        method: EliminationMethod,
        within: Region,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mix the light of a transition region into the source pixels of some rows and columns.

        Parameters
        ----------
        region : TransitionRegion
            What :meth:`unmix` computed of these rows and columns, and as far around as TEB sees.
        psf, method, within
            As for :meth:`unmix`; without a PSF there is no light to mix in.

        Returns
        -------
        image, region : ndarray
            See :meth:`eliminate`, of these rows and columns.
        """
        weight = region.mask[within].float()
        if psf is not None and method == "unmix" and weight.any():
            weight = region.trusted(psf, self.noise, self._network("teb"), within)
        image, computed = region.over(weight, within)
        seen = self.visible.by_any
        shown = None if seen is None else seen[within]
        if shown is not None:
            image[~shown], computed[~shown] = nothing(image.dtype), False
        logger.debug("computed %d of %d pixels by %s", int(computed.sum()), computed.size, method)
        return image, computed

    def _network(self, name: str, variant: weights.Variant = "") -> Any:
        """Return a network with its weights, and note them for the record."""
        path = getattr(self.parameters, f"{name}_weights")
        if (name, variant) not in self._networks:
            network, self.weights[name] = weights.load(name, self.stack.device, path, variant)
            self._networks[name, variant] = network
            logger.debug("%s: %s", name, path or "shipped weights")
        return self._networks[name, variant]


def _by(size: tuple[int, int]) -> str:
    """Return a size as words."""
    return f"{size[0]} x {size[1]}"
