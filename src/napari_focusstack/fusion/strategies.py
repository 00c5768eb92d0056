"""A pair and a stack of more planes: what their fusions do differently."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from napari_focusstack.diagnostics.diagnose import diagnose
from napari_focusstack.elimination.alpha_matting import refine_alpha
from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches
from napari_focusstack.psf_estimation.defocus_slope import estimate_defocus_slope
from napari_focusstack.psf_estimation.estimate import BY_KEB, BY_REBLUR, check_method, estimate
from napari_focusstack.runtime.progress import Progress, run
from napari_focusstack.segmentation.depth import estimate_depth
from napari_focusstack.segmentation.depth_edges import refine_edges
from napari_focusstack.segmentation.focus_map import FocusMap
from napari_focusstack.segmentation.foreground import estimate_matte

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy as np

    from napari_focusstack.diagnostics.diagnosis import Diagnosis
    from napari_focusstack.imaging.psf import Psf
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.psf_estimation.defocus_slope import DefocusSlope

    #: Loads a network by its name and, if there are several, the variant of its weights.
    Networks = Callable[..., Any]
    Segmented = Generator[Progress, None, tuple[FocusMap, str | None]]


#: The blur of a pair is doubtful if it leaves this share of the residual without occlusion, or so
#: much light. Measured: five photographed pairs leave at most 0.97 and 0.024, 24 simulated
#: ones 0.92 and 0.03; 27 pairs that were blurred by hand, without occlusion, 1.00.
MAX_PAIR_RATIO, MAX_PAIR_RESIDUAL = 0.98, 0.04


class Strategy(Protocol):
    """What depends on the number of planes."""

    def segment(
        self, stack: FocalStack, parameters: FuseParameters, networks: Networks
    ) -> Segmented:
        """Estimate depth and alpha; returns the focus map and which CRF ran."""

    def estimate_psf(
        self,
        stack: FocalStack,
        focus: FocusMap,
        parameters: FuseParameters,
        networks: Networks,
    ) -> Psf:
        """Estimate the blur per plane step; NoOcclusionBoundary if nothing shows it."""

    def accepts(self, psf: Psf) -> bool:
        """Return whether an estimated blur explains the planes well enough to eliminate with it."""

    def reversed_focus(
        self, stack: FocalStack, focus: FocusMap, parameters: FuseParameters, networks: Networks
    ) -> FocusMap:
        """Return the focus map of the planes in the reversed order."""

    def diagnose(
        self, stack: FocalStack, source: np.ndarray
    ) -> Generator[Progress, None, Diagnosis | None]:
        """Check for planes that are duplicated, misplaced, missing or unrelated."""


def strategy_for(planes: int) -> Strategy:
    """Return the strategy for a number of planes."""
    return PairStrategy() if planes == 2 else StackStrategy()


class PairStrategy:
    """Near and far plane: the foreground's matte by FSB, its regions by DEB and a CRF."""

    def segment(
        self, stack: FocalStack, parameters: FuseParameters, networks: Networks
    ) -> Segmented:
        """See :class:`Strategy`."""
        deb, fsb = networks("deb", "pairs"), networks("fsb")
        alpha, backend = yield from estimate_matte(stack, fsb, deb, parameters)
        return FocusMap.of_pair(alpha), backend

    def estimate_psf(
        self,
        stack: FocalStack,
        focus: FocusMap,
        parameters: FuseParameters,
        networks: Networks,
    ) -> Psf:
        """See :class:`Strategy`."""
        near, far = (stack.plane(number, stack.full) for number in (1, 2))
        shown = stack.shown_in(stack.full)
        both = None if shown is None else shown.all(0)
        patches = BoundaryPatches.from_pair(near, far, focus.alpha, both)
        return _estimate(patches, stack, parameters, networks)

    def accepts(self, psf: Psf) -> bool:
        """Accept a blur that explains the planes better than none, and leaves little."""
        return psf.residual_ratio < MAX_PAIR_RATIO and psf.residual < MAX_PAIR_RESIDUAL

    def reversed_focus(
        self, stack: FocalStack, focus: FocusMap, parameters: FuseParameters, networks: Networks
    ) -> FocusMap:
        """Segment anew: what is in front is another question then."""
        focus, _ = run(self.segment(stack.reversed, parameters, networks))
        return focus

    def diagnose(
        self, stack: FocalStack, source: np.ndarray
    ) -> Generator[Progress, None, Diagnosis | None]:
        """Return a diagnosis if both planes show the same; registration checks all else."""
        yield Progress("check the planes", 0, 1)
        diagnosis = diagnose(stack.sources)
        yield Progress("check the planes", 1, 1)
        return diagnosis if diagnosis.duplicates else None


class StackStrategy:
    """Three planes or more: depth by DEB, its edges by MEB, the blur from surfaces in focus."""

    def segment(
        self, stack: FocalStack, parameters: FuseParameters, networks: Networks
    ) -> Segmented:
        """See :class:`Strategy`."""
        deb = networks("deb")
        depth, confidence = yield from estimate_depth(stack, deb)
        shown = stack.shows(depth[0].round(), stack.full)
        if shown is not None:
            confidence = confidence * shown
        return (yield from refine_edges(stack, depth, confidence, networks("meb"))), None

    def estimate_psf(
        self,
        stack: FocalStack,
        focus: FocusMap,
        parameters: FuseParameters,
        networks: Networks,
    ) -> Psf:
        """See :class:`Strategy`."""
        patches = BoundaryPatches.from_stack(stack, focus)
        slope = None
        if check_method(parameters.psf) in BY_REBLUR:
            slope = estimate_defocus_slope(stack, focus, parameters.psf_shape)
        return _estimate(patches, stack, parameters, networks, slope)

    def accepts(self, psf: Psf) -> bool:
        """Accept a blur that explains the planes better than no occlusion does."""
        return psf.is_significant

    def reversed_focus(
        self, stack: FocalStack, focus: FocusMap, parameters: FuseParameters, networks: Networks
    ) -> FocusMap:
        """See :class:`Strategy`."""
        return focus.reversed

    def diagnose(
        self, stack: FocalStack, source: np.ndarray
    ) -> Generator[Progress, None, Diagnosis | None]:
        """See :class:`Strategy`."""
        yield Progress("check the planes", 0, 1)
        diagnosis = diagnose(stack.sources, source)
        yield Progress("check the planes", 1, 1)
        return diagnosis


def _estimate(
    patches: BoundaryPatches,
    stack: FocalStack,
    parameters: FuseParameters,
    networks: Networks,
    slope: DefocusSlope | None = None,
) -> Psf:
    """Estimate the blur from patches along occlusion boundaries, with KEB if it is needed."""
    method = check_method(parameters.psf)
    patches = replace(patches, alpha=refine_alpha(patches.near, patches.alpha))
    return estimate(
        patches,
        psf=method,
        shape=parameters.psf_shape,
        keb=networks("keb") if slope is None and method in BY_KEB else None,
        to_display=stack.intensity.to_display,
        slope=slope,
    )
