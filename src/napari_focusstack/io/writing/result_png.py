"""A result as PNG: one plane of 8 or 16 bits, held in memory until it is complete."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.io.writing.result import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_focusstack.io.writing.result import ResultForm
    from napari_focusstack.planes.lazy_plane import Rectangle


@contextlib.contextmanager
def png_result(path: Path, form: ResultForm) -> Iterator[_Png]:
    """Open a PNG for a result, see `napari_focusstack.io.writing.result_file.result_file`."""
    check_writable(path, suffixes=(".png",), dtype=form.dtype)
    if form.count > 1:
        raise InputError(f"{path} cannot hold the axes {form.axes}; use .tif.")
    png = _Png(path, form)
    yield png
    png.finish()


class _Png(Result):
    def __init__(self, path: Path, form: ResultForm) -> None:
        super().__init__(form)
        self._path = path
        self._image = np.empty(form.plane_shape, form.dtype)

    def _put(
        self, pixels: np.ndarray, rectangle: Rectangle, number: int, at: Mapping[str, int]
    ) -> None:
        self._image[rectangle] = pixels

    def _complete(self) -> None:
        write_image(self._path, self._image, record=self.record, photo=self._form.photo)
