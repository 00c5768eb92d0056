"""Reblur consistency: check and find the PSF without truth.

With the background b recovered from the far plane by a trial sigma of K3 (Eq. 4), b blurred by a
trial K2 must be what the near plane shows beside the foreground (Eq. 3). What it leaves unexplained
there, the *reblur residual*, is least at the true blurs.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch

from napari_focusstack.diffusion import own_light, reblur, unveil
from napari_focusstack.lens import Breathing, Psf, collect
from napari_focusstack.optics import blur

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_focusstack.optics import PsfShape
    from napari_focusstack.windows import Windows

PsfShapeChoice = Literal["auto", "gaussian", "disk"]

#: Range of sigma that is searched, px.
SIGMA_RANGE_PX = (0.5, 20.0)
#: Sigma within whose spread the residual is read, px.
USUAL_PX = 6.0
#: The residual is read where the blurred foreground covers more than this share of a pixel ...
COVERED = 0.02
#: ... and the foreground itself less than this.
CLEAR = 0.05
#: First steps of the search for breathing: of magnification, shift in px, and log sigma.
BREATHING_STEP, SHIFT_STEP_PX, BLUR_STEP = 0.02, 1.5, 0.2
#: How much more a residual counts, per squared log ratio, where K2 differs from K3 (one aperture
#: and one refocusing make both), and where K3 differs from KEB's answer.
UNEQUAL, UNEXPECTED = 0.2, 0.05
#: A moving foreground must leave less than this share of a still one's residual.
CLEARLY = 0.85
#: Blurs of the far plane that are tried without a veil, px.
PLAIN_SIGMAS_PX = tuple(SIGMA_RANGE_PX[0] * 1.35**step for step in range(13))
STILL = Breathing()


def beside_foreground(
    alpha: Tensor, reach_px: float | Tensor, clear: Tensor | float = 1.0
) -> Tensor:
    """Return where the residual is read: clear of the foreground, but within its blur.

    The region must not depend on the sigma that is tried: a region that grows with it takes in ever
    more pixels that nothing covers, and favours too large a sigma.

    Parameters
    ----------
    alpha : Tensor
        Shape (n, 1, Y, X), 0..1.
    reach_px : float or Tensor
        Sigma whose spread bounds the region, px; one for all or one each, (n,).
    clear : Tensor or float
        How much each pixel tells, of alpha's shape, 0..1.

    Returns
    -------
    Tensor
        Weights of shape (n, 1, Y, X) that sum to 1.
    """
    region = (alpha < CLEAR) & (blur(alpha, reach_px) > COVERED)
    if not region.any():
        region = alpha < 1
    weight = region * clear
    return weight / weight.sum()


def reblur_residuals(
    windows: Windows, weight: Tensor, psf: Psf, sigmas_background_px: Sequence[float]
) -> list[Tensor]:
    """Return what each sigma of K2 leaves unexplained of the near plane beside the foreground.

    Parameters
    ----------
    windows : Windows
        Pieces along the boundary.
    weight : Tensor
        From :func:`beside_foreground`.
    psf : Psf
        K3 and breathing.
    sigmas_background_px : sequence of float
        Trial sigmas of K2, px.

    Returns
    -------
    list of Tensor
        Absolute error of ``b * K2`` against N, linear light 0..1, one per trial: each window's
        share of the mean, (n,).
    """
    near, far, alpha = windows.near, windows.far, windows.alpha
    steps = windows.steps
    first, visible = unveil(far, near * alpha, alpha, psf, windows.origins, steps)
    foreground = own_light(near, first, visible, alpha, psf, steps)
    background, visible = unveil(far, foreground, alpha, psf, windows.origins, steps)
    residuals = []
    for sigma in sigmas_background_px:
        again = reblur(background, visible, sigma, psf.shape, steps)
        residuals.append(_errors(again, near, weight))
    return residuals


def _errors(image: Tensor, near: Tensor, weight: Tensor) -> Tensor:
    """Return each window's share of the mean absolute error of an image against N, (n,)."""
    error = (image - near).abs().mean(1, keepdim=True)
    return (error * weight).sum((1, 2, 3))


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

    def from_(self, psf: Psf) -> Psf:
        """Return where the step leads from a PSF."""
        rows, columns = psf.breathing.shift_px
        return replace(
            psf,
            sigma_px=psf.sigma_px * math.exp(self.blur),
            sigma_background_px=psf.sigma_2_px * math.exp(self.blur_background),
            breathing=Breathing(
                psf.breathing.magnification + self.magnification,
                (rows + self.rows, columns + self.columns),
            ),
        )


