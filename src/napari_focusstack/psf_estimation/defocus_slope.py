"""The blur of a plane step, told by surfaces themselves: sharp in one plane, blurred in others.

Where one surface fills the surroundings of a pixel, nothing veils it and it veils nothing: a plane
some steps before or behind shows what the plane in focus shows, blurred by so many times the sigma
of a step. That needs no edge, no mask, and only a rough depth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.kernels import KERNELS
from napari_focusstack.psf_estimation.flat_patches import flat_patches
from napari_focusstack.psf_estimation.transmittance import measure_transmittance

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.parameters import PsfShape, PsfShapeChoice
    from napari_focusstack.planes.focal_stack import PlaneSampler
    from napari_focusstack.psf_estimation.flat_patches import Patch
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap


#: Greatest number of patches that are compared.
PATCHES = 12
#: What counts lies within so many steps of a plane.
IN_FOCUS = 0.3
#: Steps between the planes that are compared first; then as many as blur by about so much, px.
FIRST_STEPS, COMPARED_BLUR_PX = 2, 2.0
#: Blurs that are tried: the least, px, how many more, in which ratio, and how often it is halved.
LEAST_PX, COARSE_BLURS, RATIO, HALVINGS = 0.4, 12, 1.35, 4


@dataclass(frozen=True)
class Evidence:
    """How well a blur must explain surfaces to be used. Chosen on 36 simulated opaque and 24
    simulated transparent stacks; all are shares, 0..1.

    Parameters
    ----------
    usable_residual_ratio : float
        A blur that leaves more than this share of the change from plane to plane is discarded.
    clear_residual_ratio : float
        One that leaves less needs no evidence of occlusion boundaries ...
    clear_sum : float
        ... if this share plus the transmittance of the surfaces is less than this, too.
    doubtful_residual_ratio : float
        Otherwise boundaries must leave less than this share of the residual without occlusion.
    """

    usable_residual_ratio: float = 0.6
    clear_residual_ratio: float = 0.4
    clear_sum: float = 0.5
    doubtful_residual_ratio: float = 0.8


EVIDENCE = Evidence()


class DefocusSlope(NamedTuple):
    """The blur of one plane step."""

    sigma_px: float
    shape: PsfShape
    #: Share of the change from plane to plane that the blur leaves unexplained.
    residual_ratio: float
    #: See :func:`napari_focusstack.psf_estimation.transmittance.measure_transmittance`.
    transmittance: float
    #: Sigmas that were tried, sorted, and the mean absolute error of each, linear light, 0..1.
    curve: tuple[tuple[float, float], ...]

    @property
    def max_residual_ratio(self) -> float:
        """What a veil of this blur has to stay under to count as seen, see :class:`Psf`.

        Where the blur explains nearly all, and surfaces hide what is behind them, a veil is to be
        expected, whatever edges tell; where not, edges must tell it the more clearly.
        """
        is_clear = (
            self.residual_ratio < EVIDENCE.clear_residual_ratio
            and self.residual_ratio + self.transmittance < EVIDENCE.clear_sum
        )
        return math.inf if is_clear else EVIDENCE.doubtful_residual_ratio


class _ComparedPatches(NamedTuple):
    """Luminance (n, 1, Y, X) in focus and some steps away, and which pixels count, 0 or 1."""

    sharp: Tensor
    away: Tensor
    counts: Tensor


def estimate_defocus_slope(
    light: PlaneSampler, focus: FocusMap, shape: PsfShapeChoice = "auto"
) -> DefocusSlope | None:
    """Find the sigma of a plane step in a stack.

    Parameters
    ----------
    light : PlaneSampler
        Linear light of the planes.
    focus : FocusMap
        What is in focus where.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSF; ``auto`` takes the one that explains more.

    Returns
    -------
    StepBlur or None
        None where no surface tells: all are too small, blank, or change in other ways.
    """
    shapes = list(KERNELS) if shape == "auto" else [shape]
    places = flat_patches(focus)
    found = None
    steps = min(FIRST_STEPS, focus.planes - 1)
    for _ in range(2):
        patches = _patches(light, focus, places, steps)
        if patches is None:
            break
        found = min(
            (_fit(patches, steps, one) for one in shapes), key=lambda fit: fit.residual_ratio
        )
        before, steps = steps, round(COMPARED_BLUR_PX / found.sigma_px)
        steps = min(max(FIRST_STEPS, steps), focus.planes - 1)
        if steps == before:
            break
    if found is None or found.residual_ratio > EVIDENCE.usable_residual_ratio:
        return None
    return found._replace(transmittance=measure_transmittance(light, focus, places, found.sigma_px))


def _patches(
    light: PlaneSampler, focus: FocusMap, places: list[Patch], steps: int
) -> _ComparedPatches | None:
    """Return the patches that change most so many steps before or behind their focus."""

    def luminance(planes: Tensor, where: Region) -> Tensor:
        return light.by_label(planes, where).mean(0, keepdim=True)

    found = []
    for where, even in places:
        depth = focus.crop(where).depth
        own = depth.round()
        sharp = luminance(own[0], where)
        for plane in (own - steps, own + steps):
            counts = even & ((depth - own).abs() < IN_FOCUS)
            counts &= (plane >= 1) & (plane <= focus.planes)
            if counts.any():
                away = luminance(plane[0].clamp(1, focus.planes), where)
                change = float(((sharp - away).abs() * counts).sum())
                found.append((change, sharp, away, counts.to(sharp)))
    found = sorted(found, key=lambda one: one[0], reverse=True)[:PATCHES]
    if not found or found[0][0] == 0:
        return None
    _, *parts = zip(*found, strict=True)
    return _ComparedPatches(*map(torch.stack, parts))


def _fit(patches: _ComparedPatches, steps: int, shape: PsfShape) -> DefocusSlope:
    """Find the blur of one shape that explains most."""

    def look(sigma_px: float) -> None:
        errors[sigma_px] = _error(blur(patches.sharp, sigma_px, shape), patches)

    errors: dict[float, float] = {}
    for step in range(COARSE_BLURS):
        look(LEAST_PX * RATIO**step)
    factor = RATIO
    for _ in range(HALVINGS):
        factor **= 0.5
        best = min(errors, key=errors.__getitem__)
        look(best / factor)
        look(best * factor)
    best = min(errors, key=errors.__getitem__)
    curve = tuple((sigma_px / steps, error) for sigma_px, error in sorted(errors.items()))
    unexplained = errors[best] / _error(patches.sharp, patches)
    return DefocusSlope(best / steps, shape, unexplained, 0.0, curve)


def _error(seen: Tensor, patches: _ComparedPatches) -> float:
    """Return how unlike the planes away from focus images are, brought to equal brightness."""
    bright, away = (
        (one * patches.counts).sum((1, 2, 3), keepdim=True) for one in (seen, patches.away)
    )
    gain = away / bright.clamp(min=1e-6)
    error = (gain * seen - patches.away).abs() * patches.counts
    return float(error.sum() / patches.counts.sum())
