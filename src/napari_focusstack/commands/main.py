"""The command ``napari-focusstack``: fuse, batch, evaluate, simulate, train, demo."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING, NoReturn

from napari_focusstack.commands import batch, demo, evaluate, fuse, simulate, train
from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Each module has ``HELP``, ``add_arguments(parser)`` and ``run(options)``.
COMMANDS = {
    "fuse": fuse,
    "batch": batch,
    "evaluate": evaluate,
    "simulate": simulate,
    "train": train,
    "demo": demo,
}


class _Parser(argparse.ArgumentParser):
    """Parser whose errors are :class:`InputError`, so that they take one line like all others."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError."""
        raise InputError(f"{message}; see {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the name of the command; those of the process if not given.

    Returns
    -------
    int
        Exit code: 0 if everything was written, 2 for an input that cannot be used, 130 if
        interrupted.
    """
    try:
        options = _parser().parse_args(arguments)
        if options.verbose:
            logging.basicConfig(
                level=logging.DEBUG, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr
            )
            logging.getLogger("napari_focusstack").setLevel(logging.DEBUG)
        _run(options)
    except InputError as error:
        logging.getLogger(__name__).debug("input error", exc_info=True)
        print(f"napari-focusstack: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("napari-focusstack: interrupted", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    """Run the command."""
    from napari_focusstack.runtime.cores import yield_cores
    from napari_focusstack.runtime.memory import keep_heap

    yield_cores()
    keep_heap()
    options.run(options)


def _parser() -> _Parser:
    """Return the parser of the command with all subcommands."""
    parser = _Parser(prog="napari-focusstack", description=__doc__)
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.HELP)
        command.add_arguments(subparser)
        subparser.add_argument(
            "--verbose", action="store_true", help="log each step, and the traceback of an error"
        )
        subparser.set_defaults(run=command.run)
    return parser


def _version() -> str:
    """Return name and version of the installed package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"napari-focusstack {version('napari-focusstack')}"
    except PackageNotFoundError:
        return "napari-focusstack (not installed)"
