"""Run DEB over planes of any size: tile by tile, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from napari_focusstack.networks.cell_unet import CELL_PX
from napari_focusstack.networks.deb import DECODER_REACH_CELLS, plane_features
from napari_focusstack.networks.device import to_bfloat16
from napari_focusstack.runtime.memory import trim_heap
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import map_planes, worker_count
from napari_focusstack.runtime.tile_queue import TileQueue
from napari_focusstack.runtime.tiles import fixed_tile_px, pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.runtime.region import Region

    #: Makes maps of pixels and of cells of logits, strip by strip, and of inputs.
    Decode = Callable[[Iterator[Tensor], Tensor], tuple[Tensor, Tensor]]

#: Memory of a tile, and of a tile for each pixel of each plane, bytes. Measured. There is one tile
#: at a time: the larger it is, the less its margin costs.
WORK_BYTES, BYTES_PER_PIXEL = 436 * 2**20, 30.0
#: Memory in which a plane of a tile is read, of what is read of each plane, and of what the U-Net
#: makes of it, bytes for each pixel. Measured.
READING_BYTES, READ_BYTES, UNET_BYTES = 45.0, 5.3, 12.0
#: Rows of cells that are decoded at a time, to bound memory.
STRIP_CELLS = 24


class Planes(Protocol):
    """The planes of a stack as DEB reads them."""

    @property
    def device(self) -> torch.device:
        """Device on which the planes are computed."""

    def __len__(self) -> int:
        """Return the number of planes."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def budget_bytes(self) -> int:
        """Most memory of what is worked on at a time."""

    def display(self, plane: int, where: Region) -> Tensor:
        """Return a part of a plane, counted from 1, coded for display: (3, Y, X), 0..1."""


def least_bytes(planes: int, size: tuple[int, int], reach_px: int, stride: int) -> int:
    """Return the memory that a tile of a stack needs, bytes: planes are read one by one.

    Examples
    --------
    >>> least_bytes(6, (2048, 2048), reach_px=96, stride=64)
    96337920
    """
    side = fixed_tile_px(WORK_BYTES, BYTES_PER_PIXEL * planes, reach_px, stride)
    tiles = (pad(tile, reach_px, size) for tile in tiles_of(size, side, stride))
    pixels = max(
        (rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in tiles
    )
    return int(max(READING_BYTES + READ_BYTES * planes, UNET_BYTES * planes) * pixels)


def run_tiled(
    planes: Planes,
    network: DEB,
    reach_px: int,
    decode: Decode,
) -> Generator[Progress, None, tuple[Tensor, Tensor]]:
    """Run DEB and decode its logits into maps.

    Parameters
    ----------
    planes : Planes
        The planes, on any device.
    network : DEB
        On the planes' device.
    reach_px : int
        Margin of a tile on each side, px.
    decode : callable
        Takes logits (P, rows, X) of one strip of rows after another, and the inputs (P, 42, Y / 4,
        X / 4) of a tile without its margin. Returns maps of its pixels (C, Y, X) and of its cells
        (D, Y / 4, X / 4).

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    maps : Tensor
        Shape (C, Y, X), float32.
    cells : Tensor
        Shape (D, Y / 4, X / 4), rounded up, float32.
    """
    network = to_bfloat16(network)
    of_all = BYTES_PER_PIXEL * len(planes)
    side = fixed_tile_px(WORK_BYTES, of_all, reach_px, network.stride)
    # no tile is cut, for the answer depends on its margin; but fewer planes are read at a time
    tiles = TileQueue(tiles_of(planes.size, side, network.stride), network.stride, side)

    maps = cells = torch.empty(0)
    yield Progress("find focus", 0, tiles.total)
    for tile in tiles:
        with tiles.attempt(tile), torch.no_grad():
            outer = align(pad(tile, reach_px, planes.size), network.stride)
            inner = _in_cells(to_local(tile, outer))
            readers = 1 if tiles.is_short else _readers(planes, outer)
            inputs = _inputs(planes, network, outer, readers)
            strips = _decode_strips(network, network.encode(inputs), inputs, inner)
            pixels, of_cells = decode(strips, inputs[0, :, :, *inner])
            del inputs, strips
            if not tiles.done:
                maps = pixels.new_empty(len(pixels), *planes.size)
                cells = of_cells.new_empty(
                    len(of_cells), *(-(-side // CELL_PX) for side in planes.size)
                )
            rows, columns = (part.stop - part.start for part in tile)
            maps[:, *tile] = pixels[:, :rows, :columns]
            cells[:, *_in_cells(tile)] = of_cells
            del pixels, of_cells
        yield Progress("find focus", tiles.done, tiles.total)
    return maps, cells


def _in_cells(pixels: Region) -> Region:
    """Return the cells of rows and columns that begin with a cell."""
    rows, columns = (slice(part.start // CELL_PX, -(-part.stop // CELL_PX)) for part in pixels)
    return rows, columns


def _readers(planes: Planes, where: Region) -> int:
    """Return how many planes of a tile are read at a time."""
    rows, columns = (part.stop - part.start for part in where)
    return worker_count(planes.device, planes.budget_bytes, READING_BYTES * rows * columns)


def _inputs(planes: Planes, network: DEB, where: Region, readers: int) -> Tensor:
    """Return features of a part of all planes, (1, P, 42, Y / 4, X / 4), as the network takes."""

    def read(plane: int) -> Tensor:
        padded = pad_to_multiple(planes.display(plane, where)[None], network.stride)
        return plane_features(padded)[0].to(next(network.parameters()).dtype)

    inputs: Tensor | None = None
    numbers = range(1, len(planes) + 1)
    for number, of_plane in enumerate(map_planes(read, numbers, planes.device, readers)):
        if inputs is None:
            inputs = of_plane.new_empty(1, len(planes), *of_plane.shape)
        inputs[0, number] = of_plane
    trim_heap()
    assert inputs is not None  # no stack is empty
    return inputs


def _decode_strips(
    network: DEB, features: Tensor, inputs: Tensor, inner: Region
) -> Iterator[Tensor]:
    """Yield logits (P, rows, X) of one strip of cells after another: decoding takes much memory."""
    rows, columns = inner
    size = (inputs.shape[-2], inputs.shape[-1])

    def decode(top: int) -> Tensor:
        strip = slice(top, min(top + STRIP_CELLS, rows.stop)), columns
        outer = pad(strip, DECODER_REACH_CELLS, size)
        logits = network.decode(features[..., *outer], inputs[..., *outer])[0]
        here = (slice(part.start * CELL_PX, part.stop * CELL_PX) for part in to_local(strip, outer))
        return logits[:, *here].float()

    return map(decode, range(rows.start, rows.stop, STRIP_CELLS))
