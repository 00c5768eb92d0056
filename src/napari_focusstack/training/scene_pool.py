"""Focal stacks for training: a scene is rendered once, and augmented each time it is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.simulation.augmentation import StackExample, augment
from napari_focusstack.simulation.stacks import focal_stack

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.simulation.stacks import StackParameters


#: Planes of a scene, and its side, px (convention); the side is a multiple of 64.
PLANES, SIDE_PX = 10, 192
#: Scenes in the pool, and steps after which a new scene replaces the oldest (convention).
POOL_SCENES, STEPS_PER_SCENE = 400, 8
#: Difference between the scene seeds of trainings with successive seeds (any large number).
SEED_STRIDE = 1_000_003
#: Side of the crops that ``TrainParameters.batch`` counts, px.
CROP_PX = 128


class ScenePool:
    """Rendered scenes, of which some are drawn at each step.

    A scene is identified by its number, and rendered when it is first drawn. So a resumed training
    uses the same scenes as an uninterrupted one, and checkpoints need not store them.

    Parameters
    ----------
    material : SourceImages
        Images to draw from.
    seed : int
        Seed of the training.
    parameters : StackParameters
        Distribution of the scenes. Noise is added later, by :func:`augment`.
    """

    def __init__(self, material: SourceImages, seed: int, parameters: StackParameters) -> None:
        self.material = material
        self.seed = seed
        self.parameters = parameters
        #: Planes (uint8) and layered depth (half precision) by number, 1.4 MB per scene.
        self.scenes: dict[int, tuple[Tensor, Tensor]] = {}

    def numbers(self, step: int, batch: int, generator: Generator) -> list[int]:
        """Draw the numbers of a step's scenes, with about as many pixels as ``batch`` crops."""
        oldest = step // STEPS_PER_SCENE
        self.scenes = {number: scene for number, scene in self.scenes.items() if number >= oldest}
        count = max(1, round(batch * (CROP_PX / SIDE_PX) ** 2))
        drawn = torch.randint(POOL_SCENES, (count,), generator=generator, device=generator.device)
        numbers: list[int] = (drawn + oldest).tolist()
        return numbers

    def scene(self, number: int) -> StackExample:
        """Return a scene; it is rendered at the first call."""
        if number not in self.scenes:
            generator = torch.Generator(self.material.device)
            generator.manual_seed(self.seed * SEED_STRIDE + number)
            scene = focal_stack(self.material, PLANES, SIDE_PX, generator, self.parameters)
            eight_bits = (scene.planes * 255).round().byte()
            self.scenes[number] = eight_bits, scene.layered_depth.half()
        planes, layered_depth = self.scenes[number]
        return StackExample(planes / 255, layered_depth.float())

    def augmented(self, number: int, generator: Generator) -> StackExample:
        """Return a random variation of a scene, see :func:`augment`."""
        return augment(self.scene(number), generator)
