"""What napari builds once, with its first layers, and what a fusion needs, loaded beside the GUI.

All functions are meant for a thread: napari's window would stop for them.
"""

from __future__ import annotations

import contextlib
import importlib
from threading import Event
from typing import Any

from napari_focusstack.runtime.preload import preload_torch, without_collection

#: What napari imports with its first image, for the thumbnail; what reads planes one by one; and
#: what that imports with its first plane, where it is installed.
IMAGE_MODULES = ("scipy.ndimage", "dask.array", "distributed")
#: What napari imports with its first labels: for their table, and for their colours.
LABEL_MODULES = ("pandas", "skimage.color.colorconv")
#: Whether a fusion finds all that it needs in memory.
FUSION_LOADED = Event()


def preload_images() -> None:
    """Load what napari needs for its first image: 0.6 s, of which 0.2 s are names of units."""
    with without_collection():
        _read_units()
        _import(IMAGE_MODULES)


def preload_labels() -> None:
    """Load what napari needs for its first labels: 0.4 s."""
    with without_collection():
        _import(LABEL_MODULES)
        with contextlib.suppress(ImportError):
            from vispy.visuals.line.dash_atlas import DashAtlas

            DashAtlas()  # vispy keeps the patterns of dashed lines; napari outlines polygons by one


def preload_layers() -> None:
    """Load what napari needs for the first layers of a stack and of its fusion."""
    preload_images()
    preload_labels()


def preload_fusion() -> None:
    """Load what a fusion and its layers need."""
    preload_layers()
    with without_collection():
        preload_torch()
        import napari_focusstack.fusion.fuse  # noqa: F401
    FUSION_LOADED.set()


def _read_units() -> None:
    """Read the names of units, unless somebody has asked for one."""
    with contextlib.suppress(ImportError):
        import pint
        from pint.registry import LazyRegistry

        # pint's own registry reads them when it is first asked, but not for two threads at once
        shared = pint.get_application_registry()
        if type(shared.get()) is LazyRegistry:
            made: LazyRegistry[Any, Any] = LazyRegistry()
            made.parse_units("pixel")
            if type(shared.get()) is LazyRegistry:  # napari may have asked meanwhile
                pint.set_application_registry(made)


def _import(modules: tuple[str, ...]) -> None:
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
