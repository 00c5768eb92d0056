"""The parameters of a training, read by the trainer, the command and the dock."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import option


class Purpose(NamedTuple):
    """What a network is for: what it finds, and that in a sentence without its subject."""

    finds: str
    sentence: str


#: What each network that can be trained is for.
PURPOSES = {
    "fsb": Purpose(
        "foreground of a pair", "finds what is near in a pair: the mask of its foreground"
    ),
    "keb": Purpose("blur of a pair", "measures the blur of the foreground of a pair"),
    "deb": Purpose("planes of a stack", "finds the plane in focus at each pixel of a stack"),
    "meb": Purpose(
        "soft edges in a stack",
        "finds the soft edges where near hides far in a stack, such as hairs",
    ),
}


@dataclass(frozen=True)
class TrainParameters:
    """How a network is trained.

    Parameters
    ----------
    network : {"fsb", "keb", "deb", "meb"}
        Network to train: FSB estimates the mask of a pair, KEB its sigma, DEB the plane in focus
        in stacks and pairs, and MEB the alpha along the depth edges of a stack.
    width : int
        Feature channels of a new network.
    steps : int
        Number of optimiser steps. The learning rate warms up, then falls to 0 along a cosine.
    batch : int
        Crops of 128 px per step. Of larger crops there are fewer, with about as many pixels in all.
        The stacks of DEB and MEB have a side of 192 px, so 8 crops are 4 stacks.
    learning_rate : float
        Peak learning rate of AdamW.
    average : float
        Decay of the running average of the weights; the average is validated and saved.
    validate_every : int
        Steps between validations; a checkpoint follows each.
    validation_pairs : int
        Pairs of 128 px that a validation scores. For DEB and MEB a stack of 256 px counts as 8.
    seed : int
        Seed of weights and scenes.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    network: Literal["fsb", "keb", "deb", "meb"] = option(
        "fsb",
        "; ".join(f"{name} {purpose.sentence}" for name, purpose in PURPOSES.items()),
        tuple(PURPOSES),
    )
    width: int = option(16, "feature channels of a new network")
    steps: int = option(4000, "number of optimiser steps")
    batch: int = option(8, "crops of 128 px per step")
    learning_rate: float = option(1e-3, "peak learning rate")
    average: float = option(0.998, "decay of the running average of the weights")
    validate_every: int = option(250, "steps between validations, each with a checkpoint")
    validation_pairs: int = option(
        96, "pairs that a validation scores; for deb and meb a stack counts as 8"
    )
    seed: int = option(0, "seed of weights and scenes")

    def __post_init__(self) -> None:
        """Check each value."""
        for each in fields(self):
            value, choices = getattr(self, each.name), each.metadata["choices"]
            if choices and value not in choices:
                raise InputError(f"{each.name} is {value!r}; choose one of {', '.join(choices)}.")
            positive = each.name not in ("network", "average", "seed")
            if positive and not value > 0:
                raise InputError(f"{each.name} is {value}; give more than 0.")
        if not 0 <= self.average < 1:
            raise InputError(f"average is {self.average}; give at least 0 and less than 1.")
