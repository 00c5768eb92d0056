"""A scene: surfaces of any depth behind one another, each whole where others hide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Canvas pixels per pixel of the picture, along each axis.
CANVAS_SCALE = 2
#: Steepest change of disparity along a surface, px per px; beyond it a surface would hide itself.
STEEPEST = 0.45


@dataclass(frozen=True)
class Surface:
    """One surface, drawn on a canvas of twice the picture's resolution.

    Depth is given as disparity: how far (px of the picture) a point moves against the plane of
    disparity 0, when the eye moves from the middle of the aperture to its rim. It is proportional
    to the difference of reciprocal distances, and it is the radius of the blur (px) of that point
    in the plane of disparity 0. What is nearer has the greater disparity.

    Parameters
    ----------
    light : ndarray, (H, W, 3), float32
        Linear light; highlights may exceed 1.
    alpha : ndarray, (H, W), float32, or None
        Coverage, 0..1; None where the surface covers everything.
    disparity_px : ndarray, (H, W), float32, or float
        A number stands for a surface parallel to the sensor.
    """

    light: np.ndarray
    alpha: np.ndarray | None
    disparity_px: np.ndarray | float

    @property
    def range_px(self) -> tuple[float, float]:
        """Least and greatest disparity, px."""
        if isinstance(self.disparity_px, np.ndarray):
            return float(self.disparity_px.min()), float(self.disparity_px.max())
        return self.disparity_px, self.disparity_px

    @property
    def premultiplied(self) -> np.ndarray:
        """Light times coverage, and coverage, (H, W, 4), float32."""
        alpha = np.ones_like(self.light[..., 0]) if self.alpha is None else self.alpha
        return np.dstack([self.light * alpha[..., None], alpha]).astype(np.float32)


@dataclass(frozen=True)
class Scene:
    """Surfaces in any order: what hides what follows from their disparity, point by point.

    Parameters
    ----------
    surfaces : tuple of Surface
        All of the same canvas size; one of them covers everything.
    """

    surfaces: tuple[Surface, ...]

    @property
    def range_px(self) -> tuple[float, float]:
        """Least and greatest disparity of all surfaces, px."""
        ranges = [surface.range_px for surface in self.surfaces]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    @property
    def canvas_px(self) -> tuple[int, int]:
        """Height and width of the canvases, px of the picture."""
        height, width = self.surfaces[0].light.shape[:2]
        return height // CANVAS_SCALE, width // CANVAS_SCALE


def gentle(disparity_px: np.ndarray, steepest: float = STEEPEST) -> np.ndarray:
    """Flatten a relief (H, W) as a whole, until its steepest place is no steeper than a bound."""
    slopes = np.hypot(*np.gradient(disparity_px)) * CANVAS_SCALE
    middle = float(disparity_px.mean())
    scaled: np.ndarray = middle + (disparity_px - middle) * min(
        1.0, steepest / max(float(slopes.max()), 1e-6)
    )
    return scaled.astype(np.float32)
