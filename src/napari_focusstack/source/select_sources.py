"""Run SEB over a stack, tile by tile, and make the picture of its choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.imaging.noise import BLOCK_PX, noise_of_bands, stack_noise
from napari_focusstack.imaging.number_types import number_type
from napari_focusstack.planes.bands import grey_and_detail
from napari_focusstack.planes.distinct import spread_evenly
from napari_focusstack.planes.shown import nothing
from napari_focusstack.runtime.memory import trim_heap
from napari_focusstack.runtime.progress import Progress
from napari_focusstack.runtime.region import align, pad, to_local
from napari_focusstack.runtime.threads import map_in_threads, map_planes
from napari_focusstack.runtime.tiles import pad_to_multiple, tile_plan, tiles_of
from napari_focusstack.source.choice import choose
from napari_focusstack.source.seams import GRID_PX

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from torch import Tensor

    from napari_focusstack.networks.seb import SEB
    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.planes.shown import ShownMask
    from napari_focusstack.runtime.region import Region
    from napari_focusstack.source.choice import Blend

#: Margin of a tile on each side, px. Convention: what lies farther away changes the choice only
#: where nothing speaks for any plane.
REACH_PX = 96
#: Memory of a tile, and of a tile for each pixel of each plane, bytes. Measured. There is one tile
#: at a time, whose planes are worked on in parallel: the larger it is, the less its margin costs.
WORK_BYTES, BYTES_PER_PIXEL = 2**30, 100.0
#: Most planes in which noise is looked for.
NOISE_PLANES = 9


@dataclass(frozen=True, eq=False)
class Selection:
    """A picture of source pixels.

    Parameters
    ----------
    picture : ndarray
        Shape and dtype of a plane. Outside ``blended`` each pixel is that of its source.
    source : ndarray
        Shape (Y, X), uint8, or uint16 beyond 255 planes: the plane of each pixel, 1..P.
    blended : ndarray of bool
        Shape (Y, X): pixels in which planes are blended.
    """

    picture: np.ndarray
    source: np.ndarray
    blended: np.ndarray

    @classmethod
    def by_labels(cls, stack: FocalStack, labels: np.ndarray) -> Selection:
        """Return the picture in which each pixel comes from the plane that its label names.

        Where that is not chosen or does not show the pixel, the nearest takes its place.
        """
        source = stack.sources_of(labels, stack.full)
        return cls(stack.select(source, stack.full), source, np.zeros(labels.shape, bool))

    def renumbered(self, numbers: Sequence[int]) -> Selection:
        """Return the selection of some planes with the numbers that they have in the stack."""
        if numbers[-1] == len(numbers):
            return self
        by_place = np.array([0, *numbers], number_type(numbers[-1]))
        return replace(self, source=by_place[self.source])

    def seen(self, some: ShownMask | None) -> Selection:
        """Return the selection without pixels that no plane shows, if there are any."""
        if some is None:
            return self
        unseen = ~some.whole
        selection = self.copy()
        selection.picture[unseen] = nothing(self.picture.dtype)
        selection.source[unseen], selection.blended[unseen] = 0, False
        return selection

    def copy(self) -> Selection:
        """Return an equal selection that can be painted on."""
        return Selection(self.picture.copy(), self.source.copy(), self.blended.copy())

    def paint(
        self,
        stack: FocalStack,
        estimated: Selection,
        labels: np.ndarray,
        painted: np.ndarray,
        where: Region,
    ) -> None:
        """Take painted pixels from the planes that their labels name, in place.

        Parameters
        ----------
        stack : FocalStack
            The planes.
        estimated : Selection
            What holds where nothing is painted.
        labels, painted : ndarray
            Labels, 1..P, and where they were painted (bool), (Y, X) of the region.
        where : tuple of slice
            Rows and columns.
        """
        labels = stack.sources_of(labels, where)
        self.picture[where] = estimated.picture[where]
        self.source[where] = np.where(painted, labels, estimated.source[where])
        self.blended[where] = estimated.blended[where] & ~painted
        if painted.any():
            self.picture[where][painted] = stack.select(labels, where)[painted]


def least_bytes(planes: int, size: tuple[int, int]) -> int:
    """Return the memory that the least tile of a stack needs, bytes.

    Examples
    --------
    >>> least_bytes(10, (2048, 3072)), least_bytes(10, (64, 64))
    (65536000, 4096000)
    """
    rows, columns = (min(side, 2 * (REACH_PX + GRID_PX)) for side in size)
    return int(BYTES_PER_PIXEL) * planes * rows * columns


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
    outer_px, _ = tile_plan(
        BYTES_PER_PIXEL * len(stack), WORK_BYTES, tile_px, REACH_PX, 1, stack.budget_bytes
    )
    tiles = tiles_of(stack.size, max(GRID_PX, outer_px - 2 * REACH_PX))
    source = np.empty(stack.size, number_type(len(stack)))
    picture = np.empty_like(stack.sources[0][stack.full])
    blended = np.empty(stack.size, bool)

    yield Progress("choose sources", 0, len(tiles))
    for number, tile in enumerate(tiles, 1):
        piece = _select_tile(stack, network, noise, blend, tile)
        source[tile], picture[tile], blended[tile] = piece
        trim_heap()
        yield Progress("choose sources", number, len(tiles))
    return Selection(picture, source, blended)


def _select_tile(
    stack: FocalStack, network: SEB, noise: float, blend: Blend, tile: Region
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return source, picture and blended pixels of a tile."""
    outer = align(pad(tile, REACH_PX, stack.size), GRID_PX)
    inner = to_local(tile, outer)
    with torch.no_grad():
        coded = _stacked(stack, partial(stack.coded, region=outer))
        planes = coded
        if stack.intensity.coding == "linear":
            planes = _stacked(stack, partial(stack.display, region=outer))[:, : coded.shape[1]]
        level = planes.new_tensor([noise])
        logs = network(pad_to_multiple(planes, network.stride)[None], level)[0]
        logs = logs[..., : planes.shape[-2], : planes.shape[-1]]
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
    return source, picture, mixed


def _stacked(stack: FocalStack, read: Callable[[int], Tensor]) -> Tensor:
    """Read all planes of a stack by their numbers, several at a time: (P, C, Y, X)."""
    return torch.stack(list(map_planes(read, range(1, len(stack) + 1), stack.device)))


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
