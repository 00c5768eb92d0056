"""Time and memory of whole runs of ``napari-focusstack fuse``, beside FocusWeave.

    python benchmarks/speed.py --dev DIR --environments ENVS [--runs 3] [--only NAME ...]
    python benchmarks/speed.py --fit docs/performance.json     # 5 sizes by 5 numbers of planes
    python benchmarks/speed.py --device cuda

Each run is a new process that reads files, fuses them without options and writes a TIFF file, so
both programs align the planes. Ours and FocusWeave's follow one another in turn; medians are
printed. FocusWeave is installed by pip into ENVS/focusweave if it is not there. DIR holds folders
of real stacks, each of which is a row.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from imageio.v3 import imwrite
from peers import PEERS, LeftOutError, install

from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.stacks import colour_stack

#: A small process that runs a command and prints its peak memory, KiB. Linux counts the memory of
#: the process that starts another as that one's, and ours holds whole stacks.
WATCH = """
import os, sys
command = sys.argv[1:]
quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
pid = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(bool(status))
"""
#: Megapixels and numbers of planes of the fit.
FIT_MEGAPIXELS, FIT_PLANES = (0.25, 0.5, 1.0, 2.0, 4.0), (3, 6, 12, 24, 48)


@dataclass(frozen=True)
class Row:
    """A stack to time: its name, what makes it in a folder, and our options."""

    name: str
    make: Callable[[Path], None]
    options: tuple[str, ...] = ()
    has_peer: bool = True


def written(planes: Callable[[], Iterable[np.ndarray]], suffix: str) -> Callable[[Path], None]:
    """Return what writes planes to a folder as files of a suffix."""

    def make(folder: Path) -> None:
        for number, plane in enumerate(planes()):
            imwrite(folder / f"z{number:03}{suffix}", plane)

    return make


def linked(source: Path) -> Callable[[Path], None]:
    """Return what links the planes of a real stack into a folder."""

    def make(folder: Path) -> None:
        for path in source.iterdir():
            if path.suffix.lower() in (".jpg", ".png", ".tif") and "truth" not in path.stem:
                (folder / path.name).symlink_to(path.resolve())

    return make


def mosaic(planes: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Repeat planes (P, Y, X, 3) side by side, every second one mirrored."""
    row = np.concatenate([planes[:, :, :: (-1) ** column] for column in range(columns)], 2)
    return np.concatenate([row[:, :: (-1) ** number] for number in range(rows)], 1)


def scene(
    size: tuple[int, int], planes: int, tiles: tuple[int, int] = (1, 1)
) -> Iterator[np.ndarray]:
    """Yield the planes of a scene of a size, repeated over a mosaic.

    Beyond 12 planes they lie closer, between the same ends: planes between are mixed from two.
    """
    of_scene = mosaic(np.asarray(colour_stack(size, min(planes, 12))), *tiles)
    for place in np.linspace(0, len(of_scene) - 1, planes):
        before = int(place)
        after = min(before + 1, len(of_scene) - 1)
        yield cv2.addWeighted(
            of_scene[before], 1 - (place - before), of_scene[after], place - before, 0
        )


def without_halo() -> list[np.ndarray]:
    """Return 12 planes of 9 megapixel of a surface without any edge in depth."""
    rows, columns, planes = 3072, 3072, 12
    generator = np.random.default_rng(0)
    detail = generator.random((rows, columns, 3), np.float32)
    place = np.linspace(0, planes - 1, rows, dtype=np.float32)[:, None, None]
    stack = []
    for number in range(planes):
        blur_px = np.abs(place - number)
        blurred = torch.from_numpy(detail).permute(2, 0, 1)[None]
        coarse = torch.nn.functional.avg_pool2d(blurred, 5, 1, 2)[0].permute(1, 2, 0).numpy()
        share = np.minimum(blur_px / 2, 1)
        stack.append(((detail * (1 - share) + coarse * share) * 255).astype(np.uint8))
    return stack


def rows_of(dev: Path | None) -> list[Row]:
    """Return the rows of the table; those of real stacks if there is a folder of them."""
    rows = [
        Row("pair, 384 x 256", written(lambda: list(sample_pair((256, 384))[:2]), ".png")),
        Row("pair, 2048 x 2048", written(lambda: list(sample_pair((2048, 2048))[:2]), ".png")),
        Row("12 planes, 9 MP, no halo", written(without_halo, ".png")),
        Row("12 planes, 9 MP, halo", written(lambda: scene((768, 1024), 12, (4, 3)), ".png")),
        Row("100 planes, 4 MP JPEG", written(lambda: scene((1024, 1024), 100, (2, 2)), ".jpg")),
        Row("200 planes, 512 px", written(lambda: scene((512, 512), 200), ".png")),
        Row(
            "30 planes, 4 MP, --memory 200MB",
            written(lambda: scene((1024, 1024), 30, (2, 2)), ".png"),
            ("--memory", "200MB"),
            has_peer=False,
        ),
    ]
    for folder in sorted(dev.iterdir()) if dev else []:
        if folder.is_dir() and "pairs" not in folder.name:
            rows.append(Row(folder.name, linked(folder)))
    return rows


