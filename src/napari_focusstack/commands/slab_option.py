"""The option ``--slab`` of ``napari-focusstack fuse``: a stack of fused slabs, not one image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_focusstack.commands.options import inputs_of, memory_of, read_parameters
from napari_focusstack.commands.progress_bars import Bars
from napari_focusstack.commands.projection_options import read_projection
from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters, SlabParameters
from napari_focusstack.runtime.slab_choice import read_slab

if TYPE_CHECKING:
    import argparse

    from napari_focusstack.io.reading.stack_header import StackHeader

#: Options of one image, which a stack of slabs is not.
OF_ONE_IMAGE = (
    *("labels", "save_labels", "save_initial", "save_source", "save_depth"),
    *("save_confidence", "save_surface", "save_registration"),
)


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--slab",
        metavar="N:OVERLAP",
        help=SlabParameters.__dataclass_fields__["slab"].metadata["help"],
    )


def fuse_slabs(options: argparse.Namespace, stack: StackHeader) -> None:
    """Fuse slabs of a stack and write them, and the report if it is asked for."""
    from napari_focusstack.batch.slab_stack import slab_stack
    from napari_focusstack.files import all_or_none, check_writable, write_text
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.paths import check_apart

    slab = read_slab(options.slab)
    for name in OF_ONE_IMAGE:
        if getattr(options, name) is not None:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(f"--slab writes a stack of images; leave out {flag}, which is of one.")
    if read_projection(options) is not None:
        raise InputError("--slab and --project each write an image of their own; give one of them.")
    outputs = [options.output]
    if options.report is not None:
        check_writable(options.report, suffixes=(".json",))
        outputs.append(options.report)
    check_apart(outputs, inputs_of(options, stack))
    with all_or_none(), Bars() as bars:
        record = slab_stack(
            stack,
            options.output,
            read_parameters(options, FuseParameters),
            slab,
            sources={"planes": [str(path) for path in options.sources]},
            channel=options.channel,
            registration=Registration.load(options.registration) if options.registration else None,
            budget_bytes=memory_of(options),
            progress=bars,
        )
        if options.report is not None:
            write_text(options.report, json.dumps(record, indent=2))
    count = len(record["slabs"]["planes"])
    text = f"{options.output}: {count} slabs of {slab[0]} planes, {slab[1]} of them shared"
    print("\n".join([text, *stack.notes]))
