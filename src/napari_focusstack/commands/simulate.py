"""The command ``napari-focusstack simulate``: render pairs with ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.commands.progress_bars import DELAY_S
from napari_focusstack.errors import InputError
from napari_focusstack.files import make_folder

if TYPE_CHECKING:
    import argparse

HELP = "render pairs with ground truth by the imaging model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("focusstack-cases"), help="folder to write to"
    )
    parser.add_argument("--count", type=int, default=8, help="number of pairs (default 8)")
    parser.add_argument(
        "--side", type=int, default=256, help="side of the images, px (default 256)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random numbers (default 0)"
    )
    parser.add_argument("--data", type=Path, help="folder with photos/, shapes/, cutouts/")
    parser.add_argument(
        "--sigma", type=float, nargs=2, metavar=("MIN", "MAX"), help="range of sigma, px"
    )
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="use only pictures that training on --data holds back",
    )


def run(options: argparse.Namespace) -> None:
    """Render pairs and write them into a folder."""
    from dataclasses import replace

    from tqdm import tqdm

    from napari_focusstack.simulation.cases import PAIR_SCENES, bundled_material, write_cases
    from napari_focusstack.simulation.material import SourceImages

    if options.count < 1 or options.side < 64 or options.side % 8:
        raise InputError(
            f"count is {options.count} and side {options.side}; give at least 1, and a multiple of "
            "8 from 64 px."
        )
    scenes = PAIR_SCENES
    if options.sigma:
        if not 0 < options.sigma[0] < options.sigma[1]:
            raise InputError(
                f"sigma runs from {options.sigma[0]} to {options.sigma[1]}; give 0 < MIN < MAX."
            )
        scenes = replace(scenes, sigma_px=tuple(options.sigma))
    material = SourceImages.load(options.data) if options.data else bundled_material()
    if options.held_out:
        _, material = material.split()
    make_folder(options.output)
    cases = write_cases(options.output, options.count, options.side, material, options.seed, scenes)
    for _ in tqdm(cases, total=options.count, delay=DELAY_S, leave=False, unit="pair"):
        pass
    print(f"{options.output}: {options.count} pairs")
