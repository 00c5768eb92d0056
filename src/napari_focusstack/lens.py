"""What the lens does between the near and the far plane: blur, and breathing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

import torch
import torch.nn.functional as functional

from napari_focusstack.choosing import choose, distinct
from napari_focusstack.optics import blur, doubled, halved, halved_sigma, psf_radius
from napari_focusstack.region import bounds, grow

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.optics import PsfShape

#: Where a piece lies: row and column of its first pixel, from the image's centre, px.
Origin = tuple[float, float]
#: Where removing the veil leaves more than this share of the residual, there is no such veil.
FITS = 0.95
#: From this sigma on, blurs that differ from pixel to pixel are computed at half the size, px: less
#: exact than convolving, but so are distances, for which few values stand.
WIDE_PX = 3.0
#: Distance between surface and plane in plane steps: one for all, one for each image of a batch
#: (n,), or one for each pixel (n, 1, Y, X). A pair is one step apart.
Steps = float | torch.Tensor


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
    plain : float
        The residual without any veil removed: what a blurred far plane as it is leaves unexplained
        of the near one, in each window at the blur that leaves least.
    curve : tuple of (float, float)
        The residual over each sigma of K3 that was tried, sorted by sigma; where surfaces told it,
        what each leaves unexplained of them.
    bar : float
        The residual must be less than this share of ``plain`` for a veil to count as seen.
    """

    sigma_px: float
    sigma_background_px: float | None = None
    shape: PsfShape = "gaussian"
    breathing: Breathing = field(default_factory=Breathing)
    residual: float = math.inf
    plain: float = math.inf
    curve: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    bar: float = FITS

    def reach_px(self, size: tuple[int, int], steps: float = 1.0) -> int:
        """Return how far light gets in an image of a size, from so many plane steps before, px."""
        return psf_radius(steps * self.sigma_px, self.shape) + self.breathing.reach_px(size)

    @property
    def explains(self) -> bool:
        """Whether a veil explains the planes better than none."""
        return self.residual < self.bar * self.plain

    @property
    def sigma_2_px(self) -> float:
        """Sigma of K2; that of K3 where it is not known, px."""
        return self.sigma_background_px or self.sigma_px

    def defocus(self, layers: Tensor, origins: list[Origin], steps: Steps = 1.0) -> Tensor:
        """Return the foreground's layers as the far plane shows them: moved, then blurred by K3.

        Parameters
        ----------
        layers : Tensor
            Shape (n, C + 1, Y, X), premultiplied by alpha, which is the last channel.
        origins : list of (float, float)
            Where each piece lies, see :class:`Breathing`.
        steps : float or Tensor
            How far the foreground lies before the far plane, see :data:`Steps`.
        """
        moved = self.breathing.move(layers, origins)
        if not is_map(steps):
            return blur(moved, self.sigma_px * steps, self.shape)
        light = _blurred_apart(moved, steps * self.sigma_px, self.shape)
        # surfaces that touch at an edge are blurred unequally: no pixel is covered twice
        return light / light[:, -1:].clamp(min=1)


def collect(image: Tensor, sigma_px: float, shape: PsfShape, steps: Steps = 1.0) -> Tensor:
    """Return an image (n, C, Y, X) blurred at each pixel by so many steps times a sigma."""
    if not is_map(steps):
        return blur(image, sigma_px * steps, shape)
    # what is compared by it tolerates a blur of the nearest power of two
    return _blurred_at(image, sigma_px * torch.exp2(steps.log2().round()), shape)


def is_map(steps: Steps) -> TypeGuard[Tensor]:
    """Tell whether steps differ from pixel to pixel."""
    return isinstance(steps, torch.Tensor) and steps.ndim == 4


def _blurred_apart(layers: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Blur the light (n, C + 1, Y, X) of each pixel by its own sigma, of a few, and add it all up.

    What is blurred widely is so at half the size, all of it together.
    """
    light = torch.zeros_like(layers)
    present = layers[:, -1:] > 0
    wide = present & (sigma_px >= WIDE_PX)
    for sigma in distinct(sigma_px[present & ~wide]):
        here = present & (sigma_px == sigma)
        where = _within_reach(here, psf_radius(sigma, shape))
        light[where] += blur(layers[where] * here[where], sigma, shape)
    if wide.any():
        half = _blurred_apart(halved(layers * wide), _coarse(sigma_px * wide), shape)
        light += doubled(half, layers.shape[-2:])
    return light


def _blurred_at(image: Tensor, sigma_px: Tensor, shape: PsfShape) -> Tensor:
    """Return an image (n, C, Y, X) blurred at each pixel by the sigma there, of a few."""
    blurred = torch.zeros_like(image)
    wide = sigma_px >= WIDE_PX
    for sigma in distinct(sigma_px[~wide]):
        here = sigma_px == sigma
        where = _within_reach(here, psf_radius(sigma, shape))
        blurred[where] += blur(image[where], sigma, shape) * here[where]
    if wide.any():
        half = _blurred_at(halved(image), _coarse(sigma_px), shape)
        blurred = choose(wide, doubled(half, image.shape[-2:]), blurred)
    return blurred


def _coarse(sigma_px: Tensor) -> Tensor:
    """Return the sigmas that are left to blur by at half the size: the greatest of each four."""
    return halved_sigma(halved(sigma_px, torch.maximum))


def _within_reach(present: Tensor, reach_px: int) -> tuple[slice, ...]:
    """Return an index of the rows and columns near the true pixels of (n, 1, Y, X)."""
    flat = present[:, 0].any(0)
    where = bounds(flat)
    assert where is not None
    height, width = flat.shape
    return (slice(None), slice(None), *grow(where, reach_px, (height, width)))
