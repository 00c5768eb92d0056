"""Load torch without stopping the threads of a GUI. This module imports no heavy package."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

#: Library of torch by platform; it brings along all others that are large.
LIBRARIES = {"linux": "libtorch.so", "darwin": "libtorch.dylib"}


def preload_torch() -> None:
    """Import torch; meant for a thread beside that of a GUI.

    Python holds its lock while an import loads a library, which for torch is most of a second. A
    foreign call gives the lock up, so the library is loaded by one first; the import then finds it
    in memory.
    """
    library = LIBRARIES.get(sys.platform)
    found = importlib.util.find_spec("torch")
    if library is not None and found is not None and found.origin and "torch" not in sys.modules:
        load = ctypes.CDLL(None).dlopen
        load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        path = Path(found.origin).parent / "lib" / library
        if path.is_file():  # where it fails, the import says why
            load(os.fsencode(path), os.RTLD_LAZY)
    import torch  # noqa: F401
