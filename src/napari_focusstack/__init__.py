"""Focus stacking without the halo: foreground segmentation and diffusion elimination.

The names below load what they need on first use; importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "FocusMap": "focus_map",
    "FuseParameters": "parameters",
    "FusionResult": "fusion",
    "InputError": "errors",
    "PlaneStore": "io.plane_store",
    "Progress": "progress",
    "Registration": "registration",
    "ResultForm": "io.result_file",
    "Surface": "surface",
    "colour_stack": "io.sample_stacks",
    "eliminate": "fusion",
    "estimate_psf": "fusion",
    "fuse": "fusion",
    "microscopy_stack": "io.sample_stacks",
    "open_planes": "io.plane_store",
    "read_record": "io.writer",
    "register": "drift",
    "result_file": "io.result_file",
    "sample_pair": "io.samples",
    "segment": "fusion",
    "surface_of": "surface",
    "write_mesh": "io.mesh",
}

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-focusstack")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
