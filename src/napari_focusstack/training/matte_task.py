"""What MEB is trained for: to draw the edges that DEB found, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import plane_features
from napari_focusstack.networks.meb import edge_features
from napari_focusstack.segmentation.depth import decode_logits
from napari_focusstack.segmentation.depth_edges import SurfacePair
from napari_focusstack.simulation.augmentation import StackExample
from napari_focusstack.simulation.stacks import StackParameters, focal_stack
from napari_focusstack.training.losses import meb_loss
from napari_focusstack.training.scene_pool import PLANES, ScenePool
from napari_focusstack.training.task import VALIDATION_SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Generator, Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.training.config import TrainParameters


#: Edges of photographs that do not lie where the depth's do, or are harder, are seen as well.
SCENES = StackParameters(noise=0.0, parted=0.5, misplaced=0.4, hard=0.4)
#: Side of the stacks to validate with, px, and for how many pairs of the recipe one stands.
VALIDATION_SIDE_PX, PAIRS_PER_STACK = 256, 8
#: Fewest planes that DEB finds a depth in.
FEWEST_PLANES = 3


@dataclass(frozen=True)
class Edges:
    """The edges of a stack as MEB sees them, and how the surfaces share the pixels.

    Parameters
    ----------
    features : Tensor
        Shape (1, 15, Y, X), see :func:`~napari_focusstack.networks.meb.edge_features`.
    alpha : Tensor
        Shape (1, 1, Y, X), 0..1: true share of what lies nearer than the middle between both.
    contrast : Tensor
        Same shape: mean difference between what the two planes show, 0..1.
    """

    features: Tensor
    alpha: Tensor
    contrast: Tensor

    @property
    def signed_distance_px(self) -> Tensor:
        """Distance from the step that DEB found, px, see :class:`SurfacePair`; (1, 1, Y, X)."""
        return 3 * self.features[:, -5:-4]


class MatteTask:
    """Focal stacks from a pool, with the depth that the shipped DEB finds in each.

    Parameters
    ----------
    parameters : TrainParameters
        The recipe.
    material, held_back : Material
        Pictures to train with and to validate with.
    """

    def __init__(
        self, parameters: TrainParameters, material: SourceImages, held_back: SourceImages
    ) -> None:
        self.parameters = parameters
        self.held_back = held_back
        self.pool = ScenePool(material, parameters.seed, SCENES)
        self.deb, _ = weights.load("deb", material.device)
        self._validation: list[Edges] = []

    def draw(self, step: int, generator: Generator) -> list[Edges]:
        """Return one example a batch, for they are looked at one by one."""
        numbers = self.pool.numbers(step, self.parameters.batch, generator)
        return [edges_of(self._stack(number, generator), self.deb) for number in numbers]

    def _stack(self, number: int, generator: Generator) -> StackExample:
        while True:
            example = self.pool.varied(number, generator)
            if len(example.planes) >= FEWEST_PLANES:
                return example

    def answer(self, network: Any, batch: Edges) -> Tensor:
        """Return log-odds of the front surface, (1, 1, Y, X)."""
        logits: Tensor = network(batch.features.contiguous(memory_format=torch.channels_last))
        return logits

    def loss(self, answer: Tensor, batch: Edges) -> Tensor:
        """Return cross entropy and mean error, weighted where a wrong edge is seen most."""
        return meb_loss(answer, batch.alpha, batch.signed_distance_px, batch.contrast)

    def validation(self) -> Iterator[Edges]:
        """Yield edges of held-back pictures, rendered at the first time."""
        if not self._validation:
            generator = torch.Generator(self.held_back.device).manual_seed(VALIDATION_SEED)
            for _ in range(-(-self.parameters.validation_pairs // PAIRS_PER_STACK)):
                scene = focal_stack(self.held_back, PLANES, VALIDATION_SIDE_PX, generator)
                example = StackExample(scene.planes, scene.layered_depth)
                self._validation.append(edges_of(example, self.deb))
        yield from self._validation

    def found(self, answer: Tensor) -> Tensor:
        """Return alpha."""
        return torch.sigmoid(answer)

    def truth(self, batch: Edges) -> Tensor:
        """Return true alpha, the contrast and where a step is near, (1, 3, Y, X)."""
        return torch.cat([batch.alpha, batch.contrast, (batch.signed_distance_px != 0).float()], 1)

    def scores(self, found: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return figures of the pixels near a step.

        Returns
        -------
        dict of str to float
            ``wrong``: share that the wrong surface covers most of; ``alpha_error``: mean error of
            alpha; ``light_error``: root mean square of that error times the contrast.
        """
        wrong = error = light = count = 0.0
        for alpha, (true, contrast, near) in zip(found, (one[0] for one in truth), strict=True):
            off = (alpha[0, 0] - true).abs()
            wrong += float((((alpha[0, 0] > 0.5) != (true > 0.5)) * near).sum())
            error += float((off * near).sum())
            light += float(((off * contrast).square() * near).sum())
            count += float(near.sum())
        count = max(count, 1.0)
        return {
            "wrong": wrong / count,
            "alpha_error": error / count,
            "light_error": (light / count) ** 0.5,
        }

    def examples(self, first: Edges, found: list[Tensor], truth: list[Tensor]) -> None:
        """Show nothing: edges are no pair."""


@torch.no_grad()
def edges_of(example: StackExample, deb: DEB) -> Edges:
    """Return the edges that a DEB finds in a stack, and the truth of them."""
    planes = example.planes
    features = torch.stack([plane_features(plane[None]) for plane in planes], 1)
    depth, confidence = decode_logits(iter([deb(features)[0]]), features[0]).split(1)
    meeting = SurfacePair.of(depth)
    near, far = (
        planes.gather(0, surface.round().long()[:, None].expand(1, 3, -1, -1) - 1)
        for surface in (meeting.front, meeting.behind)
    )
    alpha, front, behind = example.layered_depth
    middle = (meeting.front + meeting.behind)[0] / 2 - 1
    true = alpha * (front <= middle) + (1 - alpha) * (behind <= middle)
    steps = meeting.behind - meeting.front
    return Edges(
        edge_features(near, far, meeting.signed_distance_px[None], steps[None], confidence[None]),
        true[None, None],
        (near - far).abs().mean(1, keepdim=True),
    )
