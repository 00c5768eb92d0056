"""What is measured of whole planes, band by band: floats of a whole plane take much memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_focusstack.filters.laplacian import laplacian
from napari_focusstack.runtime.region import pad, to_local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region

#: Most pixels of a band. They fit into the cache of a core.
BAND_PIXELS = 2**18


def bands(size: tuple[int, int], cell_px: int) -> Iterator[Region]:
    """Yield bands of whole rows of an image of a size, which cut no cell; the last may hold less.

    Examples
    --------
    >>> list(bands((20, 2**14), 8))
    [(slice(0, 16, None), slice(0, 16384, None)), (slice(16, 20, None), slice(0, 16384, None))]
    """
    height, width = size
    rows = max(cell_px, BAND_PIXELS // width // cell_px * cell_px)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height)), slice(0, width)


def grey_and_detail(
    stack: FocalStack, number: int, cell_px: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield grey and absolute Laplacian of a plane, band by band.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    number : int
        Number of the plane, from 1.
    cell_px : int
        Rows of cells that are not cut, px. Rows below the last whole cell are left out.

    Yields
    ------
    grey, detail : Tensor
        Shape (1, 1, rows, X), coded for display, 0..1. They are those of the whole plane.
    """
    height, width = stack.size
    for band in bands((height // cell_px * cell_px, width), cell_px):
        outer = pad(band, 1, stack.size)
        grey = stack.display(number, outer).mean(0)[None, None]
        inner = to_local(band, outer)
        yield grey[..., *inner], laplacian(grey)[..., *inner].abs()
