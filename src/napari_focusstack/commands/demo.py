"""The command ``napari-focusstack demo``: fuse a bundled pair and print the gain in PSNR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.commands.fuse import summary
from napari_focusstack.files import make_folder

if TYPE_CHECKING:
    import argparse

HELP = "fuse a bundled pair and print the gain in PSNR"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("focusstack-demo"), help="folder to write to"
    )


def run(options: argparse.Namespace) -> None:
    """Fuse the sample pair and write planes, ground truth and results into a folder."""
    from napari_focusstack.commands.progress_bars import Bars
    from napari_focusstack.evaluation.truth_metrics import psnr
    from napari_focusstack.fusion.fuse import fuse
    from napari_focusstack.io.writing.image import write_image
    from napari_focusstack.provenance import record
    from napari_focusstack.samples.pair import sample_pair

    make_folder(options.output)
    near, far, truth = sample_pair()
    with Bars() as bars:
        result = fuse([near, far], progress=bars)
    about = {**record(result.parameters, weights=result.weights), "found": result.figures()}
    images = {
        "near.png": near,
        "far.png": far,
        "truth.png": truth,
        "labels.png": result.labels,
        "initial.png": result.initial,
        "all_in_focus.tif": result.image,
        "all_in_focus.png": result.image,
    }
    for name, image in images.items():
        write_image(options.output / name, image, record=about)
    region = result.transition_region
    counted = region if region.any() else None
    print(f"{options.output}: {summary(result)}")
    print("PSNR against the truth, dB      whole  transition region")
    for name, image in (
        ("before elimination", result.initial),
        ("after elimination", result.image),
    ):
        print(f"{name:<28}{psnr(image, truth):>9.2f}{psnr(image, truth, counted):>19.2f}")
