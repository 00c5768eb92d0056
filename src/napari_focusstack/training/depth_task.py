"""The task of DEB: the plane in focus at each pixel of a focal stack or a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_focusstack.networks.deb import plane_features
from napari_focusstack.simulation.augmentation import StackExample, render_pair
from napari_focusstack.simulation.shapes import choose
from napari_focusstack.simulation.stacks import StackParameters, focal_stack
from napari_focusstack.training.losses import deb_loss, mean_iou, near_step
from napari_focusstack.training.scene_pool import PLANES, ScenePool
from napari_focusstack.training.task import VALIDATION_SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.training.config import TrainParameters


#: Side of the stacks of a validation, px (convention); a multiple of 64.
VALIDATION_SIDE_PX = 256
#: Number of validation pairs that a stack counts as (convention).
PAIRS_PER_STACK = 8
#: Share of near/far pairs among the stacks of a batch, and number of pairs that a validation scores
#: for each stack (convention).
PAIR_SHARE, VALIDATION_PAIRS_PER_STACK = 0.45, 4
#: Share of stacks before a blank backdrop (convention); DEB has to be trained with some.
BLANK_SHARE = 0.2


class DepthTask:
    """Focal stacks from a pool, and new pairs.

    Parameters
    ----------
    parameters : TrainParameters
        Parameters of the training.
    material, held_back : SourceImages
        Images for training and for validation.
    """

    def __init__(
        self, parameters: TrainParameters, material: SourceImages, held_back: SourceImages
    ) -> None:
        self.parameters = parameters
        self.material = material
        self.held_back = held_back
        self.pool = ScenePool(
            material, parameters.seed, StackParameters(noise=0.0, blank=BLANK_SHARE)
        )
        self._validation: list[StackExample] = []

    def draw(self, step: int, generator: Generator) -> list[StackExample]:
        """Return batches of one example each, because examples differ in their number of planes."""
        numbers = self.pool.numbers(step, self.parameters.batch, generator)
        pairs = choose(len(numbers), PAIR_SHARE, generator).tolist()
        return [
            render_pair(self.material, generator)
            if is_pair
            else self.pool.augmented(number, generator)
            for number, is_pair in zip(numbers, pairs, strict=True)
        ]

    def answer(self, network: Any, batch: StackExample) -> Tensor:
        """Return logits, (P, Y, X)."""
        logits: Tensor = network(plane_features(batch.planes)[None])[0]
        return logits

    def loss(self, answer: Tensor, batch: StackExample) -> Tensor:
        """Return the cross entropy, weighted where a wrong plane is most visible."""
        return deb_loss(answer, batch.planes, batch.layered_depth)

    def validation(self) -> Iterator[StackExample]:
        """Yield stacks and pairs of the held-back images; they are rendered once."""
        if not self._validation:
            generator = torch.Generator(self.held_back.device).manual_seed(VALIDATION_SEED)
            for _ in range(-(-self.parameters.validation_pairs // PAIRS_PER_STACK)):
                scene = focal_stack(self.held_back, PLANES, VALIDATION_SIDE_PX, generator)
                self._validation.append(StackExample(scene.planes, scene.layered_depth))
                for _ in range(VALIDATION_PAIRS_PER_STACK):
                    self._validation.append(render_pair(self.held_back, generator))
        yield from self._validation

    def estimate(self, answer: Tensor) -> Tensor:
        """Return the most probable plane, (Y, X), from 0; for a pair the foreground mask, bool."""
        return answer.argmax(0) if len(answer) > 2 else answer[0] > answer[1]

    def truth(self, batch: StackExample) -> Tensor:
        """Return the depth, (Y, X), plane steps; for a pair the foreground mask, bool."""
        return batch.depth if len(batch.planes) > 2 else batch.layered_depth[0] > 0.5

    def scores(self, estimates: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return the share of pixels whose plane is right, averaged over scenes.

        Returns
        -------
        dict of str to float
            ``exact``: the plane is the one nearest to the true depth; ``within_one``: it is that
            one or a neighbour; ``edge_within_one``: the same near depth edges, over the scenes that
            have any; ``mean_iou``: of foreground and background of the pairs.
        """
        figures, overlaps = [], []
        for plane, depth in zip(estimates, truth, strict=True):
            if depth.dtype == torch.bool:
                overlaps.append(mean_iou(plane[None], depth[None]))
                continue
            error = (plane - depth.round()).abs()
            right = [error == 0, error <= 1, error[near_step(depth)] <= 1]
            figures.append(torch.stack([share.float().mean() for share in right]))
        exact, within_one, edge = torch.stack(figures).nanmean(0).tolist()
        return {
            "edge_within_one": edge,
            "within_one": within_one,
            "exact": exact,
            "mean_iou": float(torch.stack(overlaps).mean()),
        }

    def examples(self, first: StackExample, estimates: list[Tensor], truth: list[Tensor]) -> None:
        """Return None: :class:`Examples` holds pairs only."""
