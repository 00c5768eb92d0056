"""The expected errors of all planes, from the picture itself and from smaller ones.

SEB was trained on pictures of 144 to 256 px, in which blur is at most 24 px wide. In larger
pictures it is wider. In a blank gap between blurred edges SEB then takes their smooth light for
detail. At a quarter of the size blur is a quarter as wide, and SEB tells which planes are wrong.
"""

from __future__ import annotations

from contextlib import nullcontext
from copy import copy
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.filters.pooling import pooled
from napari_focusstack.imaging.intensity import Intensity
from napari_focusstack.imaging.number_types import full_scale
from napari_focusstack.planes.bands import bands
from napari_focusstack.planes.scratch import KeptPlanes
from napari_focusstack.runtime.progress import Progress, relabel
from napari_focusstack.runtime.threads import map_in_threads
from napari_focusstack.runtime.tiles import pad_to_multiple
from napari_focusstack.source.expected_errors import REDUCTION, expect_errors
from napari_focusstack.source.noise import estimate_noise
from napari_focusstack.source.surroundings import read_surroundings
from napari_focusstack.source.tile_planes import CuesOfRegions, TileStep

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.source.plane_maps import PlaneMaps
    from napari_focusstack.source.tile_planes import Work

#: Least side of a picture that is looked at in a smaller size, px: there it is as large as the
#: pictures that SEB was trained on.
LEAST_SIDE_PX = 512
#: A plane is doubted where the log of its error in the smaller picture lies above the least by more
#: than the first; the second times the rest is added to the log of its error. Chosen on 24 layered
#: scenes of 640 px.
MARGIN, WEIGHT = 3.0, 2.0
#: Tiles in which planes of the smaller picture are doubted.
DOUBT = TileStep(0.0, 12.0, reach_px=0, grid_px=1, least_px=32)


def expect_at_all_scales(
    stack: FocalStack, network: SEB, noise: float, work: Work
) -> Generator[Progress, None, PlaneMaps]:
    """Run SEB over a stack, and over smaller copies of it as long as they are large enough.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    network : SEB
        On the stack's device.
    noise : float
        See :func:`~napari_focusstack.imaging.noise.noise_level`.
    work : Work
        What tiles may take.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    PlaneMaps
        One map of each plane: natural log of the expected squared error.
    """
    doubts = None
    if min(stack.size) >= LEAST_SIDE_PX:
        yield Progress("compare smaller planes", 0, 1)
        doubts = yield from relabel(
            _doubts(stack, network, work), lambda _: Progress("compare smaller planes", 0, 1)
        )
        yield Progress("compare smaller planes", 1, 1)
    cues = CuesOfRegions(stack, network.stride, noise)
    surroundings = yield from read_surroundings(cues, network, work)
    with surroundings, doubts or nullcontext():
        return (yield from expect_errors(cues, network, surroundings, work, doubts))


def _doubts(stack: FocalStack, network: SEB, work: Work) -> Generator[Progress, None, PlaneMaps]:
    """Return how much each plane is doubted, by what SEB expects of the smaller picture."""
    smaller = reduced(stack)
    noise = estimate_noise(smaller)
    errors = yield from expect_at_all_scales(smaller, network, noise, work)
    tiles = work.tiles(errors.size, len(errors), DOUBT)
    for tile in tiles:
        with tiles.attempt(tile):
            logs = errors.read_all(tile)
            least = reduce(torch.minimum, logs)  # many times faster than amin
            errors.write_all(tile, (logs - least).sub_(MARGIN).clamp_(min=0).mul_(WEIGHT))
    return errors


def reduced(stack: FocalStack) -> FocalStack:
    """Return a stack at a quarter of the size: means of cells of display values, in 16 bits.

    Examples
    --------
    >>> from napari_focusstack.planes.focal_stack import FocalStack
    >>> planes = np.random.default_rng(0).integers(0, 255, (3, 64, 50), np.uint8)
    >>> stack = reduced(FocalStack(planes, "auto", torch.device("cpu"), 2**30))
    >>> len(stack), stack.size
    (3, (16, 13))
    """
    channels = stack.sources[0].shape[2:]
    scale = full_scale("uint16")

    def of_plane(number: int) -> np.ndarray:
        parts = []
        for band in bands(stack.size, REDUCTION):
            shown = stack.display(number, band)[: channels[0] if channels else 1]
            means = pooled(pad_to_multiple(shown[None], REDUCTION), REDUCTION)[0]
            parts.append((means * scale).round().permute(1, 2, 0).cpu().numpy().astype(np.uint16))
        whole = np.concatenate(parts)
        return whole if channels else whole[..., 0]

    kept = KeptPlanes(stack.sources)
    for plane in map_in_threads(of_plane, range(1, len(stack) + 1), stack.device):
        kept.add(plane)
    smaller = copy(stack)  # what planes do not show is filled, so all of it is read
    smaller.sources, smaller.intensity = kept.planes, Intensity("srgb", "uint16", 0.0, scale)
    return smaller
