"""The docks as napari opens them: their modules are loaded in a thread."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from napari_focusstack.widgets.controls.workers import beside_the_gui

#: Modules of this folder with a dock, by the name of its class.
MODULES = {
    "FuseWidget": "fuse.dock",
    "OpenStackWidget": "open_stack",
    "TrainWidget": "training.dock",
}


def __getattr__(name: str) -> Any:
    """Return the class of a dock; loading a hundred modules takes a quarter of a second."""
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"{__package__}.{MODULES[name]}"
    return getattr(beside_the_gui(partial(import_module, module)), name)
