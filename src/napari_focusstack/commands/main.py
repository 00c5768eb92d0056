"""The command ``napari-focusstack``: fuse, batch, diagnose, evaluate, simulate, train, demo."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

from napari_focusstack.commands import batch, demo, diagnose, evaluate, fuse, simulate, train
from napari_focusstack.commands.options import memory_of
from napari_focusstack.errors import FocusAxisError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Each module has ``HELP``, ``add_arguments(parser)`` and ``run(options)``.
COMMANDS = {
    "fuse": fuse,
    "batch": batch,
    "diagnose": diagnose,
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
        Exit code: 0 if everything was written, 2 for an input that cannot be used, 128 and the
        number of the signal if stopped (130 by Ctrl-C, 143 by SIGTERM).
    """
    try:
        with _stopping_cleanly():
            options = _parser().parse_args(arguments)
            if options.verbose:
                # other packages log warnings only
                logging.basicConfig(format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
                logging.getLogger("napari_focusstack").setLevel(logging.DEBUG)
            _run(options)
    except InputError as error:
        logging.getLogger(__name__).debug("input error", exc_info=True)
        print(f"napari-focusstack: error: {_with_option(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print("napari-focusstack: interrupted", file=sys.stderr)
        return 128 + (stop.number if isinstance(stop, Stopped) else signal.SIGINT)
    return 0


def _with_option(error: InputError) -> str:
    """Return the sentence of an error with the option by which an axis is chosen."""
    axes = error.axes if isinstance(error, FocusAxisError) else ""
    options = " or ".join(f"--axis {axis}" for axis in axes)
    return f"{error} ({options})" if options else str(error)


class Stopped(KeyboardInterrupt):
    """A signal that ends the process, as an exception: unfinished outputs are deleted."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def _stopping_cleanly() -> Iterator[None]:
    """Let SIGTERM (kill, batch systems) and SIGHUP (a closed terminal) end the run as Ctrl-C."""
    numbers: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():  # no other thread handles signals
        named = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # Another program that calls this one, and nohup, handle signals as they like.
        numbers = [one for one in named if signal.getsignal(one) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, frame: object) -> NoReturn:
    """Stop; a second signal does not interrupt what the first one has begun."""
    signal.signal(number, signal.SIG_IGN)
    raise Stopped(number)


def _run(options: argparse.Namespace) -> None:
    """Run the command."""
    from napari_focusstack.runtime.cores import yield_cores
    from napari_focusstack.runtime.memory import arrange_heap
    from napari_focusstack.runtime.preload import collect_seldom, end_without_collection

    yield_cores()
    collect_seldom()
    end_without_collection()
    arrange_heap(memory_of(options))
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
