"""The defocus slope, sigma per plane step, measured on surfaces that are in focus in some plane.

Where one surface fills the surroundings of a pixel, nothing occludes it and it occludes nothing. So
a plane d steps in front of or behind its focus shows the plane in focus, blurred by d times the
slope. This measurement needs no edge and no mask, and only a rough depth.
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

    from napari_focusstack.imaging.psf_shapes import PsfShape, PsfShapeChoice
    from napari_focusstack.planes.focal_stack import PlaneSampler
    from napari_focusstack.psf_estimation.flat_patches import Patch
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.segmentation.focus_map import FocusMap


#: Most patches that are compared: those that change most between planes.
MAX_COMPARED = 12
#: Greatest distance of a pixel's depth from a plane for it to count as in focus there, plane steps.
IN_FOCUS_STEPS = 0.3
#: Plane steps between the planes compared first, and the blur, px, that the planes compared next
#: should differ by.
FIRST_STEPS, COMPARED_BLUR_PX = 2, 2.0
#: Trial sigmas: the least, px, their number and ratio (so up to 11 px), then how often the ratio is
#: halved around the best.
MIN_SIGMA_PX, COARSE_SIGMAS, SIGMA_RATIO, HALVINGS = 0.4, 12, 1.35, 4


@dataclass(frozen=True)
class Evidence:
    """Limits on how well a blur must explain surfaces to be used.

    All are shares, 0..1, measured on 36 simulated opaque and 24 simulated transparent stacks.

    Parameters
    ----------
    usable_residual_ratio : float
        A slope of a greater residual ratio is discarded.
    clear_residual_ratio, clear_sum : float
        If the residual ratio, and its sum with the transmittance of the surfaces, are less than
        these, occlusion is expected whatever the edges show.
    doubtful_residual_ratio : float
        Otherwise the residual along edges must be less than this share of that without occlusion.
    """

    usable_residual_ratio: float = 0.6
    clear_residual_ratio: float = 0.4
    clear_sum: float = 0.5
    doubtful_residual_ratio: float = 0.8


EVIDENCE = Evidence()


class DefocusSlope(NamedTuple):
    """The blur of one plane step."""

    #: Sigma per plane step, px.
    sigma_px: float
    #: Shape of the PSF.
    shape: PsfShape
    #: Share of the change from plane to plane that the blur leaves unexplained, 0..1.
    residual_ratio: float
    #: See :func:`napari_focusstack.psf_estimation.transmittance.measure_transmittance`.
    transmittance: float
    #: Trial sigmas, sorted, and the mean absolute error of each, linear light, 0..1.
    curve: tuple[tuple[float, float], ...]

    @property
    def max_residual_ratio(self) -> float:
        """Residual ratio along edges that accepts occlusion, see :class:`Psf`.

        Where the blur explains nearly all, and surfaces hide what is behind them, occlusion is
        expected whatever the edges show, and this is infinite. Otherwise the edges must show it
        clearly.
        """
        is_clear = (
            self.residual_ratio < EVIDENCE.clear_residual_ratio
            and self.residual_ratio + self.transmittance < EVIDENCE.clear_sum
        )
        return math.inf if is_clear else EVIDENCE.doubtful_residual_ratio


class _ComparedPatches(NamedTuple):
    """Luminance (n, 1, Y, X) in focus and some steps away, and the weight of each pixel, 0 or 1."""

    sharp: Tensor
    defocused: Tensor
    weight: Tensor


def estimate_defocus_slope(
    light: PlaneSampler, focus: FocusMap, shape: PsfShapeChoice = "auto"
) -> DefocusSlope | None:
    """Estimate the sigma of a plane step in a stack.

    Parameters
    ----------
    light : PlaneSampler
        Linear light of the planes.
    focus : FocusMap
        Depth and alpha of the whole image.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSF. ``auto`` takes the one of the least residual.

    Returns
    -------
    DefocusSlope or None
        None where no surface allows the measurement: all are too small or blank, or no blur
        explains how they change; and where plane steps are not equal.
    """
    if focus.places is not None:
        return None
    shapes = list(KERNELS) if shape == "auto" else [shape]
    flat = flat_patches(focus)
    slope = None
    steps = min(FIRST_STEPS, focus.planes - 1)
    for _ in range(2):
        compared = _compared_patches(light, focus, flat, steps)
        if compared is None:
            break
        slope = min(
            (_fit(compared, steps, trial) for trial in shapes), key=lambda fit: fit.residual_ratio
        )
        before, steps = steps, round(COMPARED_BLUR_PX / slope.sigma_px)
        steps = min(max(FIRST_STEPS, steps), focus.planes - 1)
        if steps == before:
            break
    if slope is None or slope.residual_ratio > EVIDENCE.usable_residual_ratio:
        return None
    return slope._replace(transmittance=measure_transmittance(light, focus, flat, slope.sigma_px))


def _compared_patches(
    light: PlaneSampler, focus: FocusMap, flat: list[Patch], steps: int
) -> _ComparedPatches | None:
    """Return the patches that change most between their focus and ``steps`` from it."""

    def luminance(planes: Tensor, where: Region) -> Tensor:
        return light.by_label(planes, where).mean(0, keepdim=True)

    candidates = []
    for where, is_flat in flat:
        depth = focus.crop(where).depth
        in_focus = depth.round()
        sharp = luminance(in_focus[0], where)
        for plane in (in_focus - steps, in_focus + steps):
            counted = is_flat & ((depth - in_focus).abs() < IN_FOCUS_STEPS)
            counted &= (plane >= 1) & (plane <= focus.planes)
            for labels in (in_focus, plane):
                shown = light.shows(labels[0], where)
                counted = counted if shown is None else counted & shown
            if counted.any():
                defocused = luminance(plane[0].clamp(1, focus.planes), where)
                change = float(((sharp - defocused).abs() * counted).sum())
                candidates.append((change, sharp, defocused, counted.to(sharp)))
    candidates = sorted(candidates, key=lambda patch: patch[0], reverse=True)[:MAX_COMPARED]
    if not candidates or candidates[0][0] == 0:
        return None
    _, *parts = zip(*candidates, strict=True)
    return _ComparedPatches(*map(torch.stack, parts))


def _fit(patches: _ComparedPatches, steps: int, shape: PsfShape) -> DefocusSlope:
    """Return the slope of the least error for one shape of the PSF, its transmittance unset."""

    def evaluate(sigma_px: float) -> None:
        errors[sigma_px] = _error(blur(patches.sharp, sigma_px, shape), patches)

    errors: dict[float, float] = {}
    for step in range(COARSE_SIGMAS):
        evaluate(MIN_SIGMA_PX * SIGMA_RATIO**step)
    factor = SIGMA_RATIO
    for _ in range(HALVINGS):
        factor **= 0.5
        best = min(errors, key=errors.__getitem__)
        evaluate(best / factor)
        evaluate(best * factor)
    best = min(errors, key=errors.__getitem__)
    curve = tuple((sigma_px / steps, error) for sigma_px, error in sorted(errors.items()))
    unblurred = _error(patches.sharp, patches)
    # Where only the brightness changes, nothing is blurred.
    residual_ratio = errors[best] / unblurred if unblurred else math.inf
    return DefocusSlope(best / steps, shape, residual_ratio, 0.0, curve)


def _error(image: Tensor, patches: _ComparedPatches) -> float:
    """Return the mean absolute error against the defocused planes, at equal brightness."""
    sum_image, sum_defocused = (
        (light * patches.weight).sum((1, 2, 3), keepdim=True)
        for light in (image, patches.defocused)
    )
    gain = sum_defocused / sum_image.clamp(min=1e-6)
    error = (gain * image - patches.defocused).abs() * patches.weight
    return float(error.sum() / patches.weight.sum())
