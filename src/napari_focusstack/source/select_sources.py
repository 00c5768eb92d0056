"""Run SEB over a stack, tile by tile, and make the picture of its choice."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.imaging.noise import BLOCK_PX, noise_of_bands, stack_noise
from napari_focusstack.imaging.number_types import number_type
from napari_focusstack.networks.seb import SURROUNDINGS_PX
from napari_focusstack.planes.bands import grey_and_detail
from napari_focusstack.planes.distinct import spread_evenly
from napari_focusstack.runtime.memory import trim_heap
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import map_in_threads, map_planes
from napari_focusstack.runtime.tiles import tile_plan, tiles_of
from napari_focusstack.source.choice import choose
from napari_focusstack.source.seams import GRID_PX
from napari_focusstack.source.selection import Selection
from napari_focusstack.source.surroundings import (
    BYTES_PER_CELL,
    LEAST_CELLS,
    CuesOfRegions,
    in_cells,
    read_surroundings,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from torch import Tensor

    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.source.choice import Blend

#: Margin of a tile on each side, px. What lies farther away changes no bit: planes are blended over
#: 53 px, by weights that depend on 8 px around, of errors that depend on 16 px around.
REACH_PX = 80
#: Memory of a tile, and of a tile for each pixel of each plane, bytes. Measured. There is one tile
#: at a time, whose planes are worked on in parallel: the larger it is, the less its margin costs.
WORK_BYTES, BYTES_PER_PIXEL = 1_200_000_000, 65.0
#: Most planes in which noise is looked for.
NOISE_PLANES = 9


def least_bytes(planes: int, size: tuple[int, int]) -> int:
    """Return the memory that the least tile of a stack needs, bytes.

    Examples
    --------
    >>> least_bytes(10, (2048, 3072)), least_bytes(10, (64, 64))
    (40432000, 2662400)
    """
    rows, columns = (min(side, 2 * (REACH_PX + GRID_PX)) for side in size)
    cells = math.prod(min(-(-side // SURROUNDINGS_PX), LEAST_CELLS) for side in size)
    return planes * int(max(BYTES_PER_PIXEL * rows * columns, BYTES_PER_CELL * cells))


def select_sources(
    stack: FocalStack, network: SEB, noise: float, blend: Blend, tile_px: int
) -> Generator[Progress, None, Selection]:
    """Choose the source of each pixel and make the picture.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    network : SEB
        On the stack's device.
    noise : float
        See :func:`estimate_noise`.
    blend : {"seams", "none", "noise"}
        See :func:`~napari_focusstack.source.choice.choose`.
    tile_px : int
        Greatest side of a tile, px.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Selection
    """
    work_bytes = min(WORK_BYTES, stack.budget_bytes)
    outer_px, _ = tile_plan(
        BYTES_PER_PIXEL * len(stack), WORK_BYTES, tile_px, REACH_PX, 1, stack.budget_bytes
    )
    grid_px = network.stride
    inner_px = max(1, (outer_px - 2 * REACH_PX) // grid_px) * grid_px
    tiles = tiles_of(stack.size, inner_px, grid_px)
    cues = CuesOfRegions(stack, grid_px, noise)
    surroundings = yield from read_surroundings(cues, network, tiles, work_bytes)
    source = np.empty(stack.size, number_type(len(stack)))
    picture = np.empty_like(stack.sources[0][stack.full])
    blended = np.empty(stack.size, bool)
    log_error = np.empty(stack.size, np.float16)

    yield Progress("choose sources", 0, len(tiles))
    for number, tile in enumerate(tiles, 1):
        piece = _select_tile(cues, network, surroundings, blend, tile)
        source[tile], picture[tile], blended[tile], log_error[tile] = piece
        trim_heap()
        yield Progress("choose sources", number, len(tiles))
    return Selection(picture, source, blended, log_error)


def _select_tile(
    cues: CuesOfRegions, network: SEB, surroundings: Tensor, blend: Blend, tile: Region
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return source, picture, blended pixels and expected errors of a tile."""
    stack = cues.stack
    outer = align(pad(tile, REACH_PX, stack.size), network.stride)
    inner = to_local(tile, outer)
    rows, columns = to_local(outer, outer)
    with torch.no_grad():
        of_tile = cues.of(outer)
        features = surroundings[:, :, *in_cells(outer, network.stride)].float()
        logs = network.decode(features[None], of_tile)[0, :, rows, columns]
        planes = coded = of_tile.planes[0, :, :, rows, columns]
        if stack.intensity.coding == "linear":
            read = partial(stack.coded, region=outer)
            coded = torch.stack(list(map_planes(read, range(1, len(stack) + 1), stack.device)))
        choice = choose(planes, coded, logs, cues.noise, blend, stack.shown_in(outer))
        source = choice.source[inner].add(1).cpu().numpy()
        picture = stack.select(source, tile)
        mixed = choice.is_blended[inner].cpu().numpy()
        if mixed.any():
            mean = choice.blended(coded)[:, *inner]
            values = stack.intensity.from_coded(mean)
            values = values[..., 0] if picture.ndim == 2 else values
            if blend == "seams":  # where the blend changes nothing, the source pixel stays
                mixed &= np.atleast_3d(values != picture).any(-1)
            picture[mixed] = values[mixed]
    return source, picture, mixed, choice.log_error[inner].half().cpu().numpy()


def estimate_noise(stack: FocalStack) -> float:
    """Estimate the noise of a stack from planes spread evenly over it.

    Returns
    -------
    float
        See :func:`~napari_focusstack.imaging.noise.noise_level`.
    """

    def of_plane(number: int) -> float:
        return noise_of_bands(grey_and_detail(stack, number, BLOCK_PX))

    numbers = spread_evenly(len(stack), NOISE_PLANES)
    return stack_noise(list(map_in_threads(of_plane, numbers, stack.device)))
