"""Other focus stackers on simulated pairs, scored with ours by ``napari-focusstack evaluate``.

    python benchmarks/quality.py [CASES] [--count 8] [--seed 7] [--environments DIR]

Without CASES, a folder as ``napari-focusstack simulate`` writes it, pairs are simulated first.
OpenFocus (its StackMFF V3 network) and FocusWeave are installed by pip into separate environments,
which are deleted afterwards unless DIR is given. OpenFocus installs PyTorch, which takes gigabytes
and minutes. enfuse is taken from the system (Debian and Ubuntu: ``apt install enfuse``). A program
that cannot be installed, or fails, is left out, and the reason is printed.

The pairs are registered and equally exposed, so alignment and exposure matching are off. enfuse has
the options that suit focus stacks; the other two have their defaults. All three read 8 and 16 bits,
grey and RGB. The times are those of whole processes, including start, reading and writing.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.evaluation.cases import Case, find_cases
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.writing.image import write_image

OURS = [sys.executable, "-m", "napari_focusstack"]

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
    if peer.requirement:
        run([sys.executable, "-m", "venv", environment])
        run([scripts / "python", "-m", "pip", "install", "--quiet", peer.requirement])
    program = shutil.which(peer.name, path=str(scripts) if peer.requirement else None)
    if program is None:
        raise LeftOutError("its program is not installed")
    return program


def lay_out(cases: list[Case], stacks: Path) -> None:
    """Copy each pair to a folder named like its case, with names that sort the near plane first."""
    for case in cases:
        stack = stacks / case.name
        stack.mkdir(parents=True)
        for number, kind in enumerate(("near", "far"), 1):
            path = case.files[kind]
            shutil.copy(path, stack / f"{number}-{kind}{path.suffix}")


def fit(path: Path, plane: np.ndarray) -> None:
    """Convert an output to the form of the planes: grey from RGB, and without an alpha channel."""
    image = read_image(path)
    if image.ndim > plane.ndim:
        image = np.round(image.mean(axis=2)).astype(image.dtype)
    write_image(path, image)


def compete(peer: Peer, environment: Path, cases: list[Case], stacks: Path, output: Path) -> float:
    """Write the output of a program for each case, and return its time per pair, s."""
    program = install(peer, environment)
    output.mkdir()
    began = time.perf_counter()
    for command in peer.commands(program, stacks, output):
        run(command)
    seconds = (time.perf_counter() - began) / len(cases)
    for case in cases:
        fit(output / f"{case.name}.png", read_image(case.files["near"]))
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "cases", type=Path, nargs="?", help="folder of pairs; default simulated ones"
    )
    parser.add_argument("--count", type=int, default=8, help="pairs to simulate")
    parser.add_argument("--seed", type=int, default=7, help="seed of the random numbers")
    parser.add_argument("--environments", type=Path, help="folder that keeps the environments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        folder = options.cases or work / "cases"
        if options.cases is None:
            words = ["--count", str(options.count), "--side", "256", "--seed", str(options.seed)]
            subprocess.run([*OURS, "simulate", "-o", folder, *words], check=True)
        cases = find_cases(folder)
        lay_out(cases, work / "stacks")
        environments = options.environments or work / "environments"
        images = []
        for peer in PEERS:
            output = work / peer.name
            try:
                seconds = compete(peer, environments / peer.name, cases, work / "stacks", output)
            except (LeftOutError, InputError) as reason:
                print(f"{peer.name} is left out: {reason}", flush=True)
                continue
            print(f"{peer.requirement or peer.name}: {seconds:.2f} s per pair", flush=True)
            images += ["--images", f"{peer.name}={output}"]
        sys.exit(subprocess.run([*OURS, "evaluate", folder, *images]).returncode)


if __name__ == "__main__":
    main()
