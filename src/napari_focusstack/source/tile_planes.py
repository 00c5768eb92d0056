"""The planes of a tile, read one by one, and how large the tiles are."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch

from napari_focusstack.networks.source_cues import SourceCues
from napari_focusstack.runtime.tile_queue import TileQueue
from napari_focusstack.runtime.tiles import bytes_of_tile, pad_to_multiple, tiles_of

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.planes.focal_stack import FocalStack
    from napari_focusstack.runtime.region import Region

#: Most memory that the maps of all planes take before they are kept in a scratch file: bytes, and
#: as a share of the memory of tiles. Convention.
MOST_MAP_BYTES, MAP_SHARE = 2**28, 0.125


class TileStep(NamedTuple):
    """What the tiles of a step need.

    Parameters
    ----------
    bytes_per_pixel, bytes_per_plane : float
        Memory for each pixel of a tile, and more for each plane. Measured.
    reach_px : int
        Margin of a tile on each side within which pixels change the answer, px.
    grid_px : int
        Tiles begin at multiples of it.
    least_px : int
        Least side of a tile without its margins, px. Torch convolves less than some 20,000 values
        in another way, with other bits.
    """

    bytes_per_pixel: float
    bytes_per_plane: float
    reach_px: int
    grid_px: int
    least_px: int

    def least_bytes(self, planes: int, size: tuple[int, int]) -> int:
        """Return the memory of the least tile of a stack of integers, bytes."""
        outer_px = self.least_px + 2 * self.reach_px + self.grid_px
        return bytes_of_tile(size, outer_px, self.bytes_per_pixel + planes * self.bytes_per_plane)


class Work(NamedTuple):
    """How much is worked on at a time.

    Parameters
    ----------
    tile_px : int
        Greatest side of a tile, px.
    budget_bytes : int
        Most memory of a tile.
    """

    tile_px: int
    budget_bytes: int

    @property
    def map_bytes(self) -> int:
        """Most memory that maps of all planes take, bytes."""
        return int(min(MOST_MAP_BYTES, MAP_SHARE * self.budget_bytes))

    def tiles_of(self, stack: FocalStack, step: TileStep) -> TileQueue:
        """Return the tiles of a step over a stack."""
        of_plane = step.bytes_per_plane + kept_bytes(stack)
        return self.tiles(stack.size, len(stack), step._replace(bytes_per_plane=of_plane))

    def tiles(self, size: tuple[int, int], planes: int, step: TileStep) -> TileQueue:
        """Return tiles whose memory, with a margin on each side, fits into the budget."""
        bytes_per_pixel = step.bytes_per_pixel + planes * step.bytes_per_plane
        outer_px = math.isqrt(int(self.budget_bytes / bytes_per_pixel))
        inner_px = min(outer_px - 2 * step.reach_px - step.grid_px, self.tile_px)
        side = max(inner_px // step.grid_px * step.grid_px, step.least_px)
        return TileQueue(tiles_of(size, side, step.grid_px), step.grid_px, step.least_px)


def kept_bytes(stack: FocalStack) -> int:
    """Return what a tile keeps of each pixel of a plane that it has read, bytes.

    Values of more than 16 bits are converted one by one, others by a table.
    """
    return 4 * _channels(stack) if stack.sources[0].dtype.itemsize > 2 else 0


def _channels(stack: FocalStack) -> int:
    """Return how many channels planes have that differ."""
    return int((stack.sources[0].shape[2:] or (1,))[0])


class TilePlanes:
    """The planes of a region, each read when it is indexed: (C, Y, X), 0..1.

    Those whose conversion takes long are kept, see :func:`kept_bytes`.

    Parameters
    ----------
    stack : FocalStack
        The planes; the first, of index 0, is its plane 1.
    region : tuple of slice
        Rows and columns.
    coded : bool
        Whether they are read as they are stored; coded for display otherwise.
    """

    def __init__(self, stack: FocalStack, region: Region, *, coded: bool = False) -> None:
        self._read = partial(stack.coded if coded else stack.display, region=region)
        self._count, self._channels = len(stack), _channels(stack)
        self._kept: dict[int, Tensor] | None = {} if kept_bytes(stack) else None

    def __len__(self) -> int:
        """Return the number of planes."""
        return self._count

    def __getitem__(self, index: int, /) -> Tensor:
        """Read a plane."""
        kept = self._kept
        if kept is None:
            return self._read(index + 1)[: self._channels]
        if index not in kept:
            kept[index] = self._read(index + 1)[: self._channels]
        return kept[index]


class PaddedPlanes(TilePlanes):
    """The same as a network reads them, (1, C, Y, X): padded until a stride divides their sides."""

    def __init__(self, stack: FocalStack, region: Region, stride: int) -> None:
        super().__init__(stack, region)
        self._stride = stride

    def __getitem__(self, index: int, /) -> Tensor:
        """Read a plane."""
        return pad_to_multiple(super().__getitem__(index)[None], self._stride)


class CuesOfRegions:
    """Reads the cues of regions of a stack; those of the last region are kept.

    Parameters
    ----------
    stack : FocalStack
        The planes.
    stride : int
        Sides are padded to multiples of it, px.
    noise : float
        See :func:`~napari_focusstack.imaging.noise.noise_level`.
    """

    def __init__(self, stack: FocalStack, stride: int, noise: float) -> None:
        self.stack, self.stride, self.noise = stack, stride, noise
        self._region: Region | None = None
        self._cues: SourceCues | None = None

    def of(self, region: Region) -> SourceCues:
        """Read the cues of rows and columns."""
        if self._cues is None or self._region != region:
            self._cues = None  # before the next are read
            noise = torch.tensor([self.noise], device=self.stack.device)
            self._cues = SourceCues(PaddedPlanes(self.stack, region, self.stride), noise)
            self._region = region
        return self._cues
