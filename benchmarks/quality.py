"""Other focus stackers on simulated pairs, scored with ours by ``napari-focusstack evaluate``.

    python benchmarks/quality.py [CASES] [--count 8] [--seed 7] [--environments DIR]

Without CASES, a folder as ``napari-focusstack simulate`` writes it, pairs are simulated first.
The others are installed as peers.py says, into separate environments, which are deleted afterwards
unless DIR is given. The times are those of whole processes, including start, reading and writing.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import all_fused

from napari_focusstack.evaluation.cases import Case, find_cases

OURS = [sys.executable, "-m", "napari_focusstack"]


def lay_out(cases: list[Case], stacks: Path) -> None:
    """Copy each pair to a folder named like its case, with names that sort the near plane first."""
    for case in cases:
        stack = stacks / case.name
        stack.mkdir(parents=True)
        for number, kind in enumerate(("near", "far"), 1):
            path = case.files[kind]
            shutil.copy(path, stack / f"{number}-{kind}{path.suffix}")


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
        for peer, seconds in all_fused(environments, work / "stacks", work):
            print(f"{peer.requirement or peer.name}: {seconds:.2f} s per pair", flush=True)
            images += ["--images", f"{peer.name}={work / peer.name}"]
        sys.exit(subprocess.run([*OURS, "evaluate", folder, *images]).returncode)


if __name__ == "__main__":
    main()
