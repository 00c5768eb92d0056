"""The recipe of a training, read by the trainer, the command and the widget."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import option


@dataclass(frozen=True)
class TrainParameters:
    """How a network is trained.

    Parameters
    ----------
    network : {"fsb", "keb", "deb", "meb"}
        What to train: FSB finds the foreground of a pair of planes, KEB its blur, DEB the plane
        in focus in stacks and pairs, MEB draws the edges between the surfaces of a stack.
    width : int
        Feature channels of a network started afresh.
    steps : int
        Optimiser steps in all; the learning rate warms up, then falls to 0 along a cosine.
    batch : int
        Crops of 128 px per step; larger crops come in equal pixels. For DEB and MEB, whose stacks
        have a side of 192 px, 8 are 4 stacks.
    learning_rate : float
        Peak of AdamW's learning rate.
    average : float
        Decay of the running average of the weights, which is what is validated and shipped.
    validate_every : int
        Steps between validations, each followed by a checkpoint.
    validation_pairs : int
        Pairs of 128 px that a validation scores; for DEB and MEB a stack of 256 px stands for 8.
    seed : int
        Seed of weights and scenes.

    Raises
    ------
    InputError
        If a value cannot be trained with.
    """

    network: Literal["fsb", "keb", "deb", "meb"] = option(
        "fsb",
        "fsb finds the foreground of a pair, keb the blur of its defocused image, deb the plane in "
        "focus in stacks and pairs, meb draws the edges of stacks",
        ("fsb", "keb", "deb", "meb"),
    )
    width: int = option(16, "feature channels of a network started afresh")
    steps: int = option(4000, "optimiser steps in all")
    batch: int = option(8, "crops of 128 px per step")
    learning_rate: float = option(1e-3, "peak learning rate")
    average: float = option(0.998, "decay of the running average of the weights")
    validate_every: int = option(250, "steps between validations, each with a checkpoint")
    validation_pairs: int = option(
        96, "pairs that a validation scores; for deb and meb 8 are a stack"
    )
    seed: int = option(0, "source of chance")

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
