"""Load torch without stopping the threads of a GUI. This module imports no heavy package."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib.util
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.runtime.cores import yield_cores

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Library of torch by platform; it brings along all others that are large.
LIBRARIES = {"linux": "libtorch.so", "darwin": "libtorch.dylib"}
#: Searches of the middle generation for each of the oldest; Python's own choice is 10 (convention).
SELDOM = 100


def preload_torch() -> None:
    """Import torch; meant for a thread beside that of a GUI.

    Python holds its lock while an import loads a library, which for torch is most of a second. A
    foreign call gives the lock up, so the library is loaded by one first; the import then finds it
    in memory. The threads of torch leave the cores to the GUI while they wait.
    """
    yield_cores()
    library = LIBRARIES.get(sys.platform)
    found = importlib.util.find_spec("torch")
    if library is not None and found is not None and found.origin and "torch" not in sys.modules:
        load = ctypes.CDLL(None).dlopen
        load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        path = Path(found.origin).parent / "lib" / library
        if path.is_file():  # where it fails, the import says why
            load(os.fsencode(path), os.RTLD_LAZY)
    import torch  # noqa: F401


@contextmanager
def without_collection() -> Iterator[None]:
    """Let imports leave nothing to Python's garbage collector.

    torch and what comes with it are half a million objects. Where they count as new, the collector
    searches everything again and again, each time for half a second in which all threads stand.
    Here it waits, then takes all objects for old ones, and searches these ten times as seldom.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # now they are in the oldest generation
        collect_seldom()
        if was_enabled:
            gc.enable()


def collect_seldom() -> None:
    """Let Python's garbage collector search old objects seldom.

    Those of torch live as long as the process.
    """
    gc.set_threshold(*gc.get_threshold()[:2], SELDOM)


def end_without_collection() -> None:
    """Let a process that has imported torch end at once; for a process of its own.

    Python searches all objects once more before it ends: 0.3 s, measured.
    """
    atexit.register(gc.freeze)
