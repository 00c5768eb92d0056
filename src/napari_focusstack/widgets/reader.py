"""The reader as napari calls it: it reads in a thread while the window goes on to be drawn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_focusstack.plugin.layer_data import LayerData

T = TypeVar("T")


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader, see :func:`napari_focusstack.plugin.reader.get_reader`."""

    def find() -> Callable[[str | list[str]], list[LayerData]] | None:
        from napari_focusstack.plugin.reader import get_reader

        return get_reader(path)

    return None if _in_thread(find) is None else read_layers


def read_layers(path: str | list[str]) -> list[LayerData]:
    """Read a stack, see :func:`napari_focusstack.plugin.reader.read_layers`."""

    def read() -> list[LayerData]:
        from napari_focusstack.plugin.reader import read_layers

        layers = read_layers(path)
        if "napari" in sys.modules:
            from napari_focusstack.widgets.controls.preload import preload_images

            preload_images()
            for data, meta, _ in layers:
                _decode_first_shown(data, data.ndim - (3 if meta.get("rgb") else 2))
        return layers

    return _in_thread(read)


def _decode_first_shown(data: Any, leading: int) -> None:
    """Keep the planes of a lazy stack that napari shows first where napari looks for them.

    It shows the first plane along the leading axes and then that in the middle, and would decode
    both in the thread of its window: a third of a second each for a PNG of 12 megapixels.
    """
    if not hasattr(data, "dask"):
        return
    import dask
    import numpy as np
    from napari.utils import resize_dask_cache

    first, middle = (0,) * leading, tuple((size - 1) // 2 for size in data.shape[:leading])
    # as napari computes it, or it would not find them again
    with dask.config.set({"optimization.fuse.active": False}), resize_dask_cache():
        for plane in (first, middle):
            np.asarray(data[plane])


def _in_thread(make: Callable[[], T]) -> T:
    """Return what a function returns, which runs beside the GUI where there is one."""
    if "qtpy" not in sys.modules:  # the reader does without Qt
        return make()
    from napari_focusstack.widgets.controls.workers import beside_the_gui

    return beside_the_gui(make)
