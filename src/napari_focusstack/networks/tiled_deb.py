"""Run DEB over planes of any size: tile by tile, in bounded memory."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch

from napari_focusstack.networks.cell_unet import CELL_PX
from napari_focusstack.networks.deb import DECODER_REACH_CELLS, plane_features
from napari_focusstack.networks.device import to_bfloat16
from napari_focusstack.runtime.memory import trim_heap
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import map_planes
from napari_focusstack.runtime.tiles import fixed_tile_px, pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.runtime.region import Region


#: Memory of a tile, and of a tile for each pixel of each plane, bytes. Measured. There is one tile
#: at a time: the larger it is, the less its margin costs.
WORK_BYTES, BYTES_PER_PIXEL = 640 * 2**20, 44.0
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

    def display(self, plane: int, where: Region) -> Tensor:
        """Return a part of a plane, counted from 1, coded for display: (3, Y, X), 0..1."""


def run_tiled(
    planes: Planes,
    network: DEB,
    reach_px: int,
    decode: Callable[[Iterator[Tensor], Tensor], Tensor],
    tile_px: int | None = None,
) -> Generator[Progress, None, Tensor]:
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
        X / 4) of a tile. Returns maps (C, Y, X) of the tile.
    tile_px : int, optional
        Greatest side of a tile, px; :func:`~napari_focusstack.runtime.tiles.fixed_tile_px` if not
        given.

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
    side = tile_px or fixed_tile_px(
        WORK_BYTES, BYTES_PER_PIXEL * len(planes), reach_px, network.stride
    )
    tiles = tiles_of(planes.size, side, network.stride)

    maps = torch.empty(0)
    yield Progress("find focus", 0, len(tiles))
    for number, tile in enumerate(tiles, 1):
        outer = align(pad(tile, reach_px, planes.size), network.stride)
        with torch.no_grad():
            of_planes = map_planes(
                partial(_features, planes, network, outer), _all(planes), planes.device
            )
            inputs = torch.stack(list(of_planes), 1)
            strips = _decode_strips(network, network.encode(inputs), inputs)
            of_tile = decode(strips, inputs[0])[:, *to_local(tile, outer)]
        if number == 1:
            maps = torch.empty(len(of_tile), *planes.size, device=planes.device)
        maps[:, *tile] = of_tile
        trim_heap()
        yield Progress("find focus", number, len(tiles))
    return maps


def _all(planes: Planes) -> range:
    """Return the numbers of all planes, from 1."""
    return range(1, len(planes) + 1)


def _features(planes: Planes, network: DEB, where: Region, plane: int) -> Tensor:
    """Return features of a part of a plane, (1, 42, Y / 4, X / 4), in the network's dtype."""
    padded = pad_to_multiple(planes.display(plane, where)[None], network.stride)
    return plane_features(padded).to(next(network.parameters()).dtype)


def _decode_strips(network: DEB, features: Tensor, inputs: Tensor) -> Iterator[Tensor]:
    """Yield logits (P, rows, X) of one strip after another: decoding takes much memory."""
    end = inputs.shape[-2]

    def decode(top: int) -> Tensor:
        first = max(0, top - DECODER_REACH_CELLS)
        last = min(end, top + STRIP_CELLS + DECODER_REACH_CELLS)
        logits = network.decode(features[..., first:last, :], inputs[..., first:last, :])[0]
        rows = slice((top - first) * CELL_PX, (min(end, top + STRIP_CELLS) - first) * CELL_PX)
        return logits[:, rows].float()

    return map(decode, range(0, end, STRIP_CELLS))
