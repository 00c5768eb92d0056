"""Run SEB over a stack, tile by tile, and make the picture of its choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.imaging.number_types import number_type
from napari_focusstack.networks.seb import SURROUNDINGS_PX
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import pad, to_local
from napari_focusstack.source.choice import choose
from napari_focusstack.source.expected_errors import EXPECT
from napari_focusstack.source.scales import expect_at_all_scales
from napari_focusstack.source.seams import GRID_PX
from napari_focusstack.source.selection import Selection
from napari_focusstack.source.surroundings import CUES, STAGE
from napari_focusstack.source.tile_planes import TilePlanes, TileStep, Work

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.source.choice import Blend
    from napari_focusstack.source.plane_maps import PlaneMaps

#: The tiles in which sources are chosen. Planes are blended over 53 px, by weights that depend on
#: 8 px around. Stored and display values are read of each plane.
CHOOSE = TileStep(250.0, 11.0, reach_px=64, grid_px=GRID_PX, least_px=32)
#: Memory of a tile, if the budget allows, bytes. There is one at a time, whose planes are worked on
#: in parallel.
WORK_BYTES = 600_000_000


def least_bytes(planes: int, size: tuple[int, int]) -> int:
    """Return the memory that the least tile of a stack needs, bytes.

    Examples
    --------
    >>> least_bytes(10, (2048, 3072)), least_bytes(10, (64, 64))
    (16220160, 1802240)
    """
    cells = (size[0] // SURROUNDINGS_PX, size[1] // SURROUNDINGS_PX)
    of_pixels = max(step.least_bytes(planes, size) for step in (CUES, EXPECT, CHOOSE))
    return max(of_pixels, STAGE.least_bytes(planes, cells))


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
        See :func:`~napari_focusstack.source.noise.estimate_noise`.
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
    work = Work(tile_px, min(WORK_BYTES, stack.budget_bytes))
    errors = yield from expect_at_all_scales(stack, network, noise, work)
    with errors:
        return (yield from _chosen(stack, noise, blend, errors, work))


def _chosen(
    stack: FocalStack, noise: float, blend: Blend, errors: PlaneMaps, work: Work
) -> Generator[Progress, None, Selection]:
    """Choose sources by expected errors, tile by tile."""
    tiles = work.tiles_of(stack, CHOOSE)
    source = np.empty(stack.size, number_type(len(stack)))
    picture = np.empty_like(stack.sources[0][stack.full])
    blended = np.empty(stack.size, bool)
    log_error = np.empty(stack.size, np.float16)

    yield Progress("choose sources", 0, tiles.total)
    for tile in tiles:
        with tiles.attempt(tile):
            piece = _select_tile(stack, noise, blend, errors, tile)
            source[tile], picture[tile], blended[tile], log_error[tile] = piece
        yield Progress("choose sources", tiles.done, tiles.total)
    return Selection(picture, source, blended, log_error)


def _select_tile(
    stack: FocalStack, noise: float, blend: Blend, errors: PlaneMaps, tile: Region
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return source, picture, blended pixels and expected errors of a tile."""
    outer = pad(tile, CHOOSE.reach_px, stack.size)
    inner = to_local(tile, outer)
    planes = coded = TilePlanes(stack, outer)
    if stack.intensity.coding == "linear":
        coded = TilePlanes(stack, outer, coded=True)
    with torch.no_grad():
        logs = errors.read_all(outer)[:, 0]
        choice = choose(planes, coded, logs, noise, blend, stack.shown_in(outer))
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
