"""DEB's opinion of a pair: FSB tells where edges lie, DEB which side of them is in focus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.networks.tiled_deb import run_tiled
from napari_focusstack.runtime.progress import Progress, relabel

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from torch import Tensor

    from napari_focusstack.networks.deb import DEB
    from napari_focusstack.networks.tiled_deb import Planes
    from napari_focusstack.runtime.region import Region


#: Planes whose shorter side is less than this are not seen at half the size as well, px.
LEAST_PX = 128


@dataclass(frozen=True)
class HalfResolution:
    """Planes at half the size.

    Parameters
    ----------
    whole : Planes
        At full size.
    """

    whole: Planes

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.whole)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns; an odd last one is left out."""
        height, width = self.whole.size
        return height // 2, width // 2

    @property
    def device(self) -> torch.device:
        """Where the planes are computed on."""
        return self.whole.device

    @property
    def budget_bytes(self) -> int:
        """Most memory that tiles may take."""
        return self.whole.budget_bytes

    def display(self, plane: int, where: Region) -> Tensor:
        """Return a part of a plane, (3, Y, X), each pixel the mean of four."""
        rows, columns = (slice(2 * part.start, 2 * part.stop) for part in where)
        return functional.avg_pool2d(self.whole.display(plane, (rows, columns)), 2)


def near_log_odds(pair: Planes, network: DEB, tile_px: int) -> Generator[Progress, None, Tensor]:
    """Find how probably the near plane is the one in focus.

    DEB looks some 600 px far, and at half the size twice as far: across flat regions whose edges
    alone tell focus. A tile is seen with all that can change its answer, so tiles leave no trace.

    Parameters
    ----------
    pair : Planes
        Two planes, near and far.
    network : DEB
        On the planes' device.
    tile_px : int
        Greatest side of a tile, px; memory grows with its square.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Tensor
        Log-odds of the near plane, (1, Y, X): the sum of those at full and at half size.
    """
    sizes: list[Planes] = [pair]
    if min(pair.size) >= LEAST_PX:
        sizes.append(HalfResolution(pair))
    odds = torch.zeros(1, *pair.size, device=pair.device)
    for number, planes in enumerate(sizes):
        steps = run_tiled(planes, network, tile_px, network.receptive_radius_px, _odds)
        said = yield from relabel(steps, partial(_of_sizes, number, len(sizes)))
        odds += functional.interpolate(said[None], pair.size, mode="bilinear")[0]
    return odds


def _odds(strips: Iterator[Tensor], features: Tensor) -> Tensor:
    return torch.cat([near[None] - far[None] for near, far in strips], 1)


def _of_sizes(number: int, sizes: int, step: Progress) -> Progress:
    """Say of a tile of one size how far all sizes are, as if they had as many tiles."""
    return Progress(step.step, number * step.total + step.done, sizes * step.total)
