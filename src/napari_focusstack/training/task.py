"""A task: everything in a training that differs from network to network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Generator, Tensor


#: Seed of the scenes that validations score: any number, independent of the seed of a training.
VALIDATION_SEED = 12345


@dataclass(frozen=True)
class Examples:
    """Pairs of a validation and the estimates for them, on the CPU.

    Parameters
    ----------
    near, far : Tensor
        Shape (8, 3, 128, 128), coded as sRGB, 0..1: the first pairs.
    truth, answer : Tensor
        Ground truth and estimate for all pairs, in order: alpha (n, 1, 128, 128), 0..1, for FSB,
        and sigma (n,), px, for KEB.
    """

    near: Tensor
    far: Tensor
    truth: Tensor
    answer: Tensor


class Task(Protocol):
    """The scenes, the loss and the measures of a network.

    The type of a batch and the form of an answer are known to the task alone.
    """

    def draw(self, step: int, generator: Generator) -> Sequence[Any]:
        """Return the batches of a step; their losses have equal weights."""

    def answer(self, network: Any, batch: Any) -> Tensor:
        """Return the output of the network for a batch, in the form that the loss takes."""

    def loss(self, answer: Tensor, batch: Any) -> Tensor:
        """Return the loss, a scalar, of a float32 output."""

    def validation(self) -> Iterator[Any]:
        """Yield batches made of the held-back images, always the same ones."""

    def estimate(self, answer: Tensor) -> Tensor:
        """Return the estimate that an output stands for, in the form of the ground truth."""

    def truth(self, batch: Any) -> Tensor:
        """Return the ground truth of a batch."""

    def scores(self, estimates: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return the figures of a validation by name."""

    def examples(self, first: Any, estimates: list[Tensor], truth: list[Tensor]) -> Examples | None:
        """Return examples to display, given the first batch, if the task has any."""
