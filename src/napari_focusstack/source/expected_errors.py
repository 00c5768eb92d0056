"""The expected errors of all planes at each pixel, by SEB, tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.source.plane_maps import PlaneMaps
from napari_focusstack.source.surroundings import in_cells
from napari_focusstack.source.tile_planes import TileStep

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.source.tile_planes import CuesOfRegions, Work

#: Its tiles. Fine cues depend on 20 px around, features at half the size on 4, and what is enlarged
#: from cells of 8 px on 12.
EXPECT = TileStep(260.0, 18.0, reach_px=32, grid_px=32, least_px=96)
#: Pixels of a side that are one pixel of the smaller picture, by which planes are doubted.
REDUCTION = 4


class _Features:
    """The surroundings of each plane in a region of cells, (1, 16, rows, columns)."""

    def __init__(self, surroundings: PlaneMaps, where: Region) -> None:
        self.surroundings, self.where = surroundings, where

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.surroundings)

    def __getitem__(self, index: int, /) -> Tensor:
        """Read those of a plane."""
        return self.surroundings.read(index, self.where)[None]


def expect_errors(
    cues: CuesOfRegions,
    network: SEB,
    surroundings: PlaneMaps,
    work: Work,
    doubts: PlaneMaps | None = None,
) -> Generator[Progress, None, PlaneMaps]:
    """Run the rest of SEB over tiles.

    Parameters
    ----------
    cues : CuesOfRegions
        Reads the planes.
    network : SEB
        On the stack's device.
    surroundings : PlaneMaps
        See :func:`~napari_focusstack.source.surroundings.read_surroundings`.
    work : Work
        What tiles may take.
    doubts : PlaneMaps, optional
        One map of each plane, at a quarter of the size: what is added to the log of its error.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    PlaneMaps
        One map of each plane: natural log of the expected squared error.
    """
    stack, stride = cues.stack, network.stride
    tiles = work.tiles_of(stack, EXPECT)
    errors = PlaneMaps((len(stack), 1, *stack.size), stack.device, work.map_bytes)
    yield Progress("compare planes", 0, tiles.total)
    for tile in tiles:
        with tiles.attempt(tile), torch.no_grad():
            outer = align(pad(tile, EXPECT.reach_px, stack.size), stride)
            rows, columns = to_local(tile, outer)
            features = _Features(surroundings, in_cells(outer, stride))
            for plane, logs in enumerate(network.decode(features, cues.of(outer))):
                inner = logs[:, rows, columns]
                if doubts is not None:
                    inner = inner + _enlarged(doubts, plane, tile)
                errors.write(plane, tile, inner)
        yield Progress("compare planes", tiles.done, tiles.total)
    return errors


def _enlarged(doubts: PlaneMaps, plane: int, tile: Region) -> Tensor:
    """Return the doubts of a plane (1, Y, X) in a tile, which begins at a multiple of 4 px."""
    rows, columns = (slice(part.start // REDUCTION, -(-part.stop // REDUCTION)) for part in tile)
    outer = pad((rows, columns), 1, doubts.size)
    cells = doubts.read(plane, outer)[None]
    whole = functional.interpolate(cells, scale_factor=REDUCTION, mode="bilinear")[0]
    rows, columns = (slice(REDUCTION * part.start, REDUCTION * part.stop) for part in outer)
    return whole[:, *to_local(tile, (rows, columns))]
