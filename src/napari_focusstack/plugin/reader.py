"""The reader of the napari plugin: which files it claims, and the layers it makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.image import images_in
from napari_focusstack.io.reading.record import read_note
from napari_focusstack.io.reading.stack_header import (
    find_stacks,
    focus_axis,
    is_tiff,
    letters,
    opened,
    plane_size,
)
from napari_focusstack.io.reading.tiff_pages import check_end, image_series
from napari_focusstack.plugin.saved_layer import layers_as_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tifffile import TiffFile

    from napari_focusstack.plugin.layer_data import LayerData


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader if the path is a focal stack, told from headers and names alone.

    Parameters
    ----------
    path : str or list of str
        A TIFF with an axis along which focus may change (depth, unnamed, or time, of two planes or
        more), or written by :func:`write_layer`; a folder of two or more images of one size; or a
        list of such images.

    Returns
    -------
    callable or None
        :func:`read_layers`, also for a damaged TIFF, of which it says what is wrong; None leaves
        the path to napari's other readers.
    """
    paths = _paths(path)
    if len(paths) == 1 and is_tiff(paths[0]):
        return read_layers if _claims_tiff(paths[0]) else None
    try:
        files = images_in(paths[0]) if len(paths) == 1 else paths
        claimed = (
            len(files) > 1
            and plane_size(files[0]) == plane_size(files[-1])
            and not (is_tiff(files[0]) and _has_planes(files[0]))
        )
    except (InputError, OSError):
        return None
    return read_layers if claimed else None


def read_layers(path: str | list[str]) -> list[LayerData]:
    """Read the first focal stack of a file, a folder, or a list of plane images.

    Parameters
    ----------
    path : str or list of str
        As :func:`get_reader` takes it; several images are put in natural order (z2 before z10).

    Returns
    -------
    list of LayerData
        From `napari_focusstack.plugin.layer_data.layers_of`; lazy beyond
        `napari_focusstack.io.reading.stack_pixels.EAGER_BYTES`. What :func:`write_layer` wrote has the
        axes that its layer had, and lies where that did ("translate"). Where there are several
        channels, "focusstack" tells which, from 1 ("channel").

    Raises
    ------
    InputError
        If a file is cut short, damaged, or unlike the others.

    Examples
    --------
    >>> import numpy as np, tempfile, tifffile
    >>> path = str(Path(tempfile.mkdtemp()) / "stack.tif")
    >>> tifffile.imwrite(path, np.zeros((5, 32, 48), np.uint16), metadata={"axes": "ZYX"})
    >>> data, meta, layer_type = get_reader(path)(path)[0]
    >>> data.shape, meta["axis_labels"], meta["units"], layer_type
    ((5, 32, 48), ('z', 'y', 'x'), ('pixel', 'pixel', 'pixel'), 'image')
    """
    stacks = find_stacks(_paths(path))
    stack = next((one for one in stacks if one.focus_axis is not None), stacks[0])
    layers = layers_as_written(stack)
    for channel, (_, meta, _) in enumerate(layers if len(layers) > 1 else (), 1):
        meta["metadata"]["focusstack"]["channel"] = channel
    return layers


def _paths(path: str | list[str]) -> list[Path]:
    return [Path(one) for one in ([path] if isinstance(path, str) else path)]


def _claims_tiff(path: Path) -> bool:
    try:
        with opened(path) as tiff:
            if _is_stack(tiff):
                return True
            check_end(tiff)
            return read_note(tiff) is not None
    except InputError:
        return True


def _has_planes(path: Path) -> bool:
    with opened(path) as tiff:
        return _is_stack(tiff)


def _is_stack(tiff: TiffFile) -> bool:
    return any(focus_axis(letters(one), one.shape) is not None for one in image_series(tiff))
