"""The record of a result: what made it, from which parameters, and when."""

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
    """Describe how a result was made, ready for JSON.

    Parameters
    ----------
    parameters : mapping
        Everything needed to repeat the result: numbers, text, paths, arrays, dataclasses, and
        mappings or sequences of them.
    weights : mapping of str to str
        SHA-256 of each network's weights, by network name.

    Returns
    -------
    dict
        Keys "software", "version", "created" (ISO 8601, UTC), "weights", "parameters", "python"
        and "torch". Floats keep their full value; a float that is not finite, which JSON lacks,
        is text ("nan", "inf") that `float` reads. A package that is not installed has the
        version "unknown".

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
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _plain(value: Any) -> Any:
    """Convert to what JSON knows: dict, list, str, int, finite float, bool, None."""
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
