"""A training in a thread, which the GUI can pause, stop and save."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.widgets.controls.weights_menu import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    import torch

    from napari_focusstack.simulation.material import SourceImages
    from napari_focusstack.training.comparison import Comparison
    from napari_focusstack.training.config import TrainParameters
    from napari_focusstack.training.trainer import Examples, Training


#: Interval at which a paused thread checks whether to go on, s (convention).
POLL_S = 0.05


@dataclass(frozen=True)
class Step(Progress):
    """Progress of a run.

    Parameters
    ----------
    step : str
        Present action, in words.
    done, total : int
        Steps done and planned.
    seconds_left : float, optional
        Time to the end, s, without pauses; None before the first step.
    loss : float, optional
        Of the step that was made; None if none was.
    scores : dict of str to float
        Validation figures, where the step validated.
    examples : Examples, optional
        Scenes and estimates of that validation.
    saved : bool
        Whether the weights have just been written.
    problem : str
        Sentence that says why they could not be written.
    history : dict of int to float
        Losses of the steps before this run, by number; of the first progress after the pictures
        are read.
    comparison : Comparison, optional
        With the shipped weights, after the last step.
    """

    loss: float | None = None
    scores: dict[str, float] = field(default_factory=dict)
    examples: Examples | None = None
    saved: bool = False
    problem: str = ""
    history: dict[int, float] = field(default_factory=dict)
    comparison: Comparison | None = None


@dataclass
class TrainingRun:
    """One training. :meth:`steps` runs in a thread; all other methods are called from the GUI's.

    Parameters
    ----------
    parameters : TrainParameters
        The recipe.
    source : Path, sequence of Path, or sequence of (array, bool)
        Data folder; or files of pictures; or pictures: (..., Y, X), or (..., Y, X, 3 or 4) where
        the bool says RGB.
    output : Path
        File for the weights; the checkpoint is written beside it. The folder is made if missing.
    start : str, optional
        Weights at the first step: "shipped" or a path; None starts afresh.
    device : str
        As :func:`napari_focusstack.networks.device.resolve_device` takes it.
    resume : bool
        Whether to continue from the checkpoint, if there is one.
    """

    parameters: TrainParameters
    source: Path | Sequence[Path] | Sequence[tuple[Any, bool]]
    output: Path
    start: str | None = SHIPPED
    device: str = "auto"
    resume: bool = False
    training: Training | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Make the flags that the thread checks between steps."""
        self._stop, self._pause, self._save = (threading.Event() for _ in range(3))
        self._seconds_left: float | None = None

    @property
    def checkpoint(self) -> Path:
        """File with the state of the training, from which it can be continued."""
        return checkpoint_beside(self.output)

    @property
    def paused(self) -> bool:
        """Whether the training pauses after the present step."""
        return self._pause.is_set()

    def check(self) -> None:
        """Check what can be checked before any work.

        Raises
        ------
        InputError
            If the output cannot be written, or its checkpoint exists and is not to be resumed.
        """
        if self.output.parent.is_dir():
            check_writable(self.output, suffixes=(".safetensors",))
        if self.checkpoint.exists() and not self.resume:
            raise InputError(
                f"{self.checkpoint} is there already; tick resume to go on, or name another output."
            )

    def pause(self, paused: bool) -> None:
        """Pause after the present step, or go on."""
        self._pause.set() if paused else self._pause.clear()

    def stop(self) -> None:
        """End after the present step; the checkpoint is written then."""
        self._stop.set()

    def save(self) -> None:
        """Have the averaged weights written after the present step."""
        self._save.set()

    def write(self) -> None:
        """Write the averaged weights now; only while no thread trains them."""
        from napari_focusstack.networks import weights

        if self.training is not None:
            weights.save(self.training.averaged.module, self.output)

    def steps(self) -> Generator[Step, None, None]:
        """Train to the last step or to :meth:`stop`, then write the weights that are due.

        Yields
        ------
        Step
            After the pictures are read, after each step, and repeatedly during a pause. Closing
            the generator also stops the training and writes the checkpoint.
        """
        training = self.training = self._prepare()
        yield self._say("training", history=dict(training.losses))
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot make the folder {self.output.parent} ({error.strerror}); choose another."
            ) from error
        check_writable(self.output, suffixes=(".safetensors",))
        made, seconds = 0, 0.0
        with closing(iter(training)) as steps:
            while not self._stop.is_set():
                if self._save.is_set():
                    yield self._answer_save()
                if self._pause.is_set():
                    yield self._say("paused")
                    time.sleep(POLL_S)
                    continue
                began = time.monotonic()
                progress = next(steps, None)
                if progress is None:
                    break
                made, seconds = made + 1, seconds + time.monotonic() - began
                self._seconds_left = (progress.steps - progress.step) * seconds / made
                yield self._say(
                    "training",
                    loss=progress.loss,
                    scores=progress.scores,
                    examples=training.examples if progress.scores else None,
                )
        if training.step >= self.parameters.steps or self._save.is_set():
            self.write()
            yield self._say("training", saved=True)
        if training.step >= self.parameters.steps:
            from napari_focusstack.training.comparison import compare

            yield self._say("comparing with the installed weights")
            yield self._say("comparing with the installed weights", comparison=compare(training))

    def _say(self, step: str, **what: Any) -> Step:
        done = self.training.step if self.training is not None else 0
        return Step(step, done, self.parameters.steps, seconds_left=self._seconds_left, **what)

    def _answer_save(self) -> Step:
        self._save.clear()
        try:
            self.write()
        except InputError as error:
            return self._say("training", problem=str(error))
        return self._say("training", saved=True)

    def _prepare(self) -> Training:
        from napari_focusstack.networks import weights
        from napari_focusstack.networks.device import resolve_device
        from napari_focusstack.training.trainer import Training

        device = resolve_device(self.device)
        material = self._material(device)
        start = None
        if self.start is not None:
            path = None if self.start == SHIPPED else self.start
            start, _ = weights.load(self.parameters.network, device, path)
        training = Training(self.parameters, material, self.checkpoint, start)
        if training.step >= self.parameters.steps:
            raise InputError(
                f"{self.checkpoint} has done {training.step} of {self.parameters.steps} steps "
                "already; give more steps, or name another output."
            )
        return training

    def _material(self, device: torch.device) -> SourceImages:
        from napari_focusstack.simulation.material import SourceImages

        if isinstance(self.source, Path):
            return SourceImages.load(self.source, device)
        files = [each for each in self.source if isinstance(each, Path)]
        if files:
            return SourceImages.from_files(files, device)
        layers = [each for each in self.source if not isinstance(each, Path)]
        return SourceImages.from_stacks((pictures(data, rgb) for data, rgb in layers), device)


def checkpoint_beside(output: Path) -> Path:
    """Return the path of the checkpoint of a file of weights."""
    return output.parent / f"{output.stem}.ckpt"


def pictures(data: Any, rgb: bool) -> Iterator[np.ndarray]:
    """Yield each plane (Y, X) or (Y, X, 3) of an array; a lazy one is read plane by plane."""
    for index in np.ndindex(data.shape[: -3 if rgb else -2]):
        plane = np.asarray(data[index])
        yield plane[..., :3] if rgb else plane
