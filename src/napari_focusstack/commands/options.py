"""Options of commands: fields of parameter dataclasses, and amounts of memory."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters, option_type
from napari_focusstack.training.config import TrainParameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_focusstack.io.reading.stack_header import StackHeader


Parameters = TypeVar("Parameters", FuseParameters, TrainParameters)

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BINARY_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def add_options(parser: argparse.ArgumentParser, kind: type, exclude: Sequence[str] = ()) -> None:
    """Add each field of a parameter dataclass as an option, except those of ``exclude``."""
    for each in fields(kind):
        if each.name in exclude:
            continue
        flag = f"--{each.name.replace('_', '-')}"
        text = each.metadata["help"].replace("%", "%%")
        if isinstance(each.default, bool):
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=each.default, help=text
            )
        else:
            parser.add_argument(
                flag,
                default=each.default,
                type=option_type(each),
                choices=each.metadata["choices"] or None,
                help=f"{text} (default {each.default})",
            )


def read_parameters(options: argparse.Namespace, kind: type[Parameters]) -> Parameters:
    """Return the parameters whose options :func:`add_options` added."""
    return kind(**{each.name: getattr(options, each.name) for each in fields(kind)})


def memory_of(options: argparse.Namespace) -> int | None:
    """Return what ``--memory`` gives, bytes; None if it is not given or not an option."""
    text = getattr(options, "memory", None)
    return parse_bytes(text) if text else None


def parse_bytes(text: str) -> int:
    """Read an amount of memory.

    Parameters
    ----------
    text : str
        A number with or without a unit: B, kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB
        (powers of 1024). The B may be omitted, and case does not matter.

    Returns
    -------
    int
        Number of bytes, above 0.

    Raises
    ------
    InputError
        If the text is not such an amount.

    Examples
    --------
    >>> parse_bytes("512 MiB"), parse_bytes("2g")
    (536870912, 2000000000)
    """
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([kmgt]?)(i?)b?", text.strip(), re.IGNORECASE)
    if match:
        number, letter, binary = match.groups()
        unit = letter.upper() + binary.lower()
        amount = int(float(number) * {**UNITS, **BINARY_UNITS}.get(unit, 0))
        if amount > 0:
            return amount
    raise InputError(f"{text!r} is no amount of memory; give one such as 1.5GB or 800MiB.")


def inputs_of(options: argparse.Namespace, stack: StackHeader) -> list[Path]:
    """Return all files that ``fuse`` reads."""
    weights = (
        getattr(options, each.name)
        for each in fields(FuseParameters)
        if each.name.endswith("_weights")
    )
    given = [options.labels, options.registration, *weights]
    return [*stack.files, *(Path(path) for path in given if path is not None)]
