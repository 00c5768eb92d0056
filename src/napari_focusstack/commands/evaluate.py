"""The command ``napari-focusstack evaluate``: score a folder of cases."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_focusstack.commands.options import add_options, read_parameters
from napari_focusstack.commands.progress_bars import DELAY_S
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters

HELP = "score a folder of cases"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "folder", type=Path, help="folder with NAME-near.*, NAME-far.*, NAME-truth.*, ..."
    )
    parser.add_argument(
        "--images",
        type=named_folder,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="also score images of another program, DIR/CASE.png; may be given more than once",
    )
    parser.add_argument("--report", type=Path, help="write the table as .csv or .json")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet, .png")
    add_options(parser, FuseParameters)


def named_folder(text: str) -> tuple[str, Path]:
    """Read NAME=DIR; ArgumentTypeError if the name is in use or the folder does not exist."""
    name, _, folder = text.partition("=")
    if not name or not folder or name in ("unmix", "subtract", "none", "near", "far", "truth"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR with a name of its own")
    if not Path(folder).is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is not a folder")
    return name, Path(folder)


def run(options: argparse.Namespace) -> None:
    """Score the cases, print the table, and write table and contact sheet."""
    from tqdm import tqdm

    from napari_focusstack.evaluation.cases import find_cases, find_image
    from napari_focusstack.evaluation.score import evaluate
    from napari_focusstack.evaluation.tables import as_csv, as_json, mean_rows, table
    from napari_focusstack.files import check_writable, write_text
    from napari_focusstack.io.writing.image import write_image
    from napari_focusstack.runtime.paths import check_apart

    if options.report is not None:
        check_writable(options.report, suffixes=(".csv", ".json"))
    if options.sheet is not None:
        check_writable(options.sheet, suffixes=(".png",))
    if len(dict(options.images)) < len(options.images):
        raise InputError("two folders of --images have the same name; give each its own.")
    cases = find_cases(options.folder)
    outputs = [path for path in (options.report, options.sheet) if path is not None]
    images = [find_image(folder, case) for _, folder in options.images for case in cases]
    check_apart(outputs, [*images, *(path for case in cases for path in case.files.values())])
    steps = evaluate(cases, read_parameters(options, FuseParameters), dict(options.images))
    scores = list(tqdm(steps, total=len(cases), delay=DELAY_S, leave=False, unit="case"))
    rows = [row for score in scores for row in score.rows]
    rows += mean_rows(rows)
    print(table(rows))
    if options.report is not None:
        as_text = as_csv if options.report.suffix.lower() == ".csv" else as_json
        write_text(options.report, as_text(rows))
    if options.sheet is not None:
        from napari_focusstack.evaluation.contact_sheet import contact_sheet

        write_image(options.sheet, contact_sheet(scores))
