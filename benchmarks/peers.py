"""Other focus stackers: how they are installed, and run on folders of planes.

OpenFocus (its StackMFF V3 network) and FocusWeave are installed by pip into environments of their
own. OpenFocus installs PyTorch, which takes gigabytes and minutes. enfuse is taken from the system
(Debian and Ubuntu: ``apt install enfuse``).

Planes are registered and equally exposed, so alignment and exposure matching are off. enfuse has
the options that suit focus stacks; the other two have their defaults. All three read 8 and 16 bits,
grey and RGB.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.writing.image import write_image

Command = list[str | Path]


@dataclass(frozen=True)
class Peer:
    """Another focus stacker, with the name of its program.

    ``requirement`` is installed by pip; "" stands for a program of the system. ``commands`` takes
    the program, the folder of stacks (see :func:`lay_out`) and the folder for the outputs CASE.png.
    """

    name: str
    requirement: str
    commands: Callable[[str, Path, Path], list[Command]]


class LeftOutError(Exception):
    """A program cannot take part; the message is the reason, in one line."""


def openfocus(program: str, stacks: Path, output: Path) -> list[Command]:
    options = ["--method", "stackmffv3", "--align", "none", "--no-exposure-match"]
    return [[program, *options, "--output-dir", output, "--input", *sorted(stacks.iterdir())]]


def focusweave(program: str, stacks: Path, output: Path) -> list[Command]:
    options = ["--no-align", "--keep-size", "--batch-format", "png"]
    return [[program, "--batch", stacks, "--output", output, *options]]


def enfuse(program: str, stacks: Path, output: Path) -> list[Command]:
    options = ["--exposure-weight=0", "--saturation-weight=0", "--contrast-weight=1", "--hard-mask"]
    # The defaults, a window of 5 px on the mean of the channels, score more than 1 dB less.
    options += ["--contrast-window-size=9", "--gray-projector=l-star"]
    return [
        [program, *options, "-o", output / f"{stack.name}.png", *sorted(stack.iterdir())]
        for stack in sorted(stacks.iterdir())
    ]


#: Versions are pinned so that a table can be made again.
PEERS = (
    Peer("openfocus", "openfocus==1.72.0", openfocus),
    Peer("focusweave", "focusweave==2.0.0", focusweave),
    Peer("enfuse", "", enfuse),
)


def run(command: Command) -> None:
    """Run a command without output; LeftOutError if it fails."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        # pip ends with notices about itself
        errors = [line for line in lines if "error" in line.lower()] or lines
        raise LeftOutError(errors[-1].strip())


def install(peer: Peer, environment: Path) -> str:
    """Return the path of a program; pip installs it first if it has a requirement."""
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    if peer.requirement and not (scripts / peer.name).exists():
        run([sys.executable, "-m", "venv", environment])
        run([scripts / "python", "-m", "pip", "install", "--quiet", peer.requirement])
    program = shutil.which(peer.name, path=str(scripts) if peer.requirement else None)
    if program is None:
        raise LeftOutError("its program is not installed")
    return program


def fit(path: Path, plane: np.ndarray) -> None:
    """Convert an output to the form of the planes: grey from RGB, and without an alpha channel."""
    image = read_image(path)
    if image.ndim > plane.ndim:
        image = np.round(image.mean(axis=2)).astype(image.dtype)
    write_image(path, image)


def fuse_all(peer: Peer, environment: Path, stacks: Path, output: Path) -> float:
    """Write OUTPUT/NAME.png for each folder NAME of planes, and return the time per stack, s."""
    program = install(peer, environment)
    output.mkdir(parents=True, exist_ok=True)
    folders = sorted(stacks.iterdir())
    began = time.perf_counter()
    for command in peer.commands(program, stacks, output):
        run(command)
    seconds = (time.perf_counter() - began) / len(folders)
    for folder in folders:
        fit(output / f"{folder.name}.png", read_image(min(folder.iterdir())))
    return seconds


def all_fused(environments: Path, stacks: Path, outputs: Path) -> Iterator[tuple[Peer, float]]:
    """Run each program that can be installed; yields it and its time per stack, s.

    A program that cannot be installed, or fails, is left out, and the reason is printed.
    """
    for peer in PEERS:
        try:
            seconds = fuse_all(peer, environments / peer.name, stacks, outputs / peer.name)
        except (LeftOutError, InputError) as reason:
            print(f"{peer.name} is left out: {reason}", flush=True)
            continue
        yield peer, seconds
