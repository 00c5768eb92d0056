"""The record of a result: software, parameters, weights and time."""

from __future__ import annotations

import dataclasses
import math
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


SOFTWARE = "napari-focusstack"


def record(parameters: Mapping[str, Any], *, weights: Mapping[str, str]) -> dict[str, Any]:
    """Make the record of a result, which can be written as JSON.

    Parameters
    ----------
    parameters : mapping
        All that is needed to repeat the result: numbers, text, paths, arrays, dataclasses, and
        dicts, lists or tuples of them.
    weights : mapping of str to str
        SHA-256 of the weights of each network, by its name.

    Returns
    -------
    dict
        Keys "software", "version", "created" (ISO 8601, UTC), "weights", "parameters", "python"
        and "torch". Floats keep their full value. JSON lacks floats that are not finite, so they
        become text ("nan", "inf"), which `float` reads. The version of a package that is not
        installed is "unknown".

    Raises
    ------
    TypeError
        If a parameter is of another type.

    Examples
    --------
    >>> made = record({"sigma_px": 4.25, "planes": ("near.png", "far.png")}, weights={})
    >>> made["software"], made["parameters"]
    ('napari-focusstack', {'sigma_px': 4.25, 'planes': ['near.png', 'far.png']})
    """
    return {
        "software": SOFTWARE,
        "version": _version(SOFTWARE),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights": dict(weights),
        "parameters": _plain(parameters),
        "python": platform.python_version(),
        "torch": _version("torch"),
    }


def _version(package: str) -> str:
    """Return the version of a package, "unknown" if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _plain(value: Any) -> Any:
    """Convert a value to the types of JSON: dict, list, str, int, finite float, bool, None."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, PurePath):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"cannot record a {type(value).__name__}: {value!r}")
