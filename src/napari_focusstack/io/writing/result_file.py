"""Result files; the suffix of the name decides the format."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.io.writing.result import ZARR_SUFFIX, Result, ResultForm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


@contextlib.contextmanager
def result_file(path: str | Path, form: ResultForm) -> Iterator[Result]:
    """Open a file for a result, which appears under its name if the block ends without an error.

    Parameters
    ----------
    path : path
        Ends in .tif or .tiff, in .zarr (which needs the package zarr), or in .png (one plane of
        uint8 or uint16).
    form : ResultForm
        Shape, type, axes and calibration of the result.

    Yields
    ------
    Result
        Call its `write`, and set its `record`.

    Raises
    ------
    InputError
        As `napari_focusstack.io.writing.image.write_image`: if the name cannot be written to, or if
        writing fails, as on a full disk. No part of a file remains then.
    ValueError
        If pixels are missing at the end.

    Examples
    --------
    >>> import numpy as np, tempfile, tifffile
    >>> from napari_focusstack.io.writing.result import ResultForm
    >>> path = Path(tempfile.mkdtemp()) / "fused.tif"
    >>> form = ResultForm(shape=(2, 32, 48), dtype=np.dtype("u2"), axes="CYX", scale=(1, 0.5, 0.5),
    ...                   units=("pixel", "um", "um"))
    >>> with result_file(path, form) as result:
    ...     for top in (0, 16):
    ...         for channel in (0, 1):
    ...             strip = np.full((16, 48), top + channel, np.uint16)
    ...             result.write(strip, np.s_[top : top + 16, :], {"C": channel})
    >>> tifffile.imread(path)[:, ::16, 0]
    array([[ 0, 16],
           [ 1, 17]], dtype=uint16)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    opened: AbstractContextManager[Result]
    if suffix == ZARR_SUFFIX:
        from napari_focusstack.io.writing.result_zarr import zarr_result

        opened = zarr_result(path, form)
    elif suffix == ".png":
        from napari_focusstack.io.writing.result_png import png_result

        opened = png_result(path, form)
    else:
        from napari_focusstack.io.writing.result_tiff import tiff_result

        opened = tiff_result(path, form)
    with opened as result:
        yield result
