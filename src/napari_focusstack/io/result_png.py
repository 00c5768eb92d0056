"""A result as PNG: one plane of 8 or 16 bits, held in memory until it is whole."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.io.result_file import WHOLE
from napari_focusstack.io.writer import check_writable, write_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_focusstack.io.plane_store import Rectangle
    from napari_focusstack.io.result_file import ResultForm


@contextlib.contextmanager
def png_result(path: Path, form: ResultForm) -> Iterator[_Png]:
    """Open a PNG for a result, as `napari_focusstack.io.result_file.result_file` says."""
    check_writable(path, suffixes=(".png",), dtype=form.dtype)
    if form.count > 1:
        raise InputError(f"{path} cannot hold the axes {form.axes}; use .tif.")
    png = _Png(form)
    yield png
    png.finish(path)


class _Png:
    def __init__(self, form: ResultForm) -> None:
        self.record: Mapping[str, Any] | None = None
        self._image = np.empty(form.plane_shape, form.dtype)
        self._missing = self._image.size

    def write(
        self,
        pixels: np.ndarray,
        rectangle: Rectangle = WHOLE,
        at: Mapping[str, int] | None = None,
    ) -> None:
        self._image[rectangle] = pixels
        self._missing -= self._image[rectangle].size

    def finish(self, path: Path) -> None:
        """Write the file."""
        if self._missing:
            raise ValueError(f"{self._missing} values were not written")
        write_image(path, self._image, record=self.record)
