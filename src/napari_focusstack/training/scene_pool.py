"""Focal stacks to train with: each is rendered once and drawn many times, never twice alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.simulation.augmentation import StackExample, augment
from napari_focusstack.simulation.stacks import focal_stack

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.simulation.stacks import StackParameters


#: Planes of a scene, and its side, px: a multiple of 64.
PLANES, SIDE_PX = 10, 192
#: Scenes that are drawn from at a time, and steps after which the oldest gives way to a new one.
POOL, STEPS_PER_SCENE = 400, 8
#: Between the seeds of scenes of trainings with neighbouring seeds.
SEEDS_APART = 1_000_003
#: The recipe counts crops of this side, px.
CROP_PX = 128


class ScenePool:
    """Rendered scenes, of which some are drawn at each step.

    A scene is known by its number and rendered when it is drawn first, so that a training that goes
    on sees the same scenes as one without a break, and its checkpoint need not hold them.

    Parameters
    ----------
    material : Material
        Pictures to draw from.
    seed : int
        Of the training.
    parameters : StackParameters
        Which scenes; noise is for :func:`augment` to add.
    """

    def __init__(self, material: SourceImages, seed: int, parameters: StackParameters) -> None:
        self.material = material
        self.seed = seed
        self.parameters = parameters
        #: By number: planes, uint8, and layered depth, half precision, which is 1.4 MB a scene.
        self.scenes: dict[int, tuple[Tensor, Tensor]] = {}

    def numbers(self, step: int, batch: int, generator: Generator) -> list[int]:
        """Draw the numbers of a step's scenes: of about the pixels of so many crops."""
        oldest = step // STEPS_PER_SCENE
        self.scenes = {number: scene for number, scene in self.scenes.items() if number >= oldest}
        count = max(1, round(batch * (CROP_PX / SIDE_PX) ** 2))
        drawn = torch.randint(POOL, (count,), generator=generator, device=generator.device)
        numbers: list[int] = (drawn + oldest).tolist()
        return numbers

    def scene(self, number: int) -> StackExample:
        """Return a scene, rendered at the first time."""
        if number not in self.scenes:
            generator = torch.Generator(self.material.device)
            generator.manual_seed(self.seed * SEEDS_APART + number)
            scene = focal_stack(self.material, PLANES, SIDE_PX, generator, self.parameters)
            eight_bits = (scene.planes * 255).round().byte()
            self.scenes[number] = eight_bits, scene.layered_depth.half()
        planes, layered_depth = self.scenes[number]
        return StackExample(planes / 255, layered_depth.float())

    def varied(self, number: int, generator: Generator) -> StackExample:
        """Return another photograph of a scene, see :func:`augment`."""
        return augment(self.scene(number), generator)
