"""Time to open the dock *Fuse focal stack* in napari.

    python benchmarks/opening.py [--runs 5]

Each run is a new process. It imports napari, makes a viewer without a window, and then imports and
builds the dock; only the latter is timed. This is repeated with the modules of napari's window and
the list of plugins loaded before, as they are in a running napari. Medians are printed.
"""

import argparse
import os
import statistics
import subprocess
import sys

GOAL_S = 0.3
BEFORE = {
    "a viewer alone": "",
    "a window": "import napari.window, npe2; npe2.PluginManager.instance().discover()",
}
CODE = """
from time import perf_counter
import napari
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

application, viewer = QApplication([]), ViewerModel()
{before}
began = perf_counter()
from napari_focusstack.widgets.fuse.dock import FuseWidget
imported = perf_counter()
dock = FuseWidget(viewer)
print(imported - began, perf_counter() - imported)
"""


def seconds(before: str) -> list[float]:
    """Return the times to import and to build the dock in a new process, s."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE.format(before=before)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print(f"{runs} runs each, medians in seconds, goal {GOAL_S} after a window")
    print(f"{'beyond napari with':>20}{'import':>10}{'build':>10}{'both':>10}")
    for name, before in BEFORE.items():
        taken = [seconds(before) for _ in range(runs)]
        parts = [*zip(*taken, strict=True), [sum(both) for both in taken]]
        print(f"{name:>20}" + "".join(f"{statistics.median(part):>10.2f}" for part in parts))


if __name__ == "__main__":
    main()
