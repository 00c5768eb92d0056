"""What SEB sees of the surroundings of each cell of 8 px, for a whole stack.

It sees far: in a blank region, what lies hundreds of pixels away decides. So surroundings are read
once for the whole picture, at an eighth of its size, and tiles of the picture need small margins.
The U-Net runs stage by stage, each over all cells, because a stage alone sees a few cells around.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_focusstack.networks.cell_unet import STAGE_REACH_CELLS
from napari_focusstack.networks.coarse_cues import WIDE_CUES
from napari_focusstack.networks.device import autocast
from napari_focusstack.networks.seb import SURROUNDINGS_PX
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.source.plane_maps import PlaneMaps
from napari_focusstack.source.tile_planes import TileStep

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.networks.cell_unet import Stage
    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.source.tile_planes import CuesOfRegions, Work

#: The tiles in which cues are read.
CUES = TileStep(130.0, 3.0, reach_px=96, grid_px=32, least_px=32)
#: The tiles of a stage of the U-Net; its pixels are cells.
STAGE = TileStep(0.0, 700.0, reach_px=STAGE_REACH_CELLS, grid_px=2, least_px=32)


def read_surroundings(
    cues: CuesOfRegions, network: SEB, work: Work
) -> Generator[Progress, None, PlaneMaps]:
    """Read the surroundings of all cells of a stack.

    The answer does not depend on the tiles.

    Parameters
    ----------
    cues : CuesOfRegions
        Reads the planes.
    network : SEB
        On the stack's device.
    work : Work
        What tiles may take.

    Yields
    ------
    Progress
        After each tile, and after each stage of the U-Net.

    Returns
    -------
    PlaneMaps
        What :meth:`SEB.encode` returns, of the picture padded to multiples of the stride: 16 maps
        of each plane.
    """
    stack, stride = cues.stack, network.stride
    rows, columns = (-(-side // stride) * stride // SURROUNDINGS_PX for side in stack.size)
    tiles = work.tiles_of(stack, CUES)
    stages = network.stages(len(stack))
    yield Progress("read surroundings", 0, tiles.total + len(stages))
    cells = PlaneMaps((len(stack), WIDE_CUES, rows, columns), stack.device, work.map_bytes)
    for tile in tiles:
        with tiles.attempt(tile), torch.no_grad():
            outer = align(pad(tile, CUES.reach_px, stack.size), stride)
            inner = in_cells(to_local(tile, outer), stride)
            of_tile = network.cells(cues.of(outer))[0]
            cells.write_all(in_cells(tile, stride), of_tile[..., *inner])
        yield Progress("read surroundings", tiles.done, tiles.total + len(stages))
    answers = {-1: cells}
    for number, stage in enumerate(stages):
        size = (rows >> stage.level, columns >> stage.level)
        with torch.no_grad():
            answers[number] = _answered(stage, answers, size, work)
        if stage.uses_up:
            for place in stage.sources:
                answers.pop(place).close()
        yield Progress("read surroundings", tiles.done + number + 1, tiles.total + len(stages))
    return answers[number]


def _answered(
    stage: Stage,
    answers: dict[int, PlaneMaps],
    size: tuple[int, int],
    work: Work,
) -> PlaneMaps:
    """Run a stage of the U-Net over all cells."""
    planes = len(answers[stage.sources[0]])
    answer: PlaneMaps | None = None
    tiles = work.tiles(size, planes, STAGE)
    for tile in tiles:
        with tiles.attempt(tile):
            outer = pad(tile, STAGE.reach_px, size)
            sources = [
                answers[place].read_all(_scaled(outer, size, answers[place].size))
                for place in stage.sources
            ]
            with autocast(answers[stage.sources[0]].device):
                of_tile = stage.work(sources)
            if answer is None:
                shape = planes, of_tile.shape[1], *size
                answer = PlaneMaps(shape, of_tile.device, work.map_bytes)
            answer.write_all(tile, of_tile[..., *to_local(tile, outer)])
    assert answer is not None  # no picture is empty
    return answer


def _scaled(region: Region, size: tuple[int, int], other: tuple[int, int]) -> Region:
    """Return a region of cells of a picture of a size in cells of another size."""
    rows, columns = (
        slice(part.start * new // old, part.stop * new // old)
        for part, old, new in zip(region, size, other, strict=True)
    )
    return rows, columns


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
