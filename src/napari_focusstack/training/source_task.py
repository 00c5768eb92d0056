"""What SEB is trained for: to tell how far each plane lies from the truth, and the best apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as functional

from napari_focusstack.filters.gaussian import smooth
from napari_focusstack.imaging.noise import noise_level
from napari_focusstack.networks.coarse_cues import NO_ERROR
from napari_focusstack.simulation.chance import log_uniform
from napari_focusstack.simulation.thin_lens.pool import load
from napari_focusstack.simulation.thin_lens.sensor import Defects, expose
from napari_focusstack.training.task import VALIDATION_SEED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Generator, Tensor

#: Side of training crops, px.
CROP_PX = 128
#: Most planes times crops of an example, for time and memory.
MOST_PLANES = 17
#: Noise of a plane is averaged over a Gaussian of this, px: what is expected of it.
EXPECTED_PX = 3.0
#: Weight of the regret of the choice beside the fit of the error.
REGRET = 1.0
#: How hard the choice is: powers of the expected error.
HARDNESS = 2.0


@dataclass(frozen=True)
class SourceExample:
    """A stack as a camera delivers it, and how far its planes lie from the truth.

    Parameters
    ----------
    planes : Tensor
        Shape (1, P, 3, Y, X), coded, 0..1.
    errors : Tensor
        Shape (1, P, Y, X): expected squared error about each pixel.
    truth : Tensor
        Shape (1, 3, Y, X), coded.
    noise : Tensor
        Shape (1,), see :func:`~napari_focusstack.imaging.noise.noise_level`.
    """

    planes: Tensor
    errors: Tensor
    truth: Tensor
    noise: Tensor


def draw_defects(generator: np.random.Generator) -> Defects:
    """Draw the defects of a stack that is registered and equalised."""
    noisy = generator.random()
    noise = 0.0 if noisy < 0.4 else log_uniform(0.001, 0.03, generator)
    share = generator.uniform(0, 1)
    eight = generator.random() < 0.65
    moved = generator.random() < 0.25
    drifting = generator.random() < 0.25
    return Defects(
        exposure=log_uniform(0.3, 1.5, generator) if generator.random() < 0.6 else 1.0,
        drift_share=generator.uniform(0, 0.006) if drifting else 0.0,
        colour_drift_share=generator.uniform(0, 0.003) if drifting else 0.0,
        breathing_share=generator.uniform(-0.002, 0.002) if moved else 0.0,
        jitter_px=generator.uniform(0, 0.25) if moved else 0.0,
        read_noise=noise * np.sqrt(1 - share),
        shot_noise=noise * np.sqrt(share) * 1.4,
        grey=bool(generator.random() < 0.3),
        bits=8 if eight else 16,
        jpeg_quality=int(generator.integers(75, 99)) if eight and generator.random() < 0.4 else 0,
    )


def draw_planes(count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw which of a stack's planes are seen: runs, every second or third, or some of them."""
    chosen = np.arange(count)
    if count > 3:
        kind = generator.random()
        if kind < 0.35:
            step = int(generator.integers(1, max(2, (count - 1) // 2) + 1))
            chosen = chosen[int(generator.integers(step)) :: step]
        elif kind < 0.55:
            length = int(generator.integers(3, count + 1))
            first = int(generator.integers(count - length + 1))
            chosen = chosen[first : first + length]
        elif kind < 0.65:
            length = int(generator.integers(2, count + 1))
            chosen = np.sort(generator.choice(count, length, replace=False))
    if len(chosen) > MOST_PLANES:
        chosen = chosen[:: -(-len(chosen) // MOST_PLANES)]
    return chosen[::-1] if generator.random() < 0.5 else chosen


def read_example(
    path: Path,
    generator: np.random.Generator,
    defects: Defects | None = None,
    chosen: np.ndarray | None = None,
    side_px: int = CROP_PX,
) -> SourceExample:
    """Read a rendered scene and photograph it anew.

    Parameters
    ----------
    path : Path
        See :mod:`napari_focusstack.simulation.thin_lens.pool`.
    generator : numpy.random.Generator
        Source of chance.
    defects : Defects, optional
        Drawn by chance, if not given; crops are then turned and mirrored as well.
    chosen : ndarray, optional
        Which planes; drawn by chance, if not given.
    side_px : int
        Side of the crop.
    """
    scene = load(path)
    planes, truth = scene.planes, scene.truth
    top, left = (
        int(generator.integers(length - side_px + 1)) if defects is None else 0
        for length in truth.shape[:2]
    )
    seen = draw_planes(len(planes), generator) if chosen is None else chosen
    planes = planes[seen, top : top + side_px, left : left + side_px]
    truth = truth[top : top + side_px, left : left + side_px]
    if defects is None:
        turns = int(generator.integers(4))
        planes, truth = np.rot90(planes, turns, (1, 2)), np.rot90(truth, turns, (0, 1))
        if generator.random() < 0.5:
            planes, truth = planes[:, :, ::-1], truth[:, ::-1]
    exposed = expose(planes, truth, defects or draw_defects(generator), generator)
    clean, noisy, true = (
        torch.from_numpy(np.ascontiguousarray(np.moveaxis(picture, -1, -3)))
        for picture in (exposed.clean, exposed.planes, exposed.truth)
    )
    errors = smooth((clean - true).square().mean(1), 1.0)
    errors = errors + smooth((noisy - clean).square().mean(1), EXPECTED_PX)
    return SourceExample(noisy[None], errors[None], true[None], noise_level(noisy[None]))


def source_loss(answer: Tensor, errors: Tensor) -> Tensor:
    """Return how wrong expected errors are, and what a choice by them costs.

    Parameters
    ----------
    answer : Tensor
        Shape (B, P, Y, X): natural log of the expected squared error.
    errors : Tensor
        Same shape: the true one.

    Returns
    -------
    Tensor
        Scalar: the robust mean difference of the logs; plus the log of how much greater the mean
        squared error of a soft choice is than that of the best choice, over the whole crop and, of
        less weight, pixel by pixel.
    """
    fit = functional.smooth_l1_loss(answer, torch.log(errors + NO_ERROR))
    chosen = (functional.softmax(-HARDNESS * answer, 1) * errors).sum(1)
    best = errors.amin(1)
    whole = torch.log(chosen.mean((1, 2)) + NO_ERROR) - torch.log(best.mean((1, 2)) + NO_ERROR)
    each = torch.log(chosen + NO_ERROR) - torch.log(best + NO_ERROR)
    return 0.5 * fit + REGRET * (whole.mean() + 0.5 * each.mean())


class SourceTask:
    """Rendered scenes from two folders, photographed anew each time they are drawn.

    Parameters
    ----------
    pool, held_back : Path
        Folders of scenes to train with, to which more may be added, and to validate with.
    batch : int
        Scenes of a step.
    """

    def __init__(self, pool: Path, held_back: Path, batch: int = 4) -> None:
        self.pool = pool
        self.held_back = held_back
        self.batch = batch
        self._paths: list[Path] = []
        self._validation: list[SourceExample] = []

    def draw(self, step: int, generator: Generator) -> list[SourceExample]:
        """Return one example a batch, for they differ in planes."""
        if step % 100 == 0 or not self._paths:
            self._paths = sorted(self.pool.glob("*.npz"))
        chance = np.random.default_rng(
            int(torch.randint(2**31, (1,), generator=generator)) + 2**31 * step
        )
        numbers = chance.integers(len(self._paths), size=self.batch)
        return [read_example(self._paths[number], chance) for number in numbers]

    def answer(self, network: Any, batch: SourceExample) -> Tensor:
        """Return log of the expected errors, (1, P, Y, X)."""
        answer: Tensor = network(batch.planes, batch.noise)
        return answer

    def loss(self, answer: Tensor, batch: SourceExample) -> Tensor:
        """Return :func:`source_loss`."""
        return source_loss(answer, batch.errors)

    def validation(self) -> Iterator[SourceExample]:
        """Yield held-back scenes of few and many planes, clean and noisy, always the same."""
        if not self._validation:
            chance = np.random.default_rng(VALIDATION_SEED)
            for number, path in enumerate(sorted(self.held_back.glob("*.npz"))[:24]):
                noise = (0.0, 0.0, 0.01, 0.03)[number % 4]
                defects = Defects(read_noise=noise, bits=8)
                chosen = np.arange(33)[:: (2, 4, 8)[number % 3]]
                self._validation.append(read_example(path, chance, defects, chosen))
        yield from self._validation

    def found(self, answer: Tensor) -> Tensor:
        """Return log of the expected errors."""
        return answer

    def truth(self, batch: SourceExample) -> Tensor:
        """Return the true errors."""
        return batch.errors

    def scores(self, found: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return figures of the choice of the least expected error.

        Returns
        -------
        dict of str to float
            ``psnr``: mean over scenes, dB; ``behind``: by how much that is below the best choice;
            ``fit``: mean difference of the logs.
        """
        chosen, best, fit = [], [], []
        for answer, errors in zip(found, truth, strict=True):
            picked = errors.gather(1, answer.argmin(1, keepdim=True))
            chosen.append(_psnr(picked))
            best.append(_psnr(errors.amin(1)))
            fit.append(float((answer - torch.log(errors + NO_ERROR)).abs().mean()))
        psnr = float(np.mean(chosen))
        return {"psnr": psnr, "behind": float(np.mean(best)) - psnr, "fit": float(np.mean(fit))}

    def examples(self, first: Any, found: list[Tensor], truth: list[Tensor]) -> None:
        """Show nothing: sources are no pair."""


def _psnr(errors: Tensor) -> float:
    return min(60.0, float(-10 * torch.log10(errors.mean() + 1e-9)))
