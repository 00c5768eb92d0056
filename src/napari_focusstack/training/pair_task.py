"""The tasks of FSB and KEB: alpha and sigma of the foreground of near/far pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from napari_focusstack.simulation.pairs import KEB_SCENES, Pairs, SceneParameters, synthesise
from napari_focusstack.training.losses import boundary, fsb_loss, keb_loss, mean_iou
from napari_focusstack.training.task import VALIDATION_SEED, Examples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.training.config import TrainParameters


#: Pairs in a batch of a validation, and their side, px (convention).
VALIDATION_BATCH, VALIDATION_SIDE_PX = 8, 128


@dataclass(frozen=True)
class PairTask:
    """The common part of both tasks: new pairs are rendered for each step.

    Parameters
    ----------
    parameters : TrainParameters
        Parameters of the training.
    material, held_back : SourceImages
        Images for training and for validation.
    sides_px : sequence of int
        Sides of the crops of successive steps, px. ``parameters.batch`` counts crops of the first.
    """

    parameters: TrainParameters
    material: SourceImages
    held_back: SourceImages
    sides_px: Sequence[int]
    scenes: ClassVar[SceneParameters] = SceneParameters()

    def draw(self, step: int, generator: Generator) -> list[Pairs]:
        """Render one batch; the number of pixels hardly depends on the side."""
        side = self.sides_px[step % len(self.sides_px)]
        count = max(1, round(self.parameters.batch * (self.sides_px[0] / side) ** 2))
        return [synthesise(self.material, count, side, generator, self.scenes)]

    def validation(self) -> Iterator[Pairs]:
        """Render pairs of the held-back images."""
        generator = torch.Generator(self.held_back.device).manual_seed(VALIDATION_SEED)
        for _ in range(-(-self.parameters.validation_pairs // VALIDATION_BATCH)):
            yield synthesise(
                self.held_back, VALIDATION_BATCH, VALIDATION_SIDE_PX, generator, self.scenes
            )

    def examples(self, first: Pairs, estimates: list[Tensor], truth: list[Tensor]) -> Examples:
        """Return the first pairs and all estimates."""
        return Examples(
            first.near.cpu(), first.far.cpu(), torch.cat(truth).cpu(), torch.cat(estimates).cpu()
        )


class ForegroundTask(PairTask):
    """FSB: estimate the alpha of the foreground."""

    def answer(self, network: Any, batch: Pairs) -> Tensor:
        """Return the logits of alpha, (B, 1, Y, X)."""
        planes = batch.planes.contiguous(memory_format=torch.channels_last)
        logits: Tensor = network.logits(planes)
        return logits

    def loss(self, answer: Tensor, batch: Pairs) -> Tensor:
        """Return the loss of Eq. 11 plus cross entropy."""
        return fsb_loss(answer, batch.alpha, batch.near, batch.far)

    def estimate(self, answer: Tensor) -> Tensor:
        """Return alpha, (B, 1, Y, X), 0..1."""
        return torch.sigmoid(answer)

    def truth(self, batch: Pairs) -> Tensor:
        """Return alpha, (B, 1, Y, X), 0..1."""
        return batch.alpha

    def scores(self, estimates: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return ``mean_iou``, ``alpha_error`` (mean) and ``edge_error`` (along the boundary)."""
        alpha, true = torch.cat(estimates), torch.cat(truth)
        error, edge = (alpha - true).abs(), boundary(true)
        return {
            "mean_iou": float(mean_iou(alpha > 0.5, true > 0.5).mean()),
            "alpha_error": float(error.mean()),
            "edge_error": float((error * edge).sum() / edge.sum()),
        }


class BlurTask(PairTask):
    """KEB: estimate sigma of K3, the blur of the foreground in the far plane."""

    scenes: ClassVar[SceneParameters] = KEB_SCENES

    def answer(self, network: Any, batch: Pairs) -> Tensor:
        """Return sigma, (B,), px, from the planes and the mask."""
        inputs = torch.cat([batch.planes, batch.alpha], 1)
        sigma_px: Tensor = network(inputs.contiguous(memory_format=torch.channels_last))
        return sigma_px

    def loss(self, answer: Tensor, batch: Pairs) -> Tensor:
        """Return the loss of Eq. 12, px."""
        return keb_loss(answer, batch.sigma_px)

    def estimate(self, answer: Tensor) -> Tensor:
        """Return sigma, (B,), px."""
        return answer

    def truth(self, batch: Pairs) -> Tensor:
        """Return sigma, (B,), px."""
        return batch.sigma_px

    def scores(self, estimates: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return ``sigma_error`` and ``sigma_bias``: medians of the relative error."""
        relative = torch.cat(estimates) / torch.cat(truth) - 1
        return {
            "sigma_error": float(relative.abs().median()),
            "sigma_bias": float(relative.median()),
        }
