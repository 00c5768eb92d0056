"""Train FSB or KEB: steps, averaged weights, validation, checkpoints, resume, safe stop."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_focusstack.errors import InputError
from napari_focusstack.io.writer import replacing
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.inference import autocast
from napari_focusstack.networks.keb import KEB
from napari_focusstack.networks.widening import widen
from napari_focusstack.training.losses import boundary, fsb_loss, keb_loss
from napari_focusstack.training.recipe import TrainParameters
from napari_focusstack.training.synthesis import KEB_SCENES, Pairs, SceneParameters, synthesise

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.training.material import Material

#: Sides of training crops, px: large ones teach the inside of flat objects. Multiples of 32.
CROP_SIDES_PX = (128, 192, 256, 352)


@dataclass
class Progress:
    """Where a training stands after a step.

    Parameters
    ----------
    step, steps : int
        Steps done and planned.
    loss : float
        Loss of this step.
    seconds : float
        Spent since this run began.
    scores : dict of str to float
        Validation figures, where this step validated.
    """

    step: int
    steps: int
    loss: float
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)


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


class Training:
    """One training run; iterate over it to train, stop whenever you like.

    Parameters
    ----------
    parameters : TrainParameters
        The recipe.
    material : Material
        Training pictures; a tenth is held back for validation.
    checkpoint : Path
        Written after each validation and when stopped; read where it exists, so that a run goes on.
    start : nn.Module, optional
        Network whose weights a fresh run starts from; a narrower one is widened.

    Attributes
    ----------
    step : int
        Steps done.
    averaged : nn.Module
        Its ``module`` is the network with averaged weights.
    examples : Examples or None
        Of the last validation.

    Raises
    ------
    InputError
        If the checkpoint is of another network.

    Examples
    --------
    >>> checkpoint = Path("fsb.ckpt")
    >>> training = Training(TrainParameters(), material, checkpoint)  # doctest: +SKIP
    >>> for progress in training:  # doctest: +SKIP
    ...     print(progress.step, progress.loss)
    """

    def __init__(
        self,
        parameters: TrainParameters,
        material: Material,
        checkpoint: Path,
        start: nn.Module | None = None,
    ) -> None:
        self.parameters = parameters
        self.checkpoint = checkpoint
        self.material, self.held_back = material.split()
        self.device = material.device
        torch.manual_seed(parameters.seed)
        network: Any = start or build(parameters.network, parameters.width)
        if network.config["width"] < parameters.width:
            config = {**network.config, "width": parameters.width}
            network = widen(network, type(network)(**config))
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(parameters.average),
        )
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=parameters.learning_rate)
        self.generator = torch.Generator(self.device).manual_seed(parameters.seed)
        self.step = 0
        self.examples: Examples | None = None
        if checkpoint.exists():
            self._resume()

    def __iter__(self) -> Generator[Progress, None, None]:
        """Train to the last planned step, yielding after each."""
        began = time.monotonic()
        total = self.parameters.steps
        try:
            while self.step < total:
                loss = self._train_step()
                progress = Progress(self.step, total, loss, time.monotonic() - began)
                if self.step % self.parameters.validate_every == 0 or self.step == total:
                    progress.scores = self.validate()
                    self.save()
                yield progress
        finally:
            self.save()

    def _train_step(self) -> float:
        side = CROP_SIDES_PX[self.step % len(CROP_SIDES_PX)]
        count = max(1, round(self.parameters.batch * (CROP_SIDES_PX[0] / side) ** 2))
        pairs = synthesise(self.material, count, side, self.generator, self.scenes)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        loss = self._loss(pairs)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.averaged.update_parameters(self.network)
        self.step += 1
        return loss.item()

    def _learning_rate(self) -> float:
        warm_up = min(1.0, (self.step + 1) / 100)
        share = min(1.0, self.step / self.parameters.steps)
        return self.parameters.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * share))

    @property
    def scenes(self) -> SceneParameters:
        """What this network's scenes are drawn from."""
        return KEB_SCENES if self.parameters.network == "keb" else SceneParameters()

    def _loss(self, pairs: Pairs) -> Tensor:
        seen = network_input(self.parameters.network, pairs)
        with autocast(self.device):
            answer = (
                self.network.logits(seen) if isinstance(self.network, FSB) else self.network(seen)
            )
        if isinstance(self.network, FSB):
            return fsb_loss(answer.float(), pairs.alpha, pairs.near, pairs.far)
        return keb_loss(answer.float(), pairs.sigma_px)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Score the averaged weights on fixed scenes of the held-back pictures.

        Returns
        -------
        dict of str to float
            ``mean_iou``, ``alpha_error`` and ``edge_error`` (along the boundary) for FSB,
            ``sigma_error`` (median, relative) and ``sigma_bias`` for KEB.
        """
        generator = torch.Generator(self.device).manual_seed(12345)
        truths, answers = [], []
        first = None
        for _ in range(-(-self.parameters.validation_pairs // 8)):
            pairs = synthesise(self.held_back, 8, 128, generator, self.scenes)
            with autocast(self.device):
                answer = self.averaged(network_input(self.parameters.network, pairs)).float()
            first = first or pairs
            answers.append(answer)
            truths.append(pairs.sigma_px if self.parameters.network == "keb" else pairs.alpha)
        answer, truth = torch.cat(answers), torch.cat(truths)
        if first is not None:
            self.examples = Examples(first.near.cpu(), first.far.cpu(), truth.cpu(), answer.cpu())
        if self.parameters.network == "keb":
            relative = answer / truth - 1
            return {
                "sigma_error": float(relative.abs().median()),
                "sigma_bias": float(relative.median()),
            }
        found, true = answer > 0.5, truth > 0.5
        edge = boundary(truth)
        overlaps = []
        for a, b in ((found, true), (~found, ~true)):
            shared, union = ((a & b).sum((1, 2, 3)), (a | b).sum((1, 2, 3)))
            # a class absent from both is found as it should be
            overlaps.append(torch.where(union > 0, shared / union.clamp(min=1), 1.0))
        return {
            "mean_iou": float(torch.stack(overlaps).mean()),
            "alpha_error": float((answer - truth).abs().mean()),
            "edge_error": float(((answer - truth).abs() * edge).sum() / edge.sum()),
        }

    def save(self) -> None:
        """Write the checkpoint whole: to a temporary file first, then in place of the old one."""
        state = {
            "parameters": asdict(self.parameters),
            "config": self.network.config,
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
        }
        with replacing(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def _resume(self) -> None:
        try:
            state: dict[str, Any] = torch.load(
                self.checkpoint, map_location=self.device, weights_only=True
            )
            config, network = state["config"], state["parameters"]["network"]
        except (EOFError, KeyError, RuntimeError, TypeError, UnpicklingError) as error:
            raise InputError(
                f"{self.checkpoint} is not a whole checkpoint of a training; name another or "
                "delete it."
            ) from error
        if config != self.network.config or network != self.parameters.network:
            raise InputError(
                f"{self.checkpoint} holds a {network} of "
                f"{config}, not a {self.parameters.network} of {self.network.config}; "
                "name another checkpoint or the same network."
            )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
        self.step = state["step"]


def build(network: str, width: int) -> nn.Module:
    """Return a fresh FSB or KEB."""
    return FSB(width) if network == "fsb" else KEB(width)


def network_input(network: str, pairs: Pairs) -> Tensor:
    """Return what a network sees of pairs: planes, for KEB the mask too; (B, C, Y, X)."""
    seen = torch.cat([pairs.planes, pairs.alpha], 1) if network == "keb" else pairs.planes
    return seen.contiguous(memory_format=torch.channels_last)
