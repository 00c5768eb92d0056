"""The command ``napari-focusstack diagnose``: the best plane of stacks, and findings on them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.plane_choice import choice_text

if TYPE_CHECKING:
    import argparse

    from napari_focusstack.batch.focus_curves import Row


HELP = "name the best plane of stacks, and what is wrong with their planes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "sources", nargs="+", help="stacks: files, folders of planes, or quoted patterns"
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="write the best plane of each stack and time point, .csv"
    )
    parser.add_argument(
        "--curves", type=Path, help="write the sharpness of each plane of all of them, .csv"
    )
    parser.add_argument("--planes", help="planes to compare, such as 1,3,5:9 or 3:40:2")
    parser.add_argument(
        "--channel", type=int, default=1, help="channel in which sharpness is measured (default 1)"
    )
    parser.add_argument(
        "--axis", metavar="LETTER", help="axis along which focus changes, as for fuse"
    )


def run(options: argparse.Namespace) -> None:
    """Diagnose stacks; raise InputError at the end if any could not be read."""
    from napari_focusstack.batch.batch import find_sources
    from napari_focusstack.batch.focus_curves import focus_curves
    from napari_focusstack.evaluation.tables import as_csv
    from napari_focusstack.files import check_writable, write_text

    outputs = [path for path in (options.output, options.curves) if path is not None]
    for path in outputs:
        check_writable(path, suffixes=(".csv",))
    if len(outputs) == 2 and outputs[0].resolve() == outputs[1].resolve():
        raise InputError(f"{outputs[0]} is to hold two tables; give each a name of its own.")
    planes = choice_text(options.planes)
    sources = [path for path in find_sources(options.sources) if path not in outputs]
    best: list[Row] = []
    curves: list[Row] = []
    failed = 0
    for source in sources:
        try:
            for curve in focus_curves(source, options.channel, planes, options.axis):
                print(f"{curve.name}: {curve.sentence()}")
                for message in curve.diagnosis.messages():
                    print(f"    {message}")
                best.append(curve.best_row())
                curves.extend(curve.rows() if options.curves else ())
        except InputError as error:
            failed += 1
            print(f"{source}: {error}", file=sys.stderr)
    for path, rows in ((options.output, best), (options.curves, curves)):
        if path is not None and rows:
            write_text(path, as_csv(rows))
    if failed:
        raise InputError(f"{failed} of {len(sources)} stacks could not be read; mend or leave out.")
