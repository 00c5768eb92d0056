"""The estimated PSF of a pair or stack, and blur by it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.breathing import Breathing
from napari_focusstack.imaging.kernels import psf_radius
from napari_focusstack.imaging.varying_blur import is_per_pixel

if TYPE_CHECKING:
    from torch import Tensor

    from napari_focusstack.imaging.breathing import Origin
    from napari_focusstack.imaging.psf_shapes import PsfShape


#: Distance between surface and plane, in plane steps: one for all, one for each image of a batch
#: (n,), or one for each pixel (n, 1, Y, X). The planes of a pair have a distance of one.
DistanceSteps = float | torch.Tensor
#: Occlusion is significant where the residual with it is less than this share of the residual
#: without it. Convention.
MAX_RESIDUAL_RATIO = 0.95


@dataclass(frozen=True)
class Psf:
    """The blurs of a pair; for a stack, those of planes at a distance of one plane step.

    Parameters
    ----------
    sigma_px : float
        Sigma of K3, the blur of the foreground in the far plane, px (Eq. 4).
    sigma_background_px : float, optional
        Sigma of K2, the blur of the background in the near plane, px (Eq. 3); None if unknown.
    shape : {"gaussian", "disk"}
        Shape of both.
    breathing : Breathing
        How the foreground moves between the planes.
    residual : float
        Reblur residual: mean absolute error around the foreground, linear light, 0..1. In each
        boundary patch it is capped at the residual without occlusion. Infinite if not computed.
    residual_without_occlusion : float
        The same residual without elimination: the error of the blurred far plane against the near
        plane. The blur of each patch is the one with the least error.
    curve : tuple of (float, float)
        The residual over each sigma of K3 that was tried, sorted by sigma. Where sigma was measured
        on flat patches, their residual ratio.
    max_residual_ratio : float
        Occlusion is significant if ``residual`` is less than this share of
        ``residual_without_occlusion``.
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
        """Return how far light spreads from a surface some plane steps away, px.

        Parameters
        ----------
        size : tuple of int
            Rows and columns of the image, which bound the movement by breathing.
        steps : float
            Distance between surface and plane, plane steps.
        """
        return psf_radius(steps * self.sigma_px, self.shape) + self.breathing.reach_px(size)

    def per_step(self, steps: float) -> Psf:
        """Return the PSF of planes that are some of the present plane steps apart."""
        if steps == 1:
            return self
        background = self.sigma_background_px
        return replace(
            self,
            sigma_px=steps * self.sigma_px,
            sigma_background_px=None if background is None else steps * background,
            curve=tuple((steps * sigma, residual) for sigma, residual in self.curve),
        )

    @property
    def residual_ratio(self) -> float:
        """Share of the residual without occlusion that is left with it; 1 where both are 0."""
        if not self.residual_without_occlusion > 0:
            return 1.0
        return self.residual / self.residual_without_occlusion

    @property
    def is_significant(self) -> bool:
        """Whether occlusion explains the planes clearly better than none."""
        return self.residual < self.max_residual_ratio * self.residual_without_occlusion

    @property
    def sigma_k2_px(self) -> float:
        """Sigma of K2, px; the sigma of K3 if it is unknown."""
        return self.sigma_background_px or self.sigma_px

    def scatter_blur(
        self, layers: Tensor, origins: list[Origin], distance_steps: DistanceSteps = 1.0
    ) -> Tensor:
        """Return layers of the foreground as the far plane shows them: moved and blurred by K3.

        Parameters
        ----------
        layers : Tensor
            Shape (n, C + 1, Y, X), premultiplied by alpha, which is the last channel.
        origins : list of (float, float)
            Position of each patch, see :data:`napari_focusstack.imaging.breathing.Origin`.
        distance_steps : float or Tensor
            Distance of the foreground in front of the far plane, see :data:`DistanceSteps`.

        Returns
        -------
        Tensor
            Same shape.
        """
        moved = self.breathing.move(layers, origins)
        light = blur(moved, self.sigma_px * distance_steps, self.shape)
        if not is_per_pixel(distance_steps):
            return light
        # surfaces that touch are blurred with different sigmas: alpha must not exceed 1
        return light / light[:, -1:].clamp(min=1)


def gather_blur(
    image: Tensor, sigma_px: float, shape: PsfShape, distance_steps: DistanceSteps = 1.0
) -> Tensor:
    """Blur images (n, C, Y, X), each pixel with its distance times the sigma per plane step.

    Distances that are given per pixel are rounded to powers of two plane steps, for speed. The
    comparisons that use this blur tolerate it.
    """
    if is_per_pixel(distance_steps):
        distance_steps = torch.exp2(distance_steps.log2().round())
    return blur(image, sigma_px * distance_steps, shape, mode="gather")
