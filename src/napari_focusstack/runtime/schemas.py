"""What comes from outside as JSON: each document is checked against its type before it is used.

The types are plain; msgspec checks them. It was chosen by its import time: 14 ms, pydantic 100 ms.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, cast

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.provenance import SOFTWARE
from napari_focusstack.runtime.paths import check_file

Document = TypeVar("Document")

#: Most bytes of a file, and most levels of a value. Convention: ours are far below.
MAX_BYTES, MAX_LEVELS = 2**28, 32


class Record(TypedDict, total=False):
    """The record of a result, from `napari_focusstack.provenance.record`."""

    software: Literal["napari-focusstack"]
    version: str
    created: str
    weights: dict[str, str]
    parameters: dict[str, Any]
    python: str
    torch: str
    found: dict[str, Any] | list[dict[str, Any]]
    input: dict[str, list[str]]


class Note(TypedDict, total=False):
    """What the plugin writes into a file beside the record."""

    software: Literal["napari-focusstack"]
    layer_type: Literal["image", "labels"]
    record: dict[str, Any] | None
    translate: dict[str, int | float]
    steps: dict[str, tuple[int | float, str]]


class WeightsNote(TypedDict):
    """What a file of weights says of its network: the name, and the settings that build it."""

    network: str
    config: dict[str, int | list[int]]


class ShippedFile(TypedDict):
    """A file of shipped weights, in their registry."""

    file: str
    sha256: str


class BatchItem(TypedDict):
    """The outcome of a source, in the report of a batch."""

    status: Literal["done", "failed", "skipped"]
    seconds: float
    message: str
    outputs: dict[str, int]
    settings: str
    source: dict[str, int] | None


class BatchReport(TypedDict):
    """The report of a batch."""

    software: Literal["napari-focusstack"]
    items: dict[str, BatchItem]


class CaseMeta(TypedDict, total=False):
    """What is known of a simulated case."""

    sigma_px: float | None


def read_json(path: Path, kind: type[Document], what: str) -> Document:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        Type of the document.
    what : str
        What the file should be, for the message.

    Raises
    ------
    InputError
        If the file cannot be read or is no such document.
    """
    check_file(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is no {what}, for it is too large; name another file.")
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}); name another file.") from error
    return parse(text, kind, f"{path} is no {what}")


def parse(text: str | bytes, kind: type[Document], problem: str) -> Document:
    """Return the document in a text; InputError that begins with the problem if it is none.

    Examples
    --------
    >>> parse('{"network": "fsb", "config": {"width": "8"}}', WeightsNote, "f.safetensors is odd")
    ... # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    napari_focusstack.errors.InputError: f.safetensors is odd (Expected `int | array`, got `str` -
    at `$.config[...]`); name another file.
    """
    import msgspec

    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise _refused(problem, error) from error
    return checked(value, kind, problem)


def checked(value: Any, kind: type[Document], problem: str) -> Document:
    """Return a value of a type; InputError that begins with the problem if it has another.

    A dict is returned as it is, with keys that its type does not name; all else is converted.
    """
    import msgspec

    try:
        _check_levels(value)
        converted = msgspec.convert(value, kind)
        return cast("Document", value) if isinstance(value, dict) else converted
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _refused(problem, error) from error


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value has a type; numbers of NumPy and paths count as Python's.

    Examples
    --------
    >>> fits(np.float32(2), float), fits("2", float), fits(True, int)
    (True, False, False)
    """
    import msgspec

    plain = value.item() if isinstance(value, np.generic) else value
    try:
        msgspec.convert(str(plain) if isinstance(plain, PathLike) else plain, kind)
    except msgspec.MsgspecError:
        return False
    return True


def is_ours(value: Any) -> bool:
    """Return whether a document says that this software wrote it."""
    return isinstance(value, dict) and value.get("software") == SOFTWARE


def _check_levels(value: Any) -> None:
    """Raise RecursionError if lists and dicts are nested too deep, without recursion."""
    level = [value]
    for _ in range(MAX_LEVELS):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list | tuple):
                inner += each
        if not inner:
            return
        level = inner
    raise RecursionError(f"more than {MAX_LEVELS} levels")


def _refused(problem: str, error: Exception) -> InputError:
    """Return the error for a document that is none."""
    reason = "" if isinstance(error, RecursionError) else f"{error}"
    return InputError(f"{problem} ({reason or 'nested too deep'}); name another file.")
