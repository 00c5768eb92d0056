"""DEB over planes of any size: tile by tile, in bounded memory."""

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


#: Memory that tiles take workers, and what one takes for each pixel of each plane.
WORK_BYTES, BYTES_PER_PIXEL = 576 * 2**20, 36.0
#: Side of a tile and what it sees beyond, px and in units of how far that is, below which most of
#: the work is for what is beyond: fewer tiles are then worked on at a time, and they take more
#: memory where there is some.
LEAST_PX, LEAST_REACHES = 512, 4
#: Rows of cells that are drawn at a time.
STRIP_CELLS = 48


class Planes(Protocol):
    """What DEB needs to know of a stack."""

    @property
    def device(self) -> torch.device:
        """Where they are computed on."""

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
    read: Callable[[Iterator[Tensor], Tensor], Tensor],
) -> Generator[Progress, None, Tensor]:
    """Run DEB and read maps off its answer.

    Parameters
    ----------
    planes : Planes
        The planes, on any device.
    network : DEB
        On the planes' device.
    tile_px : int
        Greatest side of a tile, px; memory grows with its square.
    reach_px : int
        How far beyond a tile the planes are seen, px.
    read : callable
        Takes logits of one strip of rows after another, (P, rows, X), and the inputs (P, 42, Y / 4,
        X / 4) of a tile; returns maps (C, Y, X) of its rows.

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
            maps = read(_decode_strips(network, network.encode(inputs), inputs), inputs[0])
        return maps[:, *to_local(tile, outer)]

    maps = torch.empty(0)
    yield Progress("find focus", 0, len(tiles))
    for number, found in enumerate(parallel_map(work, tiles, planes.device, workers)):
        if not number:
            maps = torch.empty(len(found), *planes.size, device=planes.device)
        maps[:, *tiles[number]] = found
        yield Progress("find focus", number + 1, len(tiles))
    trim_heap()
    return maps


def tile_plan(
    planes: int, tile_px: int, reach_px: int, max_workers: int, budget_bytes: int
) -> tuple[int, int]:
    """Return how large tiles may be, with all that they see, and how many are worked on at a time.

    Parameters
    ----------
    planes : int
        P.
    tile_px, reach_px : int
        Greatest side of a tile, and how far it sees beyond, px.
    max_workers : int
        Tiles that could be worked on at a time.
    budget_bytes : int
        Most memory for all of them.

    Examples
    --------
    >>> tile_plan(12, 1024, 96, 2, 10**10), tile_plan(50, 1024, 96, 2, 10**10)
    ((832, 2), (576, 1))
    """
    bytes_per_pixel = BYTES_PER_PIXEL * planes
    most_px = tile_px + 2 * reach_px
    least_px = min(max(LEAST_PX, LEAST_REACHES * reach_px), most_px)
    least_bytes = int(bytes_per_pixel * least_px**2)
    work_bytes = min(max(WORK_BYTES, least_bytes), budget_bytes)
    workers = max(1, min(max_workers, work_bytes // least_bytes))
    return tile_side(work_bytes // workers, bytes_per_pixel, most_px), workers


def _all(planes: Planes) -> range:
    return range(1, len(planes) + 1)


def _features(planes: Planes, plane: int, where: Region, network: DEB) -> Tensor:
    """Return the inputs of a part of a plane, (1, 42, Y / 4, X / 4), as precise as the network."""
    seen = pad_to_multiple(planes.display(plane, where)[None], network.stride)
    return plane_features(seen).to(next(network.parameters()).dtype)


def _decode_strips(network: DEB, features: Tensor, inputs: Tensor) -> Iterator[Tensor]:
    """Yield logits (P, rows, X) of one strip after another: drawing takes most memory."""
    end = inputs.shape[-2]
    for top in range(0, end, STRIP_CELLS):
        first, last = (
            max(0, top - DECODER_REACH_CELLS),
            min(end, top + STRIP_CELLS + DECODER_REACH_CELLS),
        )
        logits = network.decode(features[..., first:last, :], inputs[..., first:last, :])[0]
        rows = slice((top - first) * CELL_PX, (min(end, top + STRIP_CELLS) - first) * CELL_PX)
        yield logits[:, rows].float()