def measure(command: list[str | Path]) -> tuple[float, float]:
    """Run a command and return its time, s, and its peak memory, GB."""
    began = time.perf_counter()
    watched = subprocess.run(
        [sys.executable, "-S", "-c", WATCH, *map(str, command)], capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if watched.returncode:
        raise LeftOutError(f"{' '.join(map(str, command))} failed")
    return seconds, int(watched.stdout.split()[-1]) * 1024 / 1e9


def our_command(stack: Path, output: Path, options: tuple[str, ...] = ()) -> list[str | Path]:
    """Return the command that fuses a folder."""
    return [sys.executable, "-m", "napari_focusstack", "fuse", stack, "-o", output, *options]


def table(rows: list[Row], runs: int, environments: Path | None) -> None:
    """Print the table; a row as soon as it is measured."""
    peer = next(peer for peer in PEERS if peer.name == "focusweave")
    program = install(peer, environments / peer.name) if environments else None
    print(f"{os.cpu_count()} cores, medians of {runs} runs in turn", flush=True)
    print("| stack | ours | FocusWeave | ratio |\n|---|---|---|---|", flush=True)
    for row in rows:
        with tempfile.TemporaryDirectory() as folder:
            stack, output = Path(folder, "stack"), Path(folder, "output")
            stack.mkdir()
            output.mkdir()
            row.make(stack)
            times: dict[str, list[tuple[float, float]]] = {"ours": [], "peer": []}
            for _ in range(runs):
                ours = our_command(stack, output / "ours.tif", row.options)
                times["ours"].append(measure(ours))
                if program and row.has_peer:
                    times["peer"].append(measure([program, stack, "--output", output / "peer.tif"]))
        medians = {
            name: [statistics.median(values) for values in zip(*measured, strict=True)]
            for name, measured in times.items()
            if measured
        }
        cells = [f"{seconds:.1f} s, {gb:.2f} GB" for seconds, gb in medians.values()]
        if len(cells) == 2:
            cells.append(f"{medians['ours'][0] / medians['peer'][0]:.1f}")
        print("| " + " | ".join([row.name, *cells]) + " |", flush=True)


def fit(path: Path) -> None:
    """Measure time and memory over size and planes, fit them, and write all as JSON.

    The model is ``seconds = a + b * planes * megapixels``.
    """
    points = []
    for megapixels in FIT_MEGAPIXELS:
        side = round((megapixels * 1e6) ** 0.5)
        for planes in FIT_PLANES:
            with tempfile.TemporaryDirectory() as folder:
                stack = Path(folder, "one")
                stack.mkdir()
                written(lambda s=side, p=planes: scene((s, s), p), ".png")(stack)
                seconds, gb = measure(our_command(stack, Path(folder, "ours.tif")))
            points.append({"megapixels": megapixels, "planes": planes, "s": seconds, "GB": gb})
            print(points[-1], flush=True)
    work = np.array([point["megapixels"] * point["planes"] for point in points])
    seconds = np.array([point["s"] for point in points])
    design = np.stack([np.ones_like(work), work], 1)
    (start, slope), *_ = np.linalg.lstsq(design, seconds, rcond=None)
    left = ((design @ (start, slope) - seconds) ** 2).sum()
    r2 = 1 - left / ((seconds - seconds.mean()) ** 2).sum()
    print(f"{start:.2f} s + {slope:.3f} s per megapixel and plane, R2 {r2:.3f}")
    result = {"start_s": start, "s_per_megapixel_plane": slope, "r2": r2, "points": points}
    path.write_text(json.dumps(result, indent=1) + "\n")


def on_device(device: str) -> None:
    """Print the time of a pair and of a stack on a device, in this process, ms."""
    stacks = {
        "pair, 2048 x 2048": list(sample_pair((2048, 2048))[:2]),
        "12 planes, 9 MP": list(scene((768, 1024), 12, (4, 3))),
    }
    for name, planes in stacks.items():
        fuse(planes, device=device)
        began = time.perf_counter()
        fuse(planes, device=device)
        print(f"{name} on {device}: {1000 * (time.perf_counter() - began):.0f} ms")
    if device == "cuda":
        print(f"greatest memory: {torch.cuda.max_memory_allocated() / 1e9:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dev", type=Path, help="folder of folders of real stacks")
    parser.add_argument("--environments", type=Path, help="where FocusWeave is installed")
    parser.add_argument("--only", nargs="+", default=[], help="rows whose names contain a word")
    parser.add_argument("--fit", type=Path, help="measure sizes and numbers of planes, write JSON")
    parser.add_argument("--device", help="measure in this process on a device")
    options = parser.parse_args()
    if options.fit:
        fit(options.fit)
    elif options.device:
        on_device(options.device)
    else:
        rows = rows_of(options.dev)
        if options.only:
            rows = [row for row in rows if any(word in row.name for word in options.only)]
        table(rows, options.runs, options.environments)


if __name__ == "__main__":
    main()
