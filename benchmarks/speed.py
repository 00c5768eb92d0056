"""Time and memory of a whole run of ``napari-focusstack fuse``, at two image sizes.

    python benchmarks/speed.py [--runs 3]

Each run is a new process that reads two PNG files, fuses them without options and writes a TIFF
file. The medians of wall time and peak memory are printed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from napari_focusstack.io.writing.image import write_image
from napari_focusstack.samples.pair import sample_pair

#: Rows and columns, and the goals on two cores: seconds, gigabytes.
SIZES = (((256, 384), 3.0, 2.5), ((2048, 2048), 40.0, 2.5))


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command and return its time, s, and its peak memory, GB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print(f"{os.cpu_count()} cores, {runs} runs each, medians")
    print(f"{'image':>12}{'seconds':>10}{'goal':>8}{'GB':>8}{'goal':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for size, goal_s, goal_gb in SIZES:
            paths = [Path(folder, f"{name}.png") for name in ("near", "far")]
            for path, plane in zip(paths, sample_pair(size), strict=False):
                write_image(path, plane)
            command = [sys.executable, "-m", "napari_focusstack", "fuse", *map(str, paths)]
            command += ["-o", str(Path(folder, "out.tif"))]
            seconds, gigabytes = zip(*(measure(command) for _ in range(runs)), strict=True)
            print(
                f"{size[1]:>6} x{size[0]:>4}{statistics.median(seconds):>10.2f}{goal_s:>8.0f}"
                f"{statistics.median(gigabytes):>8.2f}{goal_gb:>8.1f}"
            )


if __name__ == "__main__":
    main()
