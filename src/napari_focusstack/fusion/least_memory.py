"""The least memory in which a fusion works: that of the step that needs most."""

from __future__ import annotations

from napari_focusstack.elimination import blockwise
from napari_focusstack.networks import tiled_deb, tiled_fsb
from napari_focusstack.networks.deb import DEB
from napari_focusstack.segmentation import depth_edges
from napari_focusstack.segmentation.depth import REACH_PX
from napari_focusstack.source import select_sources

#: Planes of a stack in which surfaces are sought, at most. Measured; see
#: :mod:`~napari_focusstack.planes.distinct`.
MOST_SURFACE_PLANES = 20


def least_bytes_of_tiles(planes: int, size: tuple[int, int]) -> int:
    """Return what the least tiles need of the steps whose tiles follow the memory, bytes.

    Parameters
    ----------
    planes : int
        Number of planes P.
    size : tuple of int
        Rows and columns.

    Examples
    --------
    >>> least_bytes_of_tiles(10, (2048, 3072)), least_bytes_of_tiles(2, (2048, 3072))
    (16220160, 291852800)
    """
    of_sources = select_sources.least_bytes(planes, size)
    return max(of_sources, tiled_fsb.least_bytes(size)) if planes == 2 else of_sources


def least_bytes(planes: int, size: tuple[int, int]) -> int:
    """Return what the step that needs most needs, bytes.

    DEB, MEB and elimination work on one tile or block at least, whose size is fixed, for the answer
    depends on it. How many planes DEB reads is not known before they are compared, nor how far
    light spreads: it counts as in a usual stack.

    Parameters
    ----------
    planes, size
        See :func:`least_bytes_of_tiles`.

    Examples
    --------
    >>> least_bytes(30, (2048, 2048)), least_bytes(30, (64, 64))
    (167602400, 3276800)
    """
    network = DEB()
    if planes == 2:
        reach_px, counts = network.receptive_radius_px, range(2, 3)
    else:
        reach_px, counts = REACH_PX, range(min(planes, 3), min(planes, MOST_SURFACE_PLANES) + 1)
    fixed = [tiled_deb.least_bytes(count, size, reach_px, network.stride) for count in counts]
    if planes != 2:
        fixed.append(depth_edges.least_bytes(size))
    return max(*fixed, blockwise.least_bytes(size), least_bytes_of_tiles(planes, size))
