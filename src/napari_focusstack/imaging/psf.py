"""The blurs of a pair, and how refocusing moves the foreground (breathing)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as functional

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.imaging.varying_blur import is_per_pixel

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.parameters import PsfShape


#: Where a piece lies: row and column of its first pixel, from the image's centre, px.
Origin = tuple[float, float]
#: Distance between surface and plane in plane steps: one for all, one for each image of a batch
#: (n,), or one for each pixel (n, 1, Y, X). A pair is one step apart.
DistanceSteps = float | torch.Tensor
#: Elimination must leave less than this share of the residual without occlusion to count.
MAX_RESIDUAL_RATIO = 0.95


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
        Reblur residual: mean absolute error in linear light, 0..1, beside the foreground, in each
        window no more than without a veil; infinite where it was not looked at.
    residual_without_occlusion : float
        The residual without any veil removed: what a blurred far plane as it is leaves unexplained
        of the near one, in each window at the blur that leaves least.
    curve : tuple of (float, float)
        The residual over each sigma of K3 that was tried, sorted by sigma; where surfaces told it,
        what each leaves unexplained of them.
    max_residual_ratio : float
        The residual must be less than this share of ``residual_without_occlusion`` for a veil to count as seen.
    """

    sigma_px: float
    sigma_background_px: float | None = None
    shape: PsfShape = "gaussian"
    breathing: Breathing = field(default_factory=Breathing)
    residual: float = math.inf
    residual_without_occlusion: float = math.inf
    curve: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    max_residual_ratio: float = MAX_RESIDUAL_RATIO

    def reach_px(self, size: tuple[int, int], steps: float = 1.0) -> int:
        """Return how far light gets in an image of a size, from so many plane steps before, px."""
        return psf_radius(steps * self.sigma_px, self.shape) + self.breathing.reach_px(size)

    @property
    def is_significant(self) -> bool:
        """Whether a veil explains the planes better than none."""
        return self.residual < self.max_residual_ratio * self.residual_without_occlusion

    @property
    def sigma_k2_px(self) -> float:
        """Sigma of K2; that of K3 where it is not known, px."""
        return self.sigma_background_px or self.sigma_px

    def scatter_blur(
        self, layers: Tensor, origins: list[Origin], distance_steps: DistanceSteps = 1.0
    ) -> Tensor:
        """Return layers of the foreground as the far plane shows them: moved, then blurred by K3.

        Parameters
        ----------
        layers : Tensor
            Shape (n, C + 1, Y, X), premultiplied by alpha, which is the last channel.
        origins : list of (float, float)
            Where each piece lies, see :class:`Breathing`.
        distance_steps : float or Tensor
            Distance of the foreground before the far plane, see :data:`DistanceSteps`.
        """
        moved = self.breathing.move(layers, origins)
        light = blur(moved, self.sigma_px * distance_steps, self.shape)
        if not is_per_pixel(distance_steps):
            return light
        # surfaces that touch at an edge are blurred unequally: no pixel is covered twice
        return light / light[:, -1:].clamp(min=1)


def gather_blur(
    image: Tensor, sigma_px: float, shape: PsfShape, distance_steps: DistanceSteps = 1.0
) -> Tensor:
    """Return images (n, C, Y, X) blurred at each pixel by its distance times a sigma per step.

    Distances that differ from pixel to pixel are rounded to powers of two plane steps: what is
    compared by this blur tolerates it.
    """
    if is_per_pixel(distance_steps):
        distance_steps = torch.exp2(distance_steps.log2().round())
    return blur(image, sigma_px * distance_steps, shape, mode="gather")
