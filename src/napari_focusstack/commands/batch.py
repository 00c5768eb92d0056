"""The command ``napari-focusstack batch``: fuse many stacks, with one line for each failure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.batch.job import ENDINGS, SUFFIXES
from napari_focusstack.commands.fuse import add_stack_arguments
from napari_focusstack.commands.options import add_options, memory_of, read_parameters
from napari_focusstack.commands.projection_options import add_projection, read_projection
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters

if TYPE_CHECKING:
    import argparse

    from napari_focusstack.runtime.progress import Progress


#: Outputs beside the image, one option each.
OPTIONAL_OUTPUTS = tuple(name for name in ENDINGS if name != "image")


HELP = "fuse many stacks; failures do not stop the others"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "sources", nargs="+", help="stacks: files, folders of planes, or quoted patterns"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--format",
        choices=tuple(SUFFIXES),
        default="tiff",
        help="write OME-TIFF or OME-Zarr (default tiff)",
    )
    for name in OPTIONAL_OUTPUTS:
        parser.add_argument(
            f"--save-{name}",
            dest="save",
            action="append_const",
            const=name,
            default=[],
            help=f"also write NAME{ENDINGS[name]}",
        )
    parser.add_argument(
        "--registration", type=Path, help="saved registration to use for every stack, .json"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="skip stacks that an earlier run finished, if unchanged",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run on dask.distributed: tcp://HOST:PORT, or local for one process per core",
    )
    add_projection(parser)
    add_stack_arguments(parser)
    add_options(parser, FuseParameters)


def run(options: argparse.Namespace) -> None:
    """Run a batch; raise InputError at the end if any stack failed."""
    from tqdm import tqdm

    from napari_focusstack.batch.batch import batch, find_sources
    from napari_focusstack.batch.report import REPORT
    from napari_focusstack.registration.transforms import Registration

    sources = find_sources(options.sources, options.output)
    registration = Registration.load(options.registration) if options.registration else None
    counts = {"done": 0, "skipped": 0, "failed": 0}
    with tqdm(total=len(sources), unit="stack", disable=None) as bar:

        def show(progress: Progress) -> None:
            """Show the step of the current stack beside the bar."""
            bar.set_postfix_str(f"{progress.step} {progress.done}/{progress.total}")

        outcomes = batch(
            sources,
            options.output,
            read_parameters(options, FuseParameters),
            projection=read_projection(options),
            channel=options.channel,
            axis=options.axis,
            save=options.save,
            format=options.format,
            registration=registration,
            resume=options.resume,
            scheduler=options.scheduler,
            budget_bytes=memory_of(options),
            progress=show,
        )
        for outcome in outcomes:
            counts[outcome.status] += 1
            bar.update()
            for note in outcome.notes:
                bar.write(f"{outcome.source}: {note}")
            if outcome.status == "failed":
                bar.write(f"{outcome.source}: {outcome.message}", file=sys.stderr)
    print(f"{options.output}: {', '.join(f'{count} {status}' for status, count in counts.items())}")
    if counts["failed"]:
        raise InputError(
            f"{counts['failed']} of {len(sources)} stacks failed; mend them and run again with "
            f"--resume; {options.output / REPORT} lists all."
        )
