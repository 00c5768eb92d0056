"""Sample data, rendered in a thread while napari's window goes on to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.plugin import samples
from napari_focusstack.runtime.preload import preload_torch, without_collection
from napari_focusstack.widgets.controls.preload import preload_images
from napari_focusstack.widgets.controls.workers import beside_the_gui

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_focusstack.plugin.layer_data import LayerData


def pair_layers() -> list[LayerData]:
    """Return the sample pair, see :func:`napari_focusstack.plugin.samples.pair_layers`."""
    return _rendered(samples.pair_layers)


def stack_layers() -> list[LayerData]:
    """Return the colour stack, see :func:`napari_focusstack.plugin.samples.stack_layers`."""
    return _rendered(samples.stack_layers)


def microscopy_layers() -> list[LayerData]:
    """Return the 16-bit stack, see :func:`napari_focusstack.plugin.samples.microscopy_layers`."""
    return _rendered(samples.microscopy_layers)


def _rendered(render: Callable[[], list[LayerData]]) -> list[LayerData]:
    """Return what a function returns, which needs torch."""

    def run() -> list[LayerData]:
        with without_collection():
            preload_torch()
            preload_images()
            return render()

    return beside_the_gui(run)
