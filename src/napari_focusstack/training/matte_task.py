"""The task of MEB: alpha along the depth edges that DEB estimates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import plane_features
from napari_focusstack.networks.meb import edge_features
from napari_focusstack.segmentation.depth import decode_logits, with_confidence
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


#: Scenes in which edges of the picture lie beside those of the depth, or are not antialiased, are
#: included, as in photographs with measured depth (convention).
SCENES = StackParameters(noise=0.0, from_segments=0.5, misplaced=0.4, unmixed=0.4)
#: Side of the stacks of a validation, px, and number of pairs that one counts as (convention).
VALIDATION_SIDE_PX, PAIRS_PER_STACK = 256, 8
#: Smallest number of planes of a stack; of two planes DEB gives a mask, not a depth.
MIN_PLANES = 3


@dataclass(frozen=True)
class Edges:
    """The input of MEB for a stack, and the true alpha.

    Parameters
    ----------
    features : Tensor
        Shape (1, 15, Y, X), see :func:`~napari_focusstack.networks.meb.edge_features`.
    alpha : Tensor
        Shape (1, 1, Y, X), 0..1: true coverage by surfaces nearer than the middle between the two
        candidate surfaces.
    contrast : Tensor
        Same shape, 0..1: mean absolute difference between the planes of the two surfaces.
    """

    features: Tensor
    alpha: Tensor
    contrast: Tensor

    @property
    def signed_distance_px(self) -> Tensor:
        """Signed distance from the edge of DEB, px, (1, 1, Y, X); see :class:`SurfacePair`."""
        return 3 * self.features[:, -5:-4]


class MatteTask:
    """Focal stacks from a pool, with the depth that the shipped DEB estimates for each.

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
        self.held_back = held_back
        self.pool = ScenePool(material, parameters.seed, SCENES)
        self.deb, _ = weights.load("deb", material.device)
        self._validation: list[Edges] = []

    def draw(self, step: int, generator: Generator) -> list[Edges]:
        """Return batches of one stack each."""
        numbers = self.pool.numbers(step, self.parameters.batch, generator)
        return [edges_of(self._stack(number, generator), self.deb) for number in numbers]

    def _stack(self, number: int, generator: Generator) -> StackExample:
        """Return a random variation of a scene that has enough planes."""
        while True:
            example = self.pool.augmented(number, generator)
            if len(example.planes) >= MIN_PLANES:
                return example

    def answer(self, network: Any, batch: Edges) -> Tensor:
        """Return the log-odds of the front surface, (1, 1, Y, X)."""
        logits: Tensor = network(batch.features.contiguous(memory_format=torch.channels_last))
        return logits

    def loss(self, answer: Tensor, batch: Edges) -> Tensor:
        """Return cross entropy and error of alpha, weighted where a wrong edge is most visible."""
        return meb_loss(answer, batch.alpha, batch.signed_distance_px, batch.contrast)

    def validation(self) -> Iterator[Edges]:
        """Yield stacks of the held-back images; they are rendered once."""
        if not self._validation:
            generator = torch.Generator(self.held_back.device).manual_seed(VALIDATION_SEED)
            for _ in range(-(-self.parameters.validation_pairs // PAIRS_PER_STACK)):
                scene = focal_stack(self.held_back, PLANES, VALIDATION_SIDE_PX, generator)
                example = StackExample(scene.planes, scene.layered_depth)
                self._validation.append(edges_of(example, self.deb))
        yield from self._validation

    def estimate(self, answer: Tensor) -> Tensor:
        """Return alpha, (1, 1, Y, X), 0..1."""
        return torch.sigmoid(answer)

    def truth(self, batch: Edges) -> Tensor:
        """Return true alpha, contrast, and 1 near depth edges, else 0: (1, 3, Y, X)."""
        return torch.cat([batch.alpha, batch.contrast, (batch.signed_distance_px != 0).float()], 1)

    def scores(self, estimates: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return figures over the pixels near depth edges.

        Returns
        -------
        dict of str to float
            ``wrong``: share of pixels whose larger part is assigned to the wrong surface;
            ``alpha_error``: mean error of alpha; ``light_error``: root mean square of that error
            times the contrast.
        """
        wrong = error = light = count = 0.0
        for alpha, true_layers in zip(estimates, truth, strict=True):
            true, contrast, near = true_layers[0]
            difference = (alpha[0, 0] - true).abs()
            wrong += float((((alpha[0, 0] > 0.5) != (true > 0.5)) * near).sum())
            error += float((difference * near).sum())
            light += float(((difference * contrast).square() * near).sum())
            count += float(near.sum())
        count = max(count, 1.0)
        return {
            "wrong": wrong / count,
            "alpha_error": error / count,
            "light_error": (light / count) ** 0.5,
        }

    def examples(self, first: Edges, estimates: list[Tensor], truth: list[Tensor]) -> None:
        """Return None: :class:`Examples` holds pairs only."""


@torch.no_grad()
def edges_of(example: StackExample, deb: DEB) -> Edges:
    """Return the input of MEB for a stack, with the depth edges of a DEB, and the true alpha."""
    planes = example.planes
    features = torch.stack([plane_features(plane[None]) for plane in planes], 1)
    depth, confidence = with_confidence(*decode_logits(iter([deb(features)[0]]), features[0]))
    surfaces = SurfacePair.of(depth)
    near, far = (
        planes.gather(0, surface.round().long()[:, None].expand(1, 3, -1, -1) - 1)
        for surface in (surfaces.front, surfaces.behind)
    )
    alpha, front, behind = example.layered_depth
    middle = (surfaces.front + surfaces.behind)[0] / 2 - 1
    true = alpha * (front <= middle) + (1 - alpha) * (behind <= middle)
    steps = surfaces.behind - surfaces.front
    return Edges(
        edge_features(near, far, surfaces.signed_distance_px[None], steps[None], confidence[None]),
        true[None, None],
        (near - far).abs().mean(1, keepdim=True),
    )
