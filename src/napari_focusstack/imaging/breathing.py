"""Breathing: how refocusing moves the foreground against the background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

if TYPE_CHECKING:
    from torch import Tensor


#: Position of the first pixel of a patch: row and column from the centre of the image, px.
Origin = tuple[float, float]


def origin(row: int, column: int, size: tuple[int, int]) -> Origin:
    """Return the origin of a patch from its first row and column, in an image of a size."""
    rows, columns = size
    return row - (rows - 1) / 2, column - (columns - 1) / 2


@dataclass(frozen=True)
class Breathing:
    """How refocusing moves the foreground while the background is registered.

    Parameters
    ----------
    magnification : float
        Size of the foreground in the far plane, divided by its size in the near plane. The centre
        of the image is fixed.
    shift_px : tuple of float
        Additional shift of the foreground, rows and columns, px.
    """

    magnification: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.magnification == 1 and self.shift_px == (0, 0)

    def reach_px(self, size: tuple[int, int]) -> int:
        """Return the greatest movement in an image of a size (rows, columns), px, rounded up."""
        if self.still:
            return 0
        far_corner = math.hypot(*size) / 2
        return math.ceil(abs(self.magnification - 1) * far_corner + math.hypot(*self.shift_px)) + 2

    def move(self, layers: Tensor, origins: list[Origin]) -> Tensor:
        """Move patches of a layer.

        Parameters
        ----------
        layers : Tensor
            Shape (n, C, Y, X).
        origins : list of (float, float)
            Position of each patch, see :data:`Origin`.

        Returns
        -------
        Tensor
            Same shape. Border pixels of a patch are replicated outside.
        """
        if self.still:
            return layers
        coordinates = []
        for length, axis in ((layers.shape[-2], 0), (layers.shape[-1], 1)):
            first = torch.tensor([[origin[axis]] for origin in origins], device=layers.device)
            target = torch.arange(length, device=layers.device) + first
            source = (target - self.shift_px[axis]) / self.magnification - first
            coordinates.append((2 * source + 1) / length - 1)  # as grid_sample takes them, -1..1
        y, x = coordinates
        grid = torch.stack(
            [x[:, None, :].expand(-1, y.shape[1], -1), y[:, :, None].expand(-1, -1, x.shape[1])], -1
        )
        moved: Tensor = functional.grid_sample(
            layers, grid, mode="bicubic", padding_mode="border", align_corners=False
        )
        return moved