class Search:
    """Coarse-to-fine search for the blurs and the breathing of least reblur residual.

    Parameters
    ----------
    windows : Windows
        Pieces along the boundary.
    shape : {"gaussian", "disk"}
        Shape of both PSFs.
    expected_px : float, optional
        What KEB expects the sigma of K3 to be.
    breathing : Breathing
        Where to begin.
    """

    def __init__(
        self,
        windows: Windows,
        shape: PsfShape,
        expected_px: float | None = None,
        breathing: Breathing = STILL,
    ) -> None:
        self.windows = windows
        #: How far the two surfaces of a window lie apart in the median, plane steps.
        self.apart = float(torch.as_tensor(windows.steps).median())
        reach_px = USUAL_PX / self.apart * windows.steps
        self.weight = beside_foreground(windows.alpha, reach_px, windows.clear)
        self.expected_px = expected_px
        #: A stack has one optical parameter: a plane step blurs what is before and behind alike.
        self.is_one = not isinstance(windows.steps, float)
        self.tried: dict[float, float] = {}
        self.plain = self._plain(shape)
        self.best = Psf(math.nan, shape=shape, breathing=breathing, plain=float(self.plain.sum()))

    def cost(self, psf: Psf) -> float:
        """Return the residual, raised for blurs that a lens or KEB makes unlikely."""
        unlikely = UNEQUAL * math.log(psf.sigma_2_px / psf.sigma_px) ** 2
        if self.expected_px is not None:
            unlikely += UNEXPECTED * math.log(psf.sigma_px / self.expected_px) ** 2
        return psf.residual * (1 + unlikely)

    def _improves(self, psf: Psf, residuals: Tensor) -> bool:
        """Keep a PSF if it is the best so far.

        A window that it explains no better than no veil does is of no account: depth or mask are
        wrong there.
        """
        psf = replace(psf, residual=float(residuals.minimum(self.plain).sum()))
        self.tried[psf.sigma_px] = min(psf.residual, self.tried.get(psf.sigma_px, math.inf))
        if math.isfinite(self.best.residual) and self.cost(psf) >= self.cost(self.best):
            return False
        self.best = psf
        return True

    def look(self, sigma_px: float, ratios: Sequence[float]) -> None:
        """Try a sigma of K3 with sigmas of K2 in these ratios to it."""
        psf = replace(self.best, sigma_px=sigma_px)
        trials = [sigma_px * ratio for ratio in ratios]
        residuals = reblur_residuals(self.windows, self.weight, psf, trials)
        for residual, sigma in zip(residuals, trials, strict=True):
            self._improves(replace(psf, sigma_background_px=sigma), residual)

    def refine(self, step: float, rounds: int, *, fixed: bool = False) -> None:
        """Halve a step in log sigma around the best, so many times; fixed keeps K3 as it is."""
        for _ in range(rounds):
            centre = self.best.sigma_px
            factor = math.exp(step)
            ratio = self.best.sigma_2_px / centre
            if not self.is_one:
                self.look(centre, (ratio / factor, ratio * factor))
            ratio = self.best.sigma_2_px / centre
            ratios = (ratio,) if self.is_one else (ratio / factor, ratio, ratio * factor)
            if not fixed:
                for sigma in (centre / factor, centre * factor):
                    self.look(sigma, ratios)
            step /= 2

    def breathe(self, *, fixed: bool = False) -> None:
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
        if self.cost(self.best) > CLEARLY * self.cost(still) or not self.best.explains:
            self.best = still

    def _descend(self, moves: Sequence[Step]) -> bool:
        """Take each step, forth or back, that explains more; tell whether much was won."""
        before = self.cost(self.best)
        for move in moves:
            for step in (move, move.scaled(-1)):
                psf = step.from_(self.best)
                (residual,) = reblur_residuals(self.windows, self.weight, psf, [psf.sigma_2_px])
                if self._improves(psf, residual):
                    break
        return self.cost(self.best) < 0.99 * before

    @property
    def found(self) -> Psf:
        """The blur that explains most, with the residual over all sigmas that were tried."""
        return replace(self.best, curve=tuple(sorted(self.tried.items())))

    def _plain(self, shape: PsfShape) -> Tensor:
        """Return what far planes, blurred but not unveiled, leave unexplained at least, (n,)."""
        near, far, steps = self.windows.near, self.windows.far, self.windows.steps
        blurred = [collect(far, sigma / self.apart, shape, steps) for sigma in PLAIN_SIGMAS_PX]
        return torch.stack([_errors(one, near, self.weight) for one in (far, *blurred)]).amin(0)


def fit(
    windows: Windows,
    shape: PsfShapeChoice = "auto",
    expected_px: float | None = None,
    *,
    fixed: bool = False,
) -> Psf:
    """Find the blur of least reblur residual.

    Parameters
    ----------
    windows : Windows
        Pieces along the boundary.
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
    first: PsfShape = "disk" if shape == "disk" else "gaussian"
    search = Search(windows, first, expected_px)
    low, high = (sigma / search.apart for sigma in SIGMA_RANGE_PX)
    coarse = [low * (high / low) ** (i / 8) for i in range(9)]
    if expected_px is not None:
        around = [sigma for sigma in coarse if 1 / 3 < sigma / expected_px < 3]
        coarse = [expected_px] if fixed else [*around, expected_px]
    for sigma in coarse:
        search.look(sigma, (1.0,))
    if not search.is_one:
        search.look(search.best.sigma_px, (0.6, 1.6))
    search.refine(0.2, rounds=3, fixed=fixed)
    if not search.is_one:  # a stack was registered before
        search.breathe(fixed=fixed)
    if shape != "auto":
        return search.found
    best = search.best
    other = Search(windows, "disk", expected_px, best.breathing)
    other.look(best.sigma_px, (best.sigma_2_px / best.sigma_px,))
    other.refine(0.1, rounds=2, fixed=fixed)
    return min(search.found, other.found, key=search.cost)
