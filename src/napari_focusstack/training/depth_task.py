"""What DEB is trained for: the plane in focus at each pixel of a focal stack or a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_focusstack.networks.deb import plane_cues
from napari_focusstack.training.losses import deb_loss, mean_overlap, near_step
from napari_focusstack.training.shapes import choose
from napari_focusstack.training.stack_examples import StackExample, pair_of, vary
from napari_focusstack.training.stack_scenes import focal_stack
from napari_focusstack.training.task import VALIDATION_SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Generator, Tensor

    from napari_focusstack.training.material import Material
    from napari_focusstack.training.recipe import TrainParameters

#: Planes of a scene; sides of those to train with and to validate with, px: multiples of 64.
PLANES, SIDE_PX, VALIDATION_SIDE_PX = 10, 192, 256
#: The recipe counts crops of this side, px, and validates on a stack for so many pairs.
CROP_PX, PAIRS_PER_STACK = 128, 8
#: Share of near/far pairs among the stacks of a batch, and how many of them are validated with
#: beside each stack.
PAIRS, VALIDATION_PAIRS = 0.45, 4
#: Scenes that are drawn from at a time, and steps after which the oldest gives way to a new one.
POOL, STEPS_PER_SCENE = 400, 8
#: Between the seeds of scenes of trainings with neighbouring seeds.
SEEDS_APART = 1_000_003


class DepthTask:
    """Focal stacks that are each rendered once and drawn many times, never twice alike.

    A scene is known by its number and rendered when it is drawn first, so that a training that goes
    on sees the same scenes as one without a break, and its checkpoint need not hold them.

    Parameters
    ----------
    parameters : TrainParameters
        The recipe.
    material, held_back : Material
        Pictures to train with and to validate with.
    """

    def __init__(
        self, parameters: TrainParameters, material: Material, held_back: Material
    ) -> None:
        self.parameters = parameters
        self.material = material
        self.held_back = held_back
        #: By number: planes, uint8, and layered depth, half precision, which is 1.4 MB a scene.
        self.pool: dict[int, tuple[Tensor, Tensor]] = {}
        self._validation: list[StackExample] = []

    def draw(self, step: int, generator: Generator) -> list[StackExample]:
        """Return one example a batch, for they differ in planes."""
        oldest = step // STEPS_PER_SCENE
        self.pool = {number: scene for number, scene in self.pool.items() if number >= oldest}
        count = max(1, round(self.parameters.batch * (CROP_PX / SIDE_PX) ** 2))
        device = generator.device
        drawn = torch.randint(POOL, (count,), generator=generator, device=device) + oldest
        pairs = choose(count, PAIRS, generator).tolist()
        return [
            pair_of(self.material, generator) if pair else vary(self._scene(number), generator)
            for number, pair in zip(drawn.tolist(), pairs, strict=True)
        ]

    def _scene(self, number: int) -> StackExample:
        if number not in self.pool:
            generator = torch.Generator(self.material.device)
            generator.manual_seed(self.parameters.seed * SEEDS_APART + number)
            scene = focal_stack(self.material, PLANES, SIDE_PX, generator, noise=0.0)
            eight_bits = (scene.planes * 255).round().byte()
            self.pool[number] = eight_bits, scene.layered_depth.half()
        planes, layered_depth = self.pool[number]
        return StackExample(planes / 255, layered_depth.float())

    def answer(self, network: Any, batch: StackExample) -> Tensor:
        """Return logits, (P, Y, X)."""
        logits: Tensor = network(plane_cues(batch.planes)[None])[0]
        return logits

    def loss(self, answer: Tensor, batch: StackExample) -> Tensor:
        """Return the cross entropy, weighted where a wrong plane is seen most."""
        return deb_loss(answer, batch.planes, batch.layered_depth)

    def validation(self) -> Iterator[StackExample]:
        """Yield stacks and pairs of held-back pictures as they are, rendered at the first time."""
        if not self._validation:
            generator = torch.Generator(self.held_back.device).manual_seed(VALIDATION_SEED)
            for _ in range(-(-self.parameters.validation_pairs // PAIRS_PER_STACK)):
                scene = focal_stack(self.held_back, PLANES, VALIDATION_SIDE_PX, generator)
                self._validation.append(StackExample(scene.planes, scene.layered_depth))
                for _ in range(VALIDATION_PAIRS):
                    self._validation.append(pair_of(self.held_back, generator))
        yield from self._validation

    def found(self, answer: Tensor) -> Tensor:
        """Return the most probable plane, (Y, X), from 0; of a pair the foreground mask, bool."""
        return answer.argmax(0) if len(answer) > 2 else answer[0] > answer[1]

    def truth(self, batch: StackExample) -> Tensor:
        """Return the depth, (Y, X), plane steps; of a pair the foreground mask, bool."""
        return batch.depth if len(batch.planes) > 2 else batch.layered_depth[0] > 0.5

    def scores(self, found: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return the mean share of pixels of a scene whose plane is right.

        Returns
        -------
        dict of str to float
            ``exact``: the plane is the nearest to the truth; ``within_one``: or beside it;
            ``edge_within_one``: the same near steps of depth, of the scenes that have any;
            ``mean_iou``: of the foreground and the rest of a pair.
        """
        figures, overlaps = [], []
        for plane, depth in zip(found, truth, strict=True):
            if depth.dtype == torch.bool:
                overlaps.append(mean_overlap(plane[None], depth[None]))
                continue
            off = (plane - depth.round()).abs()
            right = [off == 0, off <= 1, off[near_step(depth)] <= 1]
            figures.append(torch.stack([share.float().mean() for share in right]))
        exact, within_one, edge = torch.stack(figures).nanmean(0).tolist()
        mean_iou = float(torch.stack(overlaps).mean())
        return {
            "edge_within_one": edge,
            "within_one": within_one,
            "exact": exact,
            "mean_iou": mean_iou,
        }

    def examples(self, first: StackExample, found: list[Tensor], truth: list[Tensor]) -> None:
        """Show nothing: a stack is no pair."""
