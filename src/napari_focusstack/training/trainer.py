"""The trainer: steps, averaged weights, validation, checkpoints, resume, stop."""

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
from napari_focusstack.files import replacing
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.device import autocast
from napari_focusstack.networks.meb import MEB
from napari_focusstack.networks.net2net import net2wider
from napari_focusstack.networks.weights import NETWORKS
from napari_focusstack.training.config import TrainParameters
from napari_focusstack.training.depth_task import DepthTask
from napari_focusstack.training.matte_task import MatteTask
from napari_focusstack.training.pair_task import BlurTask, ForegroundTask
from napari_focusstack.training.task import Examples, Task

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.simulation.material import SourceImages


__all__ = ["Examples", "Progress", "TrainParameters", "Training", "build", "task"]
#: Sides of the crops of pairs in successive steps, px (convention); multiples of 32. The large ones
#: contain the inside of flat objects.
CROP_SIDES_PX = (128, 192, 256, 352)


@dataclass
class Progress:
    """Progress of a training after a step.

    Parameters
    ----------
    step, steps : int
        Number of steps done and planned.
    loss : float
        Loss of this step.
    seconds : float
        Seconds since this run began.
    scores : dict of str to float
        Figures of the validation, if there was one after this step.
    """

    step: int
    steps: int
    loss: float
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)


class Training:
    """A training run; iterate over it to train, and stop at any step.

    Parameters
    ----------
    parameters : TrainParameters
        Parameters of the training.
    material : SourceImages
        Source images; a tenth is held back for validation.
    checkpoint : Path
        Written after each validation and when the run stops. If it exists, the run resumes from it.
    start : nn.Module, optional
        Network whose weights a new run starts from; a narrower FSB or KEB is widened.

    Attributes
    ----------
    material : SourceImages
        The images that are not held back.
    held_back : int
        Number of pictures that are held back; 0 where there are too few, and all serve both.
    step : int
        Number of steps done.
    losses : dict of int to float
        Loss of each step so far, by its number, those before a resume included.
    averaged : nn.Module
        Its ``module`` is the network with averaged weights.
    examples : Examples or None
        Examples of the last validation; None for DEB and MEB.

    Raises
    ------
    InputError
        If the checkpoint cannot be read or belongs to another network, or if the DEB or MEB to
        start from is narrower than ``parameters.width``.

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
        material: SourceImages,
        checkpoint: Path,
        start: nn.Module | None = None,
    ) -> None:
        self.parameters = parameters
        self.checkpoint = checkpoint
        self.held_back = material.held_back
        self.material, held_back = material.split()
        self.task = task(parameters, self.material, held_back)
        self.device = material.device
        with torch.random.fork_rng():  # leaves the caller's random numbers alone
            torch.manual_seed(parameters.seed)
            network = self._first_network(start)
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.averaged = torch.optim.swa_utils.AveragedModel(
            self.network,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(parameters.average),
        )
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=parameters.learning_rate)
        self.generator = torch.Generator(self.device).manual_seed(parameters.seed)
        self.step = 0
        self.losses: dict[int, float] = {}
        self.examples: Examples | None = None
        if checkpoint.exists():
            self._resume()

    def _first_network(self, start: nn.Module | None) -> Any:
        """Return a new network, or ``start``, widened if the parameters ask for it."""
        width = self.parameters.width
        network: Any = start or build(self.parameters.network, width)
        if network.config["width"] >= width:
            return network
        if isinstance(network, DEB | MEB):
            raise InputError(
                f"a {self.parameters.network.upper()} of width {network.config['width']} cannot be "
                f"widened to {width}; give its own width."
            )
        return net2wider(network, type(network)(**{**network.config, "width": width}))

    def __iter__(self) -> Generator[Progress, None, None]:
        """Train up to the last planned step, and yield after each step."""
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
        """Take an optimiser step and return its loss."""
        batches = self.task.draw(self.step, self.generator)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for batch in batches:
            loss = self.task.loss(self._answer(self.network, batch), batch) / len(batches)
            loss.backward()
            total += loss.item()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if not norm.isfinite():
            raise InputError(
                f"gradients of step {self.step + 1} are not finite at a learning rate of "
                f"{self._learning_rate():.2g}; lower it and go on from the checkpoint, which is of "
                "the step before."
            )
        self.optimiser.step()
        self.averaged.update_parameters(self.network)
        self.step += 1
        self.losses[self.step] = total
        return total

    def _answer(self, network: nn.Module, batch: Any) -> Tensor:
        """Run a network on a batch, in mixed precision where the device has it; float32."""
        with autocast(self.device):
            answer = self.task.answer(network, batch)
        return answer.float()

    def _learning_rate(self) -> float:
        """Return the learning rate of the next step: warm-up over 100 steps, then a cosine."""
        warm_up = min(1.0, (self.step + 1) / 100)
        share = min(1.0, self.step / self.parameters.steps)
        return self.parameters.learning_rate * warm_up * 0.5 * (1 + math.cos(math.pi * share))

    def validate(self) -> dict[str, float]:
        """Score the averaged weights on fixed scenes of the held-back images.

        Returns
        -------
        dict of str to float
            ``mean_iou``, ``alpha_error`` and ``edge_error`` (along the boundary) for FSB;
            ``sigma_error`` and ``sigma_bias`` (medians of the relative error) for KEB;
            ``edge_within_one`` (near depth edges), ``within_one``, ``exact`` and ``mean_iou`` (of
            pairs) for DEB; ``wrong``, ``alpha_error`` and ``light_error`` (near depth edges) for
            MEB.
        """
        scores, self.examples = self._score(self.averaged.module)
        return scores

    def score(self, network: nn.Module) -> dict[str, float]:
        """Score another network on the same scenes, see :meth:`validate`."""
        scores, _ = self._score(network)
        return scores

    @torch.no_grad()
    def _score(self, network: nn.Module) -> tuple[dict[str, float], Examples | None]:
        estimates, truth, first = [], [], None
        for batch in self.task.validation():
            estimates.append(self.task.estimate(self._answer(network, batch)))
            truth.append(self.task.truth(batch))
            first = first or batch
        return self.task.scores(estimates, truth), self.task.examples(first, estimates, truth)

    def save(self) -> None:
        """Write the checkpoint to a temporary file, which then replaces the old checkpoint."""
        state = {
            "parameters": asdict(self.parameters),
            "config": self.network.config,
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "losses": self.losses,
        }
        with replacing(self.checkpoint) as temporary:
            torch.save(state, temporary)

    def _resume(self) -> None:
        """Restore the state of the checkpoint; InputError if it does not fit."""
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
        self.losses = state.get("losses", {})  # older checkpoints lack them


def build(network: str, width: int) -> nn.Module:
    """Return a network with random weights, by its name and its width in feature channels."""
    return NETWORKS[network](width)


def task(parameters: TrainParameters, material: SourceImages, held_back: SourceImages) -> Task:
    """Return the task of the network that is trained."""
    if parameters.network in ("deb", "meb"):
        of_stacks = DepthTask if parameters.network == "deb" else MatteTask
        return of_stacks(parameters, material, held_back)
    kind = ForegroundTask if parameters.network == "fsb" else BlurTask
    return kind(parameters, material, held_back, CROP_SIDES_PX)
