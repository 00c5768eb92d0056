"""The options of a projection around the surface, for both commands that fuse files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.commands.options import add_options
from napari_focusstack.parameters import ProjectionParameters

if TYPE_CHECKING:
    import argparse


def add_projection(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_options(parser, ProjectionParameters, exclude=("channel_offset",))
    parser.add_argument(
        "--channel-offset",
        metavar="NAME=DZ",
        action="append",
        help="how far a channel, by its name or number, lies behind the surface, in planes (3) or "
        "a length (2um); may be given for several",
    )


def read_projection(options: argparse.Namespace) -> ProjectionParameters | None:
    """Return what is projected; None if nothing is."""
    projection = ProjectionParameters(
        project=options.project,
        above=options.above,
        below=options.below,
        channel_offset=",".join(options.channel_offset or ()) or None,
    )
    return None if projection.project == "none" else projection
