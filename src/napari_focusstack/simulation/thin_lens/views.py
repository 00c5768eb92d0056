"""What an eye at one point of the aperture sees of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_focusstack.simulation.thin_lens.scene import CANVAS_SCALE

if TYPE_CHECKING:
    from napari_focusstack.simulation.thin_lens.scene import Scene

#: The place of a surface that a ray meets is found to this accuracy, canvas px.
ACCURACY_PX = 0.02
#: Most steps of the iteration that finds it.
MOST_STEPS = 12


class Eye:
    """Draws views of a scene.

    Parameters
    ----------
    scene : Scene
        What is seen.
    side_px : int
        Side of the views, px; their middle is the middle of the canvas.
    """

    def __init__(self, scene: Scene, side_px: int) -> None:
        self.scene = scene
        self.side_px = side_px
        self.painted = [surface.premultiplied for surface in scene.surfaces]
        height, width = scene.canvas_px
        self._corner = np.array([(width - side_px) / 2, (height - side_px) / 2])
        grid = np.arange(side_px, dtype=np.float32)
        self._x, self._y = np.meshgrid(grid, grid)

    def view(self, point: np.ndarray, offset_px: np.ndarray) -> np.ndarray:
        """Draw what is seen from a point of the aperture.

        Parameters
        ----------
        point : ndarray, (2,)
            x then y, in radii of the aperture.
        offset_px : ndarray, (2,)
            Where a pixel is looked at, from its middle, px.

        Returns
        -------
        ndarray, (side, side, 3), float32
            Linear light. A point of disparity s lies at its place in the central view minus
            ``point * s``.
        """
        pictures, disparities = self._warped(point, offset_px)
        seen = np.zeros((self.side_px, self.side_px, 3), np.float32)
        for k, picture in enumerate(pictures):
            seen += picture[..., :3] * self._unhidden(k, pictures, disparities)[..., None]
        return seen

    def front_disparity(self) -> np.ndarray:
        """Return the disparity (side, side), px, of what covers most of each pixel from the middle.

        It is that of the nearest surface which, with all before it, covers half of a pixel.
        """
        pictures, disparities = self._warped(np.zeros(2), np.zeros(2))
        shape = (self.side_px, self.side_px)
        depth = np.full(shape, -np.inf, np.float32)
        for k, picture in enumerate(pictures):
            left = self._unhidden(k, pictures, disparities) * (1 - picture[..., 3])
            covered = (left <= 0.5) & (picture[..., 3] > 0.05)
            depth = np.where(covered, np.maximum(depth, disparities[k]), depth)
        return depth

    def _warped(
        self, point: np.ndarray, offset_px: np.ndarray
    ) -> tuple[list[np.ndarray], list[np.ndarray | float]]:
        """Return each surface as it is seen, (side, side, 4), and its disparity there."""
        x, y = (self._x + offset_px[0], self._y + offset_px[1])
        pictures, disparities = [], []
        for surface, painted in zip(self.scene.surfaces, self.painted, strict=True):
            depth: np.ndarray | float
            if isinstance(surface.disparity_px, np.ndarray):
                depth = self._met(surface.disparity_px, x, y, point)
            else:
                depth = surface.disparity_px
            place = self._on_canvas(x + point[0] * depth, y + point[1] * depth)
            picture = cv2.remap(painted, *place, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            np.clip(picture[..., 3], 0, 1, out=picture[..., 3])
            pictures.append(picture)
            disparities.append(depth)
        return pictures, disparities

    def _met(
        self, relief_px: np.ndarray, x: np.ndarray, y: np.ndarray, point: np.ndarray
    ) -> np.ndarray:
        """Return the disparity of a relief where the rays of an eye meet it.

        The ray of a pixel x meets the place X of a surface where X = x + point * disparity(X).
        """
        middle = float(relief_px.mean())
        depth = np.full_like(x, middle)
        for _ in range(MOST_STEPS):
            place = self._on_canvas(x + point[0] * depth, y + point[1] * depth)
            found = cv2.remap(relief_px, *place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            change = float(np.abs(found - depth).max()) * CANVAS_SCALE
            depth = found
            if change < ACCURACY_PX:
                break
        return depth

    def _on_canvas(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Turn places in the view (px, middles of pixels are whole) into places on the canvas."""
        half = (CANVAS_SCALE - 1) / 2
        return (
            ((x + self._corner[0]) * CANVAS_SCALE + half).astype(np.float32),
            ((y + self._corner[1]) * CANVAS_SCALE + half).astype(np.float32),
        )

    def _unhidden(
        self, k: int, pictures: list[np.ndarray], disparities: list[np.ndarray | float]
    ) -> np.ndarray:
        """Return the share of surface k that no nearer surface hides, (side, side)."""
        share = np.ones((self.side_px, self.side_px), np.float32)
        own = self.scene.surfaces[k].range_px
        for j, surface in enumerate(self.scene.surfaces):
            other = surface.range_px
            if j == k or other[1] < own[0]:
                continue
            cover = pictures[j][..., 3]
            if other[0] <= own[1]:
                # as near as one another: what comes first in the scene lies in front
                nearer = disparities[j] > disparities[k]
                if j < k:
                    nearer = nearer | (disparities[j] == disparities[k])
                cover = cover * nearer
            share = share * (1 - cover)
        return share
