"""Maps of each plane of a stack, between two steps that need different tiles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_focusstack.planes.scratch import Closing, ScratchPlanes

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.runtime.region import Region


class PlaneMaps(Closing):
    """Maps of each plane as half floats: in memory, or in a scratch file if they need too much.

    Parameters
    ----------
    shape : tuple of int
        Planes, channels, rows and columns.
    device : torch.device
        Where they are read.
    most_bytes : int
        Most memory that they may take.

    Examples
    --------
    >>> with PlaneMaps((2, 1, 8, 8), torch.device("cpu"), most_bytes=0) as maps:
    ...     maps.write(1, np.s_[0:4, 2:8], torch.ones(1, 4, 6))
    ...     maps.read(1, np.s_[3:4, 0:5])
    tensor([[[0., 0., 1., 1., 1.]]])
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device, most_bytes: int) -> None:
        self.shape, self.device = shape, device
        self._memory: Tensor | None = None
        self._scratch: ScratchPlanes | None = None
        if math.prod(shape) * torch.half.itemsize > most_bytes:
            self._scratch = ScratchPlanes(shape, np.float16)
        else:
            self._memory = torch.empty(shape, dtype=torch.half, device=device)

    def __len__(self) -> int:
        """Return the number of planes."""
        return self.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.shape[-2], self.shape[-1]

    def write(self, number: int, where: Region, maps: Tensor) -> None:
        """Keep the maps (C, rows, columns) of a region of a plane, counted from 0."""
        if self._memory is not None:
            self._memory[number][:, *where] = maps
        elif self._scratch is not None:
            self._scratch.write(number, maps.half().cpu().numpy(), (slice(None), *where))

    def read(self, number: int, where: Region) -> Tensor:
        """Return the maps (C, rows, columns) of a region of a plane, float32."""
        if self._scratch is not None:
            kept = torch.from_numpy(self._scratch.read(number, (slice(None), *where)))
            return kept.to(self.device).float()
        assert self._memory is not None  # until it is closed
        return self._memory[number][:, *where].float()

    def read_all(self, where: Region) -> Tensor:
        """Return the maps of a region of all planes, (P, C, rows, columns), float32."""
        rows, columns = (part.stop - part.start for part in where)
        maps = torch.empty(*self.shape[:2], rows, columns, device=self.device)
        for number, of_plane in enumerate(maps):
            of_plane[:] = self.read(number, where)
        return maps

    def write_all(self, where: Region, maps: Tensor) -> None:
        """Keep the maps (P, C, rows, columns) of a region of all planes."""
        for number, of_plane in enumerate(maps):
            self.write(number, where, of_plane)

    def close(self) -> None:
        """Discard them."""
        self._memory = None
        if self._scratch is not None:
            self._scratch.close()
