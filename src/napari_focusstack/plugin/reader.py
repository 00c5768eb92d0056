"""The reader of the napari plugin: the files that it accepts, and their layers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusstack.errors import InputError
from napari_focusstack.io.reading.find_stacks import find_stacks, member_of_set
from napari_focusstack.io.reading.folder import planes_in
from napari_focusstack.io.reading.formats.dispatch import has_reader
from napari_focusstack.io.reading.image import images_in, in_natural_order
from napari_focusstack.io.reading.record import read_note
from napari_focusstack.io.reading.stack_axes import focus_axis, letters
from napari_focusstack.io.reading.stack_header import is_tiff, opened, plane_size
from napari_focusstack.io.reading.tiff_pages import check_end, image_series
from napari_focusstack.plugin.saved_layer import layers_as_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from tifffile import TiffFile

    from napari_focusstack.plugin.layer_data import LayerData


#: Why a TIFF of one image is refused.
SINGLE_IMAGE = (
    "holds a single image, and neither scale nor record of a fusion; choose napari's own reader. "
    "(The TIFF type of napari drops both. Save in the dock keeps them, and so does the file type "
    "Focus stack TIFF with scale and record.)"
)
#: Why a TIFF of several images is refused, of which none is likely to be the next plane.
NO_FOCUS_AXIS = (
    "has no axis along which focus is known to change; the widget Open focal stack lets you choose "
    "one, and napari's own reader opens the file as it is."
)


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return a reader if the path is a focal stack. Only headers and names are read.

    Parameters
    ----------
    path : str or list of str
        A TIFF with a possible focus axis (depth, unnamed, or time, of two planes or more), or a
        TIFF written by :func:`~napari_focusstack.plugin.writer.write_layer`; an OME-Zarr, CZI, ND2,
        LIF, HEIC or raw file; a folder of two or more images of one size; or a list of such images.

    Returns
    -------
    callable or None
        :func:`read_layers`. A damaged TIFF is accepted too, and a file whose reader is not
        installed, so that the reader reports what is wrong. None leaves the path to other readers
        of napari.

    Warns
    -----
    UserWarning
        Why the path is refused; napari shows it to those who chose this reader.
    """
    paths = _paths(path)
    reason = _refusal(paths)
    if not reason:
        return read_layers
    warnings.warn(f"{paths[0]} {reason}", stacklevel=2)
    return None


def _refusal(paths: list[Path]) -> str:
    """Return why paths are no focal stack, to follow the first of them; empty if they are one."""
    if len(paths) == 1 and has_reader(paths[0]):
        return ""
    if len(paths) == 1 and is_tiff(paths[0]):
        return _refusal_of_tiff(paths[0])
    try:
        files = _planes_of(paths[0]) if len(paths) == 1 else paths
        if len(paths) == 1 and member_of_set(files) is not None:
            return ""
        if len(files) < 2:
            return "holds fewer than two images; choose another reader, or a folder of planes."
        if is_tiff(files[0]) and _has_planes(files[0]):
            return "holds stacks, not planes; open one of them."
        if plane_size(files[0]) != plane_size(files[-1]):
            return "holds images of different sizes; leave only the planes of one stack."
    except (InputError, OSError) as error:
        return f"is no focal stack ({error}); choose another reader."
    return ""


def read_layers(path: str | list[str]) -> list[LayerData]:
    """Read the first focal stack of a file, a folder, or a list of plane images.

    Parameters
    ----------
    path : str or list of str
        As for :func:`get_reader`; several images are sorted by number (z2 before z10).

    Returns
    -------
    list of LayerData
        From `napari_focusstack.plugin.layer_data.layers_of`; lazy beyond
        `napari_focusstack.io.reading.stack_pixels.EAGER_BYTES`. A file that
        :func:`~napari_focusstack.plugin.writer.write_layer` wrote has the axes and the position
        ("translate") of its layer. With several channels, the metadata "focusstack" contain the
        number of the channel, from 1 ("channel").

    Raises
    ------
    InputError
        If a file is truncated or damaged, or differs from the others in size or type.

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
    stack = next((stack for stack in stacks if stack.focus_axis is not None), stacks[0])
    stack.warn()  # napari shows warnings
    layers = layers_as_written(stack)
    for channel, (_, meta, _) in enumerate(layers if len(layers) > 1 else (), 1):
        meta["metadata"]["focusstack"]["channel"] = channel
    return layers


def _planes_of(folder: Path) -> list[Path]:
    """Return the planes of a folder, or all its images if their names are no stack's."""
    files = images_in(folder)
    try:
        return list(planes_in(folder).files.flat)
    except InputError:  # which the reader reports
        return files


def stacks_in(path: Path) -> list[Path]:
    """Return the stacks that a person means by a file or folder.

    Parameters
    ----------
    path : Path
        A file is one stack. A folder of images of one size is one, too. Any other folder holds a
        stack in each file or folder that is one.
    """
    if not path.is_dir() or not _refusal([path]):
        return [path]
    inside = [each for each in path.iterdir() if not each.name.startswith(".")]
    return [each for each in in_natural_order(inside) if not _refusal([each])]


def _paths(path: str | list[str]) -> list[Path]:
    """Return one or several paths as a list."""
    return [Path(text) for text in ([path] if isinstance(path, str) else path)]


def _refusal_of_tiff(path: Path) -> str:
    """Return why a TIFF is refused; empty for a stack, a layer of the plugin, and damaged ones."""
    try:
        with opened(path) as tiff:
            if _is_stack(tiff):
                return ""
            check_end(tiff)
            if read_note(tiff) is not None:
                return ""
            several = any(
                size > 1
                for series in image_series(tiff)
                for axis, size in zip(letters(series), series.shape, strict=True)
                if axis not in "YXS"
            )
            return NO_FOCUS_AXIS if several else SINGLE_IMAGE
    except InputError:
        return ""


def _has_planes(path: Path) -> bool:
    """Return whether a TIFF is a stack."""
    with opened(path) as tiff:
        return _is_stack(tiff)


def _is_stack(tiff: TiffFile) -> bool:
    """Return whether a series of a TIFF has a possible focus axis."""
    return any(
        focus_axis(letters(series), series.shape) is not None for series in image_series(tiff)
    )
