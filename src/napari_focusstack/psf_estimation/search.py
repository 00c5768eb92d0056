"""Coarse-to-fine search for the blurs and the breathing of least reblur residual."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.kernels import KERNELS
from napari_focusstack.imaging.psf import Psf, gather_blur
from napari_focusstack.psf_estimation.reblur_residual import (
    patch_errors,
    reblur_residuals,
    residual_weights,
)
from napari_focusstack.runtime.threads import map_in_threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from napari_focusstack.imaging.psf_shapes import PsfShape, PsfShapeChoice
    from napari_focusstack.psf_estimation.boundary_patches import BoundaryPatches


#: Range of sigma that is searched, px (convention).
SIGMA_RANGE_PX = (0.5, 20.0)
#: Sigma of the blur of alpha that bounds the region of the residual, px. Measured on simulated
#: pairs: error of sigma 8% with it, 10% with a region that follows the trial sigma.
READOUT_SIGMA_PX = 6.0
#: First steps of the search for breathing: magnification, shift in px, and log of sigma.
MAGNIFICATION_STEP, SHIFT_STEP_PX, LOG_SIGMA_STEP = 0.02, 1.5, 0.2
#: Relative rise of the residual per squared log of sigma of K2 over that of K3: one aperture and
#: one refocusing cause both. Measured on simulated pairs: error of sigma 12% without, 6% with it.
SIGMA_RATIO_PENALTY = 0.2
#: The same per squared log of sigma of K3 over the estimate of KEB (convention).
KEB_PENALTY = 0.05
#: Breathing is accepted if it leaves less than this share of the residual without (convention).
BREATHING_MIN_GAIN = 0.85
#: Trial sigmas of the far plane's blur for the residual without occlusion, px.
PLAIN_SIGMAS_PX = tuple(SIGMA_RANGE_PX[0] * 1.35**step for step in range(13))
STILL = Breathing()


@dataclass(frozen=True)
class Step:
    """A step of the search: change of both log sigmas, of magnification, and of shift in px."""

    blur: float = 0.0
    blur_background: float = 0.0
    magnification: float = 0.0
    rows: float = 0.0
    columns: float = 0.0

    def scaled(self, factor: float) -> Step:
        """Return the step times a factor."""
        return Step(*(factor * length for length in astuple(self)))

    def applied_to(self, psf: Psf) -> Psf:
        """Return a PSF changed by the step."""
        rows, columns = psf.breathing.shift_px
        return replace(
            psf,
            sigma_px=psf.sigma_px * math.exp(self.blur),
            sigma_background_px=psf.sigma_k2_px * math.exp(self.blur_background),
            breathing=Breathing(
                psf.breathing.magnification + self.magnification,
                (rows + self.rows, columns + self.columns),
            ),
        )


class Search:
    """Coarse-to-fine search for the blurs and the breathing of least reblur residual.

    Parameters
    ----------
    patches : BoundaryPatches
        Patches of the planes along the boundary.
    shape : {"gaussian", "disk"}
        Shape of both PSFs.
    expected_px : float, optional
        The sigma of K3 by KEB, px.
    breathing : Breathing
        Breathing at the start.
    """

    def __init__(
        self,
        patches: BoundaryPatches,
        shape: PsfShape,
        expected_px: float | None = None,
        breathing: Breathing = STILL,
    ) -> None:
        self.patches = patches
        #: Median distance between the two surfaces of a patch, plane steps.
        self.median_steps = float(torch.as_tensor(patches.distance_steps).median())
        reach_px = READOUT_SIGMA_PX / self.median_steps * patches.distance_steps
        self.weight = residual_weights(patches.alpha, reach_px, patches.weights)
        self.expected_px = expected_px
        #: In a stack a plane step blurs surfaces in front and behind alike, so K2 has sigma of K3.
        self.shared_sigma = not isinstance(patches.distance_steps, float)
        self.tried: dict[float, float] = {}
        self.residuals_without_occlusion = self._without_occlusion(shape)
        self.best = Psf(
            math.nan,
            shape=shape,
            breathing=breathing,
            residual_without_occlusion=float(self.residuals_without_occlusion.sum()),
        )

    def cost(self, psf: Psf) -> float:
        """Return the residual with the penalties for blurs that the lens or KEB make unlikely."""
        penalty = SIGMA_RATIO_PENALTY * math.log(psf.sigma_k2_px / psf.sigma_px) ** 2
        if self.expected_px is not None:
            penalty += KEB_PENALTY * math.log(psf.sigma_px / self.expected_px) ** 2
        return psf.residual * (1 + penalty)

    def _keep_if_better(self, psf: Psf, residuals: Tensor) -> bool:
        """Keep a PSF if its cost is the least so far, and return whether it is.

        A patch that it explains no better than no occlusion adds the residual without occlusion:
        depth or mask are wrong there.
        """
        psf = replace(
            psf, residual=float(residuals.minimum(self.residuals_without_occlusion).sum())
        )
        self.tried[psf.sigma_px] = min(psf.residual, self.tried.get(psf.sigma_px, math.inf))
        if math.isfinite(self.best.residual) and self.cost(psf) >= self.cost(self.best):
            return False
        self.best = psf
        return True

    def evaluate(self, sigmas_px: Sequence[float], ratios: Sequence[float]) -> None:
        """Compute the residuals of sigmas of K3, px, and sigmas of K2 in these ratios to each."""
        trials = [
            (replace(self.best, sigma_px=sigma), [sigma * ratio for ratio in ratios])
            for sigma in sigmas_px
        ]
        for (psf, sigmas), residuals in zip(trials, self._residuals(trials), strict=True):
            for sigma, residual in zip(sigmas, residuals, strict=True):
                self._keep_if_better(replace(psf, sigma_background_px=sigma), residual)

    def _residuals(self, trials: list[tuple[Psf, list[float]]]) -> Iterator[list[Tensor]]:
        """Yield the residuals of PSFs with several sigmas of K2 each, some at a time."""

        def of_trial(trial: tuple[Psf, list[float]]) -> list[Tensor]:
            return reblur_residuals(self.patches, self.weight, *trial)

        return map_in_threads(of_trial, trials, self.patches.near.device)

    def refine(self, step: float, rounds: int, *, fixed: bool = False) -> None:
        """Search around the best with a step in log sigma, halved each round; fixed keeps K3."""
        for _ in range(rounds):
            centre = self.best.sigma_px
            factor = math.exp(step)
            ratio = self.best.sigma_k2_px / centre
            if not self.shared_sigma:
                self.evaluate([centre], (ratio / factor, ratio * factor))
            ratio = self.best.sigma_k2_px / centre
            ratios = (ratio,) if self.shared_sigma else (ratio / factor, ratio, ratio * factor)
            if not fixed:
                self.evaluate([centre / factor, centre * factor], ratios)
            step /= 2

    def fit_breathing(self, *, fixed: bool = False) -> None:
        """Accept breathing of the foreground if it explains clearly more; fixed keeps K3.

        The blurs of a fit without breathing are wrong if there is breathing, so blurs and breathing
        are searched together. Breathing is not accepted where occlusion is not significant.
        """
        still = self.best
        moves = [
            Step(magnification=MAGNIFICATION_STEP),
            Step(rows=SHIFT_STEP_PX),
            Step(columns=SHIFT_STEP_PX),
        ]
        if not self._descend(moves):
            return
        moves.append(Step(blur_background=LOG_SIGMA_STEP))
        if not fixed:
            moves.append(Step(blur=LOG_SIGMA_STEP))
        for _ in range(5):
            for _ in range(8):
                if not self._descend(moves):
                    break
            moves = [move.scaled(0.5) for move in moves]
        if (
            self.cost(self.best) > BREATHING_MIN_GAIN * self.cost(still)
            or not self.best.is_significant
        ):
            self.best = still

    def _descend(self, moves: Sequence[Step]) -> bool:
        """Take each step, forward or backward, that lowers the cost; return whether it fell 1%."""
        before = self.cost(self.best)
        for move in moves:
            psfs = [step.applied_to(self.best) for step in (move, move.scaled(-1))]
            residuals = self._residuals([(psf, [psf.sigma_k2_px]) for psf in psfs])
            for psf, (residual,) in zip(psfs, residuals, strict=True):
                if self._keep_if_better(psf, residual):
                    break
        return self.cost(self.best) < 0.99 * before

    @property
    def result(self) -> Psf:
        """The PSF of the least cost, with the residual of each trial sigma of K3."""
        return replace(self.best, curve=tuple(sorted(self.tried.items())))

    def _without_occlusion(self, shape: PsfShape) -> Tensor:
        """Return the least residual of the far plane, blurred or not, in place of b * K2, (n,)."""
        near, far, steps = self.patches.near, self.patches.far, self.patches.distance_steps
        blurred = [
            gather_blur(far, sigma / self.median_steps, shape, steps) for sigma in PLAIN_SIGMAS_PX
        ]
        errors = [patch_errors(image, near, self.weight) for image in (far, *blurred)]
        return torch.stack(errors).amin(0)


def fit(
    patches: BoundaryPatches,
    shape: PsfShapeChoice = "auto",
    expected_px: float | None = None,
    *,
    fixed: bool = False,
) -> Psf:
    """Return the PSF of the least reblur residual.

    Parameters
    ----------
    patches : BoundaryPatches
        Patches of the planes along the boundary.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSFs. ``auto`` takes the one of the least cost.
    expected_px : float, optional
        The estimate of KEB, px. Sigmas within a factor of 3 of it are searched, and those near it
        are preferred.
    fixed : bool
        Keep K3 at expected_px, and search K2, the shape and the breathing only.

    Returns
    -------
    Psf
    """
    first = next(iter(KERNELS)) if shape == "auto" else shape
    search = Search(patches, first, expected_px)
    low, high = (sigma / search.median_steps for sigma in SIGMA_RANGE_PX)
    coarse = [low * (high / low) ** (i / 8) for i in range(9)]
    if expected_px is not None:
        within = [sigma for sigma in coarse if 1 / 3 < sigma / expected_px < 3]
        coarse = [expected_px] if fixed else [*within, expected_px]
    search.evaluate(coarse, (1.0,))
    if not search.shared_sigma:
        search.evaluate([search.best.sigma_px], (0.6, 1.6))
    search.refine(0.2, rounds=3, fixed=fixed)
    if not search.shared_sigma:  # registration has removed the breathing of a stack
        search.fit_breathing(fixed=fixed)
    if shape != "auto":
        return search.result
    best, searches = search.best, [search]
    for other_shape in list(KERNELS)[1:]:
        other = Search(patches, other_shape, expected_px, best.breathing)
        other.evaluate([best.sigma_px], (best.sigma_k2_px / best.sigma_px,))
        other.refine(0.1, rounds=2, fixed=fixed)
        searches.append(other)
    return min((other.result for other in searches), key=search.cost)
