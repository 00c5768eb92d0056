"""Repeat a run: its settings as Python, as a command, and back from a record."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from napari_focusstack.errors import InputError
from napari_focusstack.parameters import FuseParameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def changed(parameters: FuseParameters) -> dict[str, Any]:
    """Return the parameters that differ from their defaults, in order."""
    return {
        field.name: getattr(parameters, field.name)
        for field in fields(FuseParameters)
        if getattr(parameters, field.name) != field.default
    }


def layer_as_python(name: str) -> str:
    """Return a layer of the viewer as an expression, whatever its name holds.

    Examples
    --------
    >>> print(layer_as_python('6" lens'))
    viewer.layers['6" lens']
    """
    return f"viewer.layers[{name!r}]"


def as_python(
    parameters: FuseParameters,
    planes: Sequence[str],
    labels: str | None = None,
    positions: Sequence[float] | None = None,
) -> str:
    r"""Return Python that repeats a run: the import, and a line that fuses.

    Parameters
    ----------
    parameters : FuseParameters
        Its settings.
    planes : sequence of str
        Expressions for the planes: a stack, or a near and a far plane.
    labels : str, optional
        Expression for labels that were painted.
    positions : sequence of float, optional
        Where each plane lies, if the expressions for the planes do not say.

    Examples
    --------
    >>> print(as_python(FuseParameters(psf=4.5), [layer_as_python("pair")]))
    import napari_focusstack as nfs
    result = nfs.fuse(viewer.layers['pair'], psf=4.5)
    """
    argument = planes[0] if len(planes) == 1 else f"[{', '.join(planes)}]"
    options = [] if labels is None else [f"labels={labels}"]
    options += [] if positions is None else [f"positions={list(positions)}"]
    options += [f"{name}={value!r}" for name, value in changed(parameters).items()]
    call = f"result = nfs.fuse({', '.join([argument, *options])})"
    return f"import napari_focusstack as nfs\n{call}"


def as_command(
    parameters: FuseParameters,
    planes: Sequence[str],
    output: str,
    labels: str | None = None,
    channel: int | None = None,
    axis: str | None = None,
) -> str:
    """Return a shell command that repeats a run.

    Parameters
    ----------
    parameters : FuseParameters
        Its settings.
    planes : sequence of str
        Files that were fused.
    output : str
        File to write.
    labels : str, optional
        File of labels that were painted.
    channel : int, optional
        Channel whose focus is used for all channels of the file, counted from 1.
    axis : str, optional
        Letter of the focus axis, if it is not the one that the file names.

    Examples
    --------
    >>> as_command(FuseParameters(crf=False, psf=4.5), ["my stack.tif"], "out.tif")
    "napari-focusstack fuse 'my stack.tif' -o out.tif --psf 4.5 --no-crf"
    """
    words = ["napari-focusstack", "fuse", *map(_file_word, planes), "-o", _file_word(output)]
    if labels is not None:
        words += ["--labels", _file_word(labels)]
    if channel is not None:
        words += ["--channel", str(channel)]
    if axis is not None:
        words += ["--axis", axis]
    for name, value in changed(parameters).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{flag}")
        else:
            words += [f"--{flag}", _file_word(value) if name.endswith("_weights") else str(value)]
    return shlex.join(words)


def _file_word(path: str) -> str:
    """Return a file as a word of a command, never read as an option."""
    return f"./{path}" if path.startswith("-") else path


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read the record of a run from a file that it wrote.

    Parameters
    ----------
    path : path
        An image (TIFF, PNG), or a report (.json).

    Returns
    -------
    dict
        The record, which :func:`from_record` takes.

    Raises
    ------
    InputError
        If the file cannot be read or holds no record of this software.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> report = Path(tempfile.mkdtemp()) / "report.json"
    >>> _ = report.write_text('{"software": "napari-focusstack", "parameters": {"psf": 4.5}}')
    >>> from_record(read_settings(report)).psf
    4.5
    """
    from pathlib import Path

    from napari_focusstack.io.reading.record import read_record
    from napari_focusstack.provenance import SOFTWARE
    from napari_focusstack.runtime.schemas import is_ours, read_json

    path = Path(path)
    if path.suffix.lower() != ".json":
        return read_record(path)
    report = read_json(path, dict[str, Any], f"report of {SOFTWARE}")
    if not is_ours(report):
        raise InputError(f"{path} is no report of {SOFTWARE}; name one that a fusion wrote.")
    return report


def from_record(record: Mapping[str, Any]) -> FuseParameters:
    """Return the parameters of a record.

    Raises
    ------
    InputError
        If it holds none, or a value that is no longer allowed.

    Examples
    --------
    >>> from_record({"parameters": {"psf": 4.5, "crf": False}}).psf
    4.5
    """
    from napari_focusstack.runtime.schemas import Record, checked

    problem = "the record holds no parameters"
    parameters = checked(record, Record, problem).get("parameters")
    if parameters is None:
        raise InputError(f"{problem}; load one that a fusion wrote.")
    return FuseParameters.of_known(parameters)
