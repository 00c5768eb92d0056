"""Sample data, rendered in a thread while napari's window goes on to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEventLoop, Qt, QThread
from qtpy.QtWidgets import QApplication
from superqt.utils import create_worker

from napari_focusstack.plugin import samples
from napari_focusstack.runtime.preload import preload_torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_focusstack.plugin.layer_data import LayerData


def pair_layers() -> list[LayerData]:
    """Return the sample pair, see :func:`napari_focusstack.plugin.samples.pair_layers`."""
    return _beside_the_gui(samples.pair_layers)


def stack_layers() -> list[LayerData]:
    """Return the colour stack, see :func:`napari_focusstack.plugin.samples.stack_layers`."""
    return _beside_the_gui(samples.stack_layers)


def microscopy_layers() -> list[LayerData]:
    """Return the 16-bit stack, see :func:`napari_focusstack.plugin.samples.microscopy_layers`."""
    return _beside_the_gui(samples.microscopy_layers)


def _beside_the_gui(render: Callable[[], list[LayerData]]) -> list[LayerData]:
    """Return what a function returns, which runs in a thread where there is a GUI.

    napari waits for the answer, so what the user presses is kept for later.
    """
    app = QApplication.instance()
    if app is None or QThread.currentThread() is not app.thread():
        return render()
    layers: list[LayerData] = []
    errors: list[Exception] = []

    def run() -> list[LayerData]:
        preload_torch()
        return render()

    loop = QEventLoop()
    worker: Any = create_worker(run, _start_thread=False, _ignore_errors=True)
    worker.returned.connect(layers.extend)
    worker.errored.connect(errors.append)
    worker.finished.connect(loop.quit)
    QApplication.setOverrideCursor(Qt.CursorShape.BusyCursor)
    try:
        worker.start()
        loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    finally:
        QApplication.restoreOverrideCursor()
    if errors:
        raise errors[0]
    return layers
