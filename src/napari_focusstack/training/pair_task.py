"""What FSB and KEB are trained for: alpha and blur of the foreground, from near/far pairs."""

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


#: Pairs of a batch, and their side in px, that a validation scores at once.
VALIDATION_BATCH, VALIDATION_SIDE_PX = 8, 128


@dataclass(frozen=True)
class PairTask:
    """What FSB and KEB share: pairs rendered anew for each step.

    Parameters
    ----------
    parameters : TrainParameters
        The recipe.
    material, held_back : Material
        Pictures to train with and to validate with.
    sides_px : sequence of int
        Sides of training crops, step by step, px; the recipe's batch counts the first.
    """

    parameters: TrainParameters
    material: SourceImages
    held_back: SourceImages
    sides_px: Sequence[int]
    scenes: ClassVar[SceneParameters] = SceneParameters()

    def draw(self, step: int, generator: Generator) -> list[Pairs]:
        """Render one batch, of about as many pixels whatever its side."""
        side = self.sides_px[step % len(self.sides_px)]
        count = max(1, round(self.parameters.batch * (self.sides_px[0] / side) ** 2))
        return [synthesise(self.material, count, side, generator, self.scenes)]

    def validation(self) -> Iterator[Pairs]:
        """Render pairs of held-back pictures."""
        generator = torch.Generator(self.held_back.device).manual_seed(VALIDATION_SEED)
        for _ in range(-(-self.parameters.validation_pairs // VALIDATION_BATCH)):
            yield synthesise(
                self.held_back, VALIDATION_BATCH, VALIDATION_SIDE_PX, generator, self.scenes
            )

    def examples(self, first: Pairs, found: list[Tensor], truth: list[Tensor]) -> Examples:
        """Return the first pairs and all answers."""
        return Examples(
            first.near.cpu(), first.far.cpu(), torch.cat(truth).cpu(), torch.cat(found).cpu()
        )


class ForegroundTask(PairTask):
    """FSB: find the foreground."""

    def answer(self, network: Any, batch: Pairs) -> Tensor:
        """Return alpha before the sigmoid, (B, 1, Y, X)."""
        planes = batch.planes.contiguous(memory_format=torch.channels_last)
        logits: Tensor = network.logits(planes)
        return logits

    def loss(self, answer: Tensor, batch: Pairs) -> Tensor:
        """Return Eq. 11 plus cross entropy."""
        return fsb_loss(answer, batch.alpha, batch.near, batch.far)

    def found(self, answer: Tensor) -> Tensor:
        """Return alpha."""
        return torch.sigmoid(answer)

    def truth(self, batch: Pairs) -> Tensor:
        """Return alpha."""
        return batch.alpha

    def scores(self, found: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return ``mean_iou``, ``alpha_error`` and ``edge_error``, along the boundary."""
        answer, true = torch.cat(found), torch.cat(truth)
        error, edge = (answer - true).abs(), boundary(true)
        return {
            "mean_iou": float(mean_iou(answer > 0.5, true > 0.5).mean()),
            "alpha_error": float(error.mean()),
            "edge_error": float((error * edge).sum() / edge.sum()),
        }


class BlurTask(PairTask):
    """KEB: find how blurred the foreground is in the far plane."""

    scenes: ClassVar[SceneParameters] = KEB_SCENES

    def answer(self, network: Any, batch: Pairs) -> Tensor:
        """Return sigma, (B,), px, from the planes and the mask."""
        seen = torch.cat([batch.planes, batch.alpha], 1)
        sigma_px: Tensor = network(seen.contiguous(memory_format=torch.channels_last))
        return sigma_px

    def loss(self, answer: Tensor, batch: Pairs) -> Tensor:
        """Return Eq. 12."""
        return keb_loss(answer, batch.sigma_px)

    def found(self, answer: Tensor) -> Tensor:
        """Return sigma, px."""
        return answer

    def truth(self, batch: Pairs) -> Tensor:
        """Return sigma, px."""
        return batch.sigma_px

    def scores(self, found: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return ``sigma_error`` (median, relative) and ``sigma_bias``."""
        relative = torch.cat(found) / torch.cat(truth) - 1
        return {
            "sigma_error": float(relative.abs().median()),
            "sigma_bias": float(relative.median()),
        }
