"""Log-odds of the near plane by DEB: the prior by which regions of FSB's mask are overruled."""

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


#: Shortest side, px, of planes that DEB reads at half the size as well, and of those that it reads
#: at a quarter instead. Measured: of 24 pairs of 650 to 1200 px the mean IoU rises by 0.016.
MIN_HALVED_SIDE_PX, MIN_QUARTERED_SIDE_PX = 128, 640


@dataclass(frozen=True)
class HalfResolution:
    """Planes at half the size.

    Parameters
    ----------
    planes : Planes
        At full size.
    """

    planes: Planes

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.planes)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns; an odd last one is left out."""
        height, width = self.planes.size
        return height // 2, width // 2

    @property
    def device(self) -> torch.device:
        """Device of the planes."""
        return self.planes.device

    @property
    def budget_bytes(self) -> int:
        """Most memory of what is worked on at a time."""
        return self.planes.budget_bytes

    def display(self, plane: int, where: Region) -> Tensor:
        """Return a part of a plane, (3, Y, X), each pixel the mean of four."""
        rows, columns = (slice(2 * part.start, 2 * part.stop) for part in where)
        return functional.avg_pool2d(self.planes.display(plane, (rows, columns)), 2)


def near_log_odds(pair: Planes, network: DEB) -> Generator[Progress, None, Tensor]:
    """Estimate the log-odds that the near plane is the one in focus.

    The receptive radius of DEB is about 600 px, twice that at half the size, and four times at a
    quarter, at which large planes are read. So it spans flat regions that show focus at their edges
    alone. Tiles overlap by the receptive radius, so they leave no trace.

    Parameters
    ----------
    pair : Planes
        Two planes, near and far.
    network : DEB
        On the planes' device.

    Yields
    ------
    Progress
        After each tile.

    Returns
    -------
    Tensor
        Log-odds of the near plane, (1, Y, X): the sum of those at both sizes.
    """
    sizes: list[Planes] = [pair]
    if min(pair.size) >= MIN_QUARTERED_SIDE_PX:
        sizes.append(HalfResolution(HalfResolution(pair)))
    elif min(pair.size) >= MIN_HALVED_SIDE_PX:
        sizes.append(HalfResolution(pair))
    odds = torch.zeros(1, *pair.size, device=pair.device)
    for number, planes in enumerate(sizes):
        steps = run_tiled(planes, network, network.receptive_radius_px, _decode)
        of_size, _ = yield from relabel(steps, partial(_of_sizes, number, len(sizes)))
        odds += functional.interpolate(of_size[None], pair.size, mode="bilinear")[0]
    return odds


def _decode(strips: Iterator[Tensor], features: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-odds of the near plane, (1, Y, X), from logits (2, rows, X) of strips."""
    return torch.cat([near[None] - far[None] for near, far in strips], 1), features[:0, 0]


def _of_sizes(number: int, sizes: int, step: Progress) -> Progress:
    """Return the progress at one size as that of all sizes, as if they had as many tiles."""
    return Progress(step.step, number * step.total + step.done, sizes * step.total)
