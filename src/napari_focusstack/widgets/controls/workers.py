"""Workers in threads beside the GUI, for which Python waits at its end."""

from __future__ import annotations

import atexit
import sys
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.QtCore import QEventLoop, Qt, QThread
from qtpy.QtWidgets import QApplication
from superqt.utils import GeneratorWorker, WorkerBase, create_worker

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GeneratorWorker", "beside_the_gui", "create_worker"]

T = TypeVar("T")

# A turn of the GUI asks for Python's lock dozens of times, and a thread that computes in Python
# gives it up after this time, in s. Python's own choice is five times as long (measured: a
# turn of 0.04 s took 0.14 s, and takes 0.07 s).
sys.setswitchinterval(min(sys.getswitchinterval(), 0.001))

# A worker that ends when Qt's objects are gone aborts the process. napari waits for workers where
# its event loop ends, but a script may show napari without one.
atexit.register(WorkerBase.await_workers)


def beside_the_gui(make: Callable[[], T]) -> T:
    """Return what a function returns, which runs in a thread where there is a GUI.

    The GUI goes on to be drawn. The caller waits for the answer, so what the user presses is kept
    for later. What the function warns of is warned of here: workers show it to nobody.
    """
    app = QApplication.instance()
    if app is None or QThread.currentThread() is not app.thread():
        return make()
    made: list[T] = []
    errors: list[Exception] = []
    warned: list[warnings.WarningMessage] = []

    def run() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                made.append(make())
            except Exception as error:  # raised below, where it is waited for
                errors.append(error)
        warned.extend(caught)

    loop = QEventLoop()
    worker: Any = create_worker(run, _start_thread=False)
    worker.finished.connect(loop.quit)
    QApplication.setOverrideCursor(Qt.CursorShape.BusyCursor)
    try:
        worker.start()
        loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    finally:
        QApplication.restoreOverrideCursor()
    if not made and not errors:  # napari is being closed
        WorkerBase.await_workers()
    for each in warned:
        warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if errors:
        raise errors[0]
    return made[0]
