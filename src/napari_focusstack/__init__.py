"""Focus stacking without the halo: foreground segmentation and diffusion elimination.

Importing the package is cheap. Each public name imports its module on first use.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_focusstack.diagnostics.diagnose import diagnose as diagnose
    from napari_focusstack.diagnostics.diagnosis import Diagnosis as Diagnosis
    from napari_focusstack.errors import InputError as InputError
    from napari_focusstack.fusion.fuse import eliminate as eliminate
    from napari_focusstack.fusion.fuse import estimate_psf as estimate_psf
    from napari_focusstack.fusion.fuse import fuse as fuse
    from napari_focusstack.fusion.fuse import segment as segment
    from napari_focusstack.fusion.painted_labels import PaintedLabels as PaintedLabels
    from napari_focusstack.fusion.painted_labels import read_labels as read_labels
    from napari_focusstack.fusion.projection import project as project
    from napari_focusstack.fusion.result import FusionResult as FusionResult
    from napari_focusstack.fusion.slabs import Slab as Slab
    from napari_focusstack.fusion.slabs import fuse_slabs as fuse_slabs
    from napari_focusstack.io.reading.plane_store import PlaneStore as PlaneStore
    from napari_focusstack.io.reading.plane_store import open_planes as open_planes
    from napari_focusstack.io.reading.record import read_record as read_record
    from napari_focusstack.io.writing.result import ResultForm as ResultForm
    from napari_focusstack.io.writing.result_file import result_file as result_file
    from napari_focusstack.parameters import FuseParameters as FuseParameters
    from napari_focusstack.parameters import ProjectionParameters as ProjectionParameters
    from napari_focusstack.registration.register import register as register
    from napari_focusstack.registration.transforms import Registration as Registration
    from napari_focusstack.runtime.progress import Progress as Progress
    from napari_focusstack.samples.pair import sample_pair as sample_pair
    from napari_focusstack.samples.stacks import colour_stack as colour_stack
    from napari_focusstack.samples.stacks import microscopy_stack as microscopy_stack
    from napari_focusstack.segmentation.focus_map import FocusMap as FocusMap
    from napari_focusstack.surface.mesh_file import write_mesh as write_mesh
    from napari_focusstack.surface.surface import Surface as Surface
    from napari_focusstack.surface.triangulation import surface_of as surface_of

#: Module of each public name.
_MODULES = {
    "Diagnosis": "diagnostics.diagnosis",
    "FocusMap": "segmentation.focus_map",
    "FuseParameters": "parameters",
    "FusionResult": "fusion.result",
    "InputError": "errors",
    "PaintedLabels": "fusion.painted_labels",
    "PlaneStore": "io.reading.plane_store",
    "ProjectionParameters": "parameters",
    "Progress": "runtime.progress",
    "Registration": "registration.transforms",
    "ResultForm": "io.writing.result",
    "Slab": "fusion.slabs",
    "Surface": "surface.surface",
    "colour_stack": "samples.stacks",
    "diagnose": "diagnostics.diagnose",
    "eliminate": "fusion.fuse",
    "estimate_psf": "fusion.fuse",
    "fuse": "fusion.fuse",
    "fuse_slabs": "fusion.slabs",
    "microscopy_stack": "samples.stacks",
    "open_planes": "io.reading.plane_store",
    "project": "fusion.projection",
    "read_labels": "fusion.painted_labels",
    "read_record": "io.reading.record",
    "register": "registration.register",
    "result_file": "io.writing.result_file",
    "sample_pair": "samples.pair",
    "segment": "fusion.fuse",
    "surface_of": "surface.triangulation",
    "write_mesh": "surface.mesh_file",
}
# No log output, unless the caller or the command with --verbose sets it up.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__all__ = [*sorted(_MODULES), "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-focusstack")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
