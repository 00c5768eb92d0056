"""What a network is trained for: all that differs from network to network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Generator, Tensor


#: Seed of the scenes that validations score, the same whatever a training's own seed.
VALIDATION_SEED = 12345


@dataclass(frozen=True)
class Examples:
    """What a validation saw, on the CPU.

    Parameters
    ----------
    near, far : Tensor
        Shape (8, 3, 128, 128), coded as sRGB, 0..1: the first scenes.
    truth, answer : Tensor
        Of all scenes, the first ones first: alpha (n, 1, 128, 128) for FSB, sigma (n,), px, for
        KEB.
    """

    near: Tensor
    far: Tensor
    truth: Tensor
    answer: Tensor


class Task(Protocol):
    """The scenes, the loss and the measures of a network.

    A batch is whatever the task draws; it alone looks into it.
    """

    def draw(self, step: int, generator: Generator) -> Sequence[Any]:
        """Return the batches of a step; their losses weigh the same."""

    def answer(self, network: Any, batch: Any) -> Tensor:
        """Return what the network makes of a batch, as the loss takes it."""

    def loss(self, answer: Tensor, batch: Any) -> Tensor:
        """Return the loss, a scalar, of a float32 answer."""

    def validation(self) -> Iterator[Any]:
        """Yield batches of the held-back pictures, always the same."""

    def found(self, answer: Tensor) -> Tensor:
        """Return what an answer says, as the truth is given."""

    def truth(self, batch: Any) -> Tensor:
        """Return what is true of a batch."""

    def scores(self, found: list[Tensor], truth: list[Tensor]) -> dict[str, float]:
        """Return validation figures."""

    def examples(self, first: Any, found: list[Tensor], truth: list[Tensor]) -> Examples | None:
        """Return what can be shown of a validation, if anything, given its first batch."""
