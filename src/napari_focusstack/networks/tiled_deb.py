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
from napari_focusstack.runtime.threads import parallel_map, worker_count
from napari_focusstack.runtime.tiles import pad_to_multiple, tile_plan, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.runtime.region import Region


#: Memory of all tiles in progress, and memory of a tile for each pixel of each plane, bytes.
WORK_BYTES, BYTES_PER_PIXEL = 576 * 2**20, 36.0
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
    outer_px, workers = tile_plan(
        BYTES_PER_PIXEL * len(planes),
        WORK_BYTES,
        tile_px,
        reach_px,
        worker_count(planes.device),
        planes.budget_bytes,
    )
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
