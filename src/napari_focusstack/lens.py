"""What the lens does between the near and the far plane: blur, and breathing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.optics import blur, psf_radius

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.optics import PsfShape

#: Where a piece lies: row and column of its first pixel, from the image's centre, px.
Origin = tuple[float, float]


def origin(row: int, column: int, size: tuple[int, int]) -> Origin:
    """Return where a piece lies whose first pixel is given, in an image of a size."""
    rows, columns = size
    return row - (rows - 1) / 2, column - (columns - 1) / 2


@dataclass(frozen=True)
class Breathing:
    """How refocusing moves the foreground, with the background registered.

    Parameters
    ----------
    magnification : float
        Size of the foreground in the far plane over that in the near one, about the image's centre.
    shift_px : tuple of float
        Rows and columns it is shifted by besides, px.
    """

    magnification: float = 1.0
    shift_px: tuple[float, float] = (0.0, 0.0)

    @property
    def still(self) -> bool:
        """Whether nothing moves."""
        return self.magnification == 1 and self.shift_px == (0, 0)

    def reach_px(self, size: tuple[int, int]) -> int:
        """Return how far anything in an image of a size (rows, columns) moves at most, px."""
        if self.still:
            return 0
        far_corner = math.hypot(*size) / 2
        return math.ceil(abs(self.magnification - 1) * far_corner + math.hypot(*self.shift_px)) + 2

    def move(self, layers: Tensor, origins: list[Origin]) -> Tensor:
        """Move pieces of a layer.

        Parameters
        ----------
        layers : Tensor
            Shape (n, C, Y, X).
        origins : list of (float, float)
            Where each piece lies.

        Returns
        -------
        Tensor
            Same shape; the borders of a piece continue outside it.
        """
        if self.still:
            return layers
        axes = []
        for length, axis in ((layers.shape[-2], 0), (layers.shape[-1], 1)):
            first = torch.tensor([[origin[axis]] for origin in origins], device=layers.device)
            place = torch.arange(length, device=layers.device) + first
            source = (place - self.shift_px[axis]) / self.magnification - first
            axes.append((2 * source + 1) / length - 1)
        y, x = axes
        grid = torch.stack(
            [x[:, None, :].expand(-1, y.shape[1], -1), y[:, :, None].expand(-1, -1, x.shape[1])], -1
        )
        moved: Tensor = functional.grid_sample(
            layers, grid, mode="bicubic", padding_mode="border", align_corners=False
        )
        return moved


@dataclass(frozen=True)
class Psf:
    """The blurs of a pair.

    Parameters
    ----------
    sigma_px : float
        Sigma of K3, the foreground's blur in the far plane, px.
    sigma_background_px : float, optional
        Sigma of K2, the background's blur in the near plane, px; None where it is not known.
    shape : {"gaussian", "disk"}
        Shape of both.
    breathing : Breathing
        How the foreground moves between the planes.
    residual : float
        Reblur residual: mean absolute error in linear light, 0..1, beside the foreground; infinite
        where it was not looked at.
    curve : tuple of (float, float)
        The residual over each sigma of K3 that was tried, sorted by sigma.
    """

    sigma_px: float
    sigma_background_px: float | None = None
    shape: PsfShape = "gaussian"
    breathing: Breathing = field(default_factory=Breathing)
    residual: float = math.inf
    curve: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    @property
    def radius_px(self) -> int:
        """How far K3 reaches, px."""
        return psf_radius(self.sigma_px, self.shape)

    def reach_px(self, size: tuple[int, int]) -> int:
        """Return how far the foreground's light gets in an image of a size, px."""
        return self.radius_px + self.breathing.reach_px(size)

    @property
    def sigma_2_px(self) -> float:
        """Sigma of K2; that of K3 where it is not known, px."""
        return self.sigma_background_px or self.sigma_px

    def defocus(self, layers: Tensor, origins: list[Origin]) -> Tensor:
        """Return the foreground's layers as the far plane shows them: moved, then blurred by K3.

        Parameters
        ----------
        layers : Tensor
            Shape (n, C, Y, X), premultiplied by alpha.
        origins : list of (float, float)
            Where each piece lies, see :class:`Breathing`.
        """
        return blur(self.breathing.move(layers, origins), self.sigma_px, self.shape)
