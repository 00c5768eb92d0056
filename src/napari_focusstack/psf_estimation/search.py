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
    reblur_residuals,
    residual_weights,
    window_errors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_focusstack.parameters import PsfShape, PsfShapeChoice
    from napari_focusstack.psf_estimation.boundary_windows import BoundaryPatches


#: Range of sigma that is searched, px.
SIGMA_RANGE_PX = (0.5, 20.0)
#: Sigma within whose spread the residual is read, px.
READOUT_SIGMA_PX = 6.0
#: First steps of the search for breathing: of magnification, shift in px, and log sigma.
BREATHING_STEP, SHIFT_STEP_PX, BLUR_STEP = 0.02, 1.5, 0.2
#: How much more a residual counts, per squared log ratio, where K2 differs from K3 (one aperture
#: and one refocusing make both), and where K3 differs from KEB's answer.
SIGMA_RATIO_PENALTY, KEB_PENALTY = 0.2, 0.05
#: A moving foreground must leave less than this share of a still one's residual.
BREATHING_MIN_GAIN = 0.85
#: Blurs of the far plane that are tried without a veil, px.
PLAIN_SIGMAS_PX = tuple(SIGMA_RANGE_PX[0] * 1.35**step for step in range(13))
STILL = Breathing()


@dataclass(frozen=True)
class Step:
    """A step in the space of what a lens can do: blurs in log sigma, magnification, shift in px."""

    blur: float = 0.0
    blur_background: float = 0.0
    magnification: float = 0.0
    rows: float = 0.0
    columns: float = 0.0

    def scaled(self, factor: float) -> Step:
        """Return a longer, shorter or reversed step."""
        return Step(*(factor * length for length in astuple(self)))

    def applied_to(self, psf: Psf) -> Psf:
        """Return where the step leads from a PSF."""
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
        Pieces of the planes along the boundary.
    shape : {"gaussian", "disk"}
        Shape of both PSFs.
    expected_px : float, optional
        What KEB expects the sigma of K3 to be.
    breathing : Breathing
        Where to begin.
    """

    def __init__(
        self,
        patches: BoundaryPatches,
        shape: PsfShape,
        expected_px: float | None = None,
        breathing: Breathing = STILL,
    ) -> None:
        self.patches = patches
        #: How far the two surfaces of a window lie apart in the median, plane steps.
        self.median_steps = float(torch.as_tensor(patches.distance_steps).median())
        reach_px = READOUT_SIGMA_PX / self.median_steps * patches.distance_steps
        self.weight = residual_weights(patches.alpha, reach_px, patches.weights)
        self.expected_px = expected_px
        #: A stack has one optical parameter: a plane step blurs what is before and behind alike.
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
        """Return the residual, raised for blurs that a lens or KEB makes unlikely."""
        unlikely = SIGMA_RATIO_PENALTY * math.log(psf.sigma_k2_px / psf.sigma_px) ** 2
        if self.expected_px is not None:
            unlikely += KEB_PENALTY * math.log(psf.sigma_px / self.expected_px) ** 2
        return psf.residual * (1 + unlikely)

    def _keep_if_better(self, psf: Psf, residuals: Tensor) -> bool:
        """Keep a PSF if it is the best so far.

        A window that it explains no better than no veil does is of no account: depth or mask are
        wrong there.
        """
        psf = replace(
            psf, residual=float(residuals.minimum(self.residuals_without_occlusion).sum())
        )
        self.tried[psf.sigma_px] = min(psf.residual, self.tried.get(psf.sigma_px, math.inf))
        if math.isfinite(self.best.residual) and self.cost(psf) >= self.cost(self.best):
            return False
        self.best = psf
        return True

    def evaluate(self, sigma_px: float, ratios: Sequence[float]) -> None:
        """Try a sigma of K3 with sigmas of K2 in these ratios to it."""
        psf = replace(self.best, sigma_px=sigma_px)
        trials = [sigma_px * ratio for ratio in ratios]
        residuals = reblur_residuals(self.patches, self.weight, psf, trials)
        for residual, sigma in zip(residuals, trials, strict=True):
            self._keep_if_better(replace(psf, sigma_background_px=sigma), residual)

    def refine(self, step: float, rounds: int, *, fixed: bool = False) -> None:
        """Halve a step in log sigma around the best, so many times; fixed keeps K3 as it is."""
        for _ in range(rounds):
            centre = self.best.sigma_px
            factor = math.exp(step)
            ratio = self.best.sigma_k2_px / centre
            if not self.shared_sigma:
                self.evaluate(centre, (ratio / factor, ratio * factor))
            ratio = self.best.sigma_k2_px / centre
            ratios = (ratio,) if self.shared_sigma else (ratio / factor, ratio, ratio * factor)
            if not fixed:
                for sigma in (centre / factor, centre * factor):
                    self.evaluate(sigma, ratios)
            step /= 2

    def fit_breathing(self, *, fixed: bool = False) -> None:
        """Let the foreground move if that explains clearly more; fixed keeps K3 as it is.

        What moves is seen by its veil: where none is seen, the foreground stays.

        A still fit of a moving foreground has the wrong blurs, so they are sought along with it.
        """
        still = self.best
        moves = [
            Step(magnification=BREATHING_STEP),
            Step(rows=SHIFT_STEP_PX),
            Step(columns=SHIFT_STEP_PX),
        ]
        if not self._descend(moves):
            return
        moves += [Step(blur_background=BLUR_STEP)] + ([] if fixed else [Step(blur=BLUR_STEP)])
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
        """Take each step, forth or back, that explains more; tell whether much was won."""
        before = self.cost(self.best)
        for move in moves:
            for step in (move, move.scaled(-1)):
                psf = step.applied_to(self.best)
                (residual,) = reblur_residuals(self.patches, self.weight, psf, [psf.sigma_k2_px])
                if self._keep_if_better(psf, residual):
                    break
        return self.cost(self.best) < 0.99 * before

    @property
    def found(self) -> Psf:
        """The blur that explains most, with the residual over all sigmas that were tried."""
        return replace(self.best, curve=tuple(sorted(self.tried.items())))

    def _without_occlusion(self, shape: PsfShape) -> Tensor:
        """Return what far planes, blurred but not unveiled, leave unexplained at least, (n,)."""
        near, far, steps = self.patches.near, self.patches.far, self.patches.distance_steps
        blurred = [
            gather_blur(far, sigma / self.median_steps, shape, steps) for sigma in PLAIN_SIGMAS_PX
        ]
        return torch.stack([window_errors(one, near, self.weight) for one in (far, *blurred)]).amin(
            0
        )


def fit(
    patches: BoundaryPatches,
    shape: PsfShapeChoice = "auto",
    expected_px: float | None = None,
    *,
    fixed: bool = False,
) -> Psf:
    """Find the blur of least reblur residual.

    Parameters
    ----------
    patches : BoundaryPatches
        Pieces of the planes along the boundary.
    shape : {"auto", "gaussian", "disk"}
        Shape of the PSFs; ``auto`` takes the one that explains more.
    expected_px : float, optional
        KEB's answer: the search is for sigmas within a factor of 3, and of those that explain the
        planes equally well the one near it is taken.
    fixed : bool
        Keep K3 at expected_px and look for K2, the shape and the breathing only.

    Returns
    -------
    Psf
    """
    first = next(iter(KERNELS)) if shape == "auto" else shape
    search = Search(patches, first, expected_px)
    low, high = (sigma / search.median_steps for sigma in SIGMA_RANGE_PX)
    coarse = [low * (high / low) ** (i / 8) for i in range(9)]
    if expected_px is not None:
        around = [sigma for sigma in coarse if 1 / 3 < sigma / expected_px < 3]
        coarse = [expected_px] if fixed else [*around, expected_px]
    for sigma in coarse:
        search.evaluate(sigma, (1.0,))
    if not search.shared_sigma:
        search.evaluate(search.best.sigma_px, (0.6, 1.6))
    search.refine(0.2, rounds=3, fixed=fixed)
    if not search.shared_sigma:  # a stack was registered before
        search.fit_breathing(fixed=fixed)
    if shape != "auto":
        return search.found
    best, searches = search.best, [search]
    for other_shape in list(KERNELS)[1:]:
        other = Search(patches, other_shape, expected_px, best.breathing)
        other.evaluate(best.sigma_px, (best.sigma_k2_px / best.sigma_px,))
        other.refine(0.1, rounds=2, fixed=fixed)
        searches.append(other)
    return min((one.found for one in searches), key=search.cost)
