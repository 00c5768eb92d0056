"""Run DEB over planes of any size: tile by tile, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from napari_focusstack.networks.deb import CELL_PX, DECODER_REACH_CELLS, plane_features
from napari_focusstack.networks.device import to_bfloat16
from napari_focusstack.runtime.memory import tile_side, trim_heap
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import parallel_map, worker_count
from napari_focusstack.runtime.tiles import pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.runtime.region import Region


#: Memory of all tiles in progress, and memory of a tile for each pixel of each plane, bytes.
WORK_BYTES, BYTES_PER_PIXEL = 576 * 2**20, 36.0
#: Least side of a tile with its margins, px, and in multiples of the margin. In smaller tiles most
#: of the work would be for margins, so fewer tiles run at a time, or more memory is taken.
MIN_TILE_PX, MIN_TILE_REACHES = 512, 4
#: Rows of cells that are decoded at a time, to bound memory.
STRIP_CELLS = 48


class Planes(Protocol):
    """The planes of a stack as DEB reads them."""

    @property
    def device(self) -> torch.device:
        """Device on which the planes are computed."""

    @property
    def budget_bytes(self) -> int:
        """Most memory that tiles may take."""

    def __len__(self) -> int:
        """Return the number of planes."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""

    def display(self, plane: int, where: Region) -> Tensor:
        """Return a part of a plane, counted from 1, coded for display: (3, Y, X), 0..1."""


def run_tiled(
    planes: Planes,
    network: DEB,
    tile_px: int,
    reach_px: int,
    decode: Callable[[Iterator[Tensor], Tensor], Tensor],
) -> Generator[Progress, None, Tensor]:
    """Run DEB and decode its logits into maps.

    Parameters
    ----------
    planes : Planes
        The planes, on any device.
    network : DEB
        On the planes' device.
    tile_px : int
        Greatest side of a tile, px. Memory grows with its square.
    reach_px : int
        Margin of a tile on each side, px.
    decode : callable
        Takes logits (P, rows, X) of one strip of rows after another, and the inputs (P, 42, Y / 4,
        X / 4) of a tile. Returns maps (C, Y, X) of the tile.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Tensor
        The maps, (C, Y, X), float32.
    """
    network = to_bfloat16(network)
    max_workers = worker_count(planes.device)
    outer_px, workers = tile_plan(len(planes), tile_px, reach_px, max_workers, planes.budget_bytes)
    tile_px = max(network.stride, outer_px - 2 * reach_px)
    tiles = tiles_of(planes.size, tile_px)

    def work(tile: Region) -> Tensor:
        outer = align(pad(tile, reach_px, planes.size), network.stride)
        with torch.no_grad():
            inputs = torch.stack(
                [_features(planes, plane, outer, network) for plane in _all(planes)], 1
            )
            maps = decode(_decode_strips(network, network.encode(inputs), inputs), inputs[0])
        return maps[:, *to_local(tile, outer)]

    maps = torch.empty(0)
    yield Progress("find focus", 0, len(tiles))
    for number, of_tile in enumerate(parallel_map(work, tiles, planes.device, workers)):
        if not number:
            maps = torch.empty(len(of_tile), *planes.size, device=planes.device)
        maps[:, *tiles[number]] = of_tile
        yield Progress("find focus", number + 1, len(tiles))
    trim_heap()
    return maps


def tile_plan(
    planes: int, tile_px: int, reach_px: int, max_workers: int, budget_bytes: int
) -> tuple[int, int]:
    """Return the side of tiles and the number of tiles in progress at a time.

    Parameters
    ----------
    planes : int
        Number of planes P.
    tile_px, reach_px : int
        Greatest side of a tile, and its margin on each side, px.
    max_workers : int
        Most tiles in progress at a time.
    budget_bytes : int
        Most memory of all of them.

    Returns
    -------
    outer_px : int
        Greatest side of a tile with its margins, px.
    workers : int
        Tiles in progress at a time, at least 1.

    Examples
    --------
    >>> tile_plan(12, 1024, 96, 2, 10**10), tile_plan(50, 1024, 96, 2, 10**10)
    ((832, 2), (576, 1))
    """
    bytes_per_pixel = BYTES_PER_PIXEL * planes
    max_px = tile_px + 2 * reach_px
    min_px = min(max(MIN_TILE_PX, MIN_TILE_REACHES * reach_px), max_px)
    min_bytes = int(bytes_per_pixel * min_px**2)
    work_bytes = min(max(WORK_BYTES, min_bytes), budget_bytes)
    workers = max(1, min(max_workers, work_bytes // min_bytes))
    return tile_side(work_bytes // workers, bytes_per_pixel, max_px), workers


def _all(planes: Planes) -> range:
    """Return the numbers of all planes, from 1."""
    return range(1, len(planes) + 1)


def _features(planes: Planes, plane: int, where: Region, network: DEB) -> Tensor:
    """Return features of a part of a plane, (1, 42, Y / 4, X / 4), in the network's dtype."""
    padded = pad_to_multiple(planes.display(plane, where)[None], network.stride)
    return plane_features(padded).to(next(network.parameters()).dtype)


def _decode_strips(network: DEB, features: Tensor, inputs: Tensor) -> Iterator[Tensor]:
    """Yield logits (P, rows, X) of one strip after another: decoding takes the most memory."""
    end = inputs.shape[-2]
    for top in range(0, end, STRIP_CELLS):
        first, last = (
            max(0, top - DECODER_REACH_CELLS),
            min(end, top + STRIP_CELLS + DECODER_REACH_CELLS),
        )
        logits = network.decode(features[..., first:last, :], inputs[..., first:last, :])[0]
        rows = slice((top - first) * CELL_PX, (min(end, top + STRIP_CELLS) - first) * CELL_PX)
        yield logits[:, rows].float()
