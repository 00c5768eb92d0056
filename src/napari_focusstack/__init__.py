"""Focus stacking without the halo: foreground segmentation and diffusion elimination.

The names below load what they need on first use; importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "FocusMap": "segmentation.focus_map",
    "FuseParameters": "parameters",
    "FusionResult": "fusion.result",
    "InputError": "errors",
    "PlaneStore": "io.reading.plane_store",
    "Progress": "runtime.progress",
    "Registration": "registration.transforms",
    "ResultForm": "io.writing.result",
    "Surface": "surface.surface",
    "colour_stack": "samples.stacks",
    "eliminate": "fusion.fuse",
    "estimate_psf": "fusion.fuse",
    "fuse": "fusion.fuse",
    "microscopy_stack": "samples.stacks",
    "open_planes": "io.reading.plane_store",
    "read_record": "io.reading.record",
    "register": "registration.register",
    "result_file": "io.writing.result_file",
    "sample_pair": "samples.pair",
    "segment": "fusion.fuse",
    "surface_of": "surface.triangulation",
    "write_mesh": "surface.mesh_file",
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
