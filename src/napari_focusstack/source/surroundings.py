"""What SEB sees of the surroundings of each cell of 8 px, for a whole stack.

It sees far: in a blank region, what lies hundreds of pixels away decides. So surroundings are read
once for the whole picture, at an eighth of its size, and tiles of the picture need small margins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.networks.seb import SURROUNDINGS, SURROUNDINGS_PX
from napari_focusstack.networks.source_cues import WIDE_CUES, SourceCues
from napari_focusstack.runtime.memory import tile_side, trim_heap
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import map_planes
from napari_focusstack.runtime.tiles import pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region

#: Margin within which wide cues depend on pixels around, px.
CUES_REACH_PX = 64
#: Memory that the U-Net takes for each cell of each plane, bytes. Measured.
BYTES_PER_CELL = 700.0
#: Side of the least tile of cells: four, and margins of 36 as the shipped U-Net reaches.
LEAST_CELLS = 76


class CuesOfRegions:
    """Reads the cues of regions of a stack; those of the last region are kept.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    stride : int
        Sides are padded to multiples of it, px.
    noise : float
        See :func:`~napari_focusstack.imaging.noise.noise_level`.
    """

    def __init__(self, stack: FocalStack, stride: int, noise: float) -> None:
        self.stack, self.stride, self.noise = stack, stride, noise
        self._region: Region | None = None
        self._cues: SourceCues | None = None

    def of(self, region: Region) -> SourceCues:
        """Read the cues of rows and columns."""
        if self._cues is None or self._region != region:
            self._cues = None  # before the next are read
            stack = self.stack
            channels = stack.sources[0].shape[2:] or (1,)

            def display(number: int) -> Tensor:
                return stack.display(number, region)[: channels[0]]

            numbers = range(1, len(stack) + 1)
            shape = channels[0], *(part.stop - part.start for part in region)
            planes = torch.empty((len(stack), *shape), device=stack.device)
            for at, plane in enumerate(map_planes(display, numbers, stack.device)):
                planes[at] = plane
            padded = pad_to_multiple(planes, self.stride)[None]
            self._cues = SourceCues(padded, padded.new_tensor([self.noise]))
            self._region = region
        return self._cues


def read_surroundings(
    cues: CuesOfRegions, network: SEB, tiles: list[Region], work_bytes: int
) -> Generator[Progress, None, Tensor]:
    """Read the surroundings of all cells of a stack.

    The answer does not depend on the tiles.

    Parameters
    ----------
    cues : CuesOfRegions
        Reads the planes.
    network : SEB
        On the stack's device.
    tiles : list of tuple of slice
        The picture, cut at multiples of the network's stride.
    work_bytes : int
        Most memory that the U-Net may take.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Tensor
        Shape (P, 16, rows, columns), float16: what :meth:`SEB.encode` returns, of the picture
        padded to multiples of the stride.
    """
    stack, stride = cues.stack, network.stride
    size = tuple(-(-side // stride) * stride // SURROUNDINGS_PX for side in stack.size)
    cells = torch.empty((len(stack), WIDE_CUES, *size), dtype=torch.half, device=stack.device)
    yield Progress("read surroundings", 0, len(tiles))
    for number, tile in enumerate(tiles, 1):
        with torch.no_grad():
            outer = align(pad(tile, CUES_REACH_PX, stack.size), stride)
            inner = in_cells(to_local(tile, outer), stride)
            cells[:, :, *in_cells(tile, stride)] = network.cells(cues.of(outer))[0][..., *inner]
        trim_heap()
        yield Progress("read surroundings", number, len(tiles))
    return _encoded(cells, network, work_bytes)


def _encoded(cells: Tensor, network: SEB, work_bytes: int) -> Tensor:
    """Run the U-Net over cells (P, 18, rows, columns)."""
    margin, stride = network.unet_reach // SURROUNDINGS_PX, network.stride // SURROUNDINGS_PX
    features = cells.new_empty((len(cells), SURROUNDINGS, *cells.shape[-2:]))
    side = tile_side(work_bytes, BYTES_PER_CELL * len(cells), max(cells.shape[-2:]) + 2 * margin)
    size = (cells.shape[-2], cells.shape[-1])
    for tile in tiles_of(size, max(stride, side - 2 * margin), stride):
        outer = pad(tile, margin, size)
        with torch.no_grad():
            encoded = network.encode(cells[:, :, *outer].float()[None])[0]
        features[:, :, *tile] = encoded[..., *to_local(tile, outer)]
        trim_heap()
    return features


def in_cells(region: Region, stride: int) -> Region:
    """Return a region as one of cells; it ends at a multiple of the stride, px.

    Examples
    --------
    >>> in_cells((slice(64, 128), slice(0, 70)), 32)
    (slice(8, 16, None), slice(0, 12, None))
    """
    rows, columns = (
        slice(part.start // SURROUNDINGS_PX, -(-part.stop // stride) * stride // SURROUNDINGS_PX)
        for part in region
    )
    return rows, columns
