"""A thin lens looks at a scene: planes, and the truth through a pinhole.

Nothing here knows an equation of image formation: blur, halos beside edges and what lies behind
appear because many views through the aperture are drawn, each by depth order, and averaged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from napari_focusstack.simulation.thin_lens.aperture import Aperture, views_for
from napari_focusstack.simulation.thin_lens.refocus import FADE_PX, Refocuser, even_offsets
from napari_focusstack.simulation.thin_lens.views import Eye

if TYPE_CHECKING:
    from napari_focusstack.simulation.thin_lens.scene import Scene

#: Views through the pinhole that are averaged for the truth, each at its own place in a pixel.
TRUTH_VIEWS = 64


@dataclass(frozen=True)
class ThinLens:
    """A lens and the planes that it is focused on.

    Parameters
    ----------
    side_px : int
        Side of the pictures, px.
    disparities_px : tuple of float
        Of the planes in focus, nearest first: a surface of disparity s has a blur of radius
        ``abs(s - d)`` px in the plane of disparity d.
    aperture : Aperture
        Outline of the opening.
    spread_px : float
        Standard deviation of the blur of lens and sensor in focus, px, without that of the pixel.
    chromatic_px : tuple of float
        By which red, green and blue are focused nearer than a plane says, px of disparity.
    views : int, optional
        Points of the aperture; as many as the widest blur needs, if not given.
    seed : int
        Of the places in a pixel that views look at.
    """

    side_px: int = 144
    disparities_px: tuple[float, ...] = (4.0, 0.0, -4.0)
    aperture: Aperture = field(default_factory=Aperture)
    spread_px: float = 0.4
    chromatic_px: tuple[float, float, float] = (0.0, 0.0, 0.0)
    views: int | None = None
    seed: int = 0

    @property
    def view_px(self) -> int:
        """Side of the views, px: a picture and what refocusing moves in from outside."""
        farthest = max(abs(d) for d in self.disparities_px) + max(map(abs, self.chromatic_px))
        return int(fft.next_fast_len(self.side_px + 2 * (math.ceil(farthest) + FADE_PX + 4), True))

    def canvas_px(self, greatest_px: float) -> int:
        """Return the side of canvases, px, for surfaces of up to such a disparity (absolute)."""
        return self.view_px + 2 * (math.ceil(greatest_px) + 2)


@dataclass(frozen=True)
class ThinLensStack:
    """Pictures of a scene, in linear light, as exact as the views allow.

    Parameters
    ----------
    planes : ndarray, (P, Y, X, 3), float32
        Nearest first; highlights may exceed 1.
    truth : ndarray, (Y, X, 3), float32
        What a pinhole in the middle of the aperture sees, sampled in the same way.
    disparity_px : ndarray, (Y, X), float32
        Of the surface that covers most of a pixel.
    disparities_px : ndarray, (P,), float32
        Of the planes.
    """

    planes: np.ndarray
    truth: np.ndarray
    disparity_px: np.ndarray
    disparities_px: np.ndarray


def photograph(scene: Scene, lens: ThinLens) -> ThinLensStack:
    """Take the pictures of all planes, and the truth.

    Parameters
    ----------
    scene : Scene
        Its canvases are at least ``lens.canvas_px(...)`` wide.
    lens : ThinLens
        What it is seen through.

    Returns
    -------
    ThinLensStack
    """
    generator = np.random.default_rng(lens.seed)
    side = lens.view_px
    eye = Eye(scene, side)
    low, high = scene.range_px
    widest = max(max(high - d, d - low) for d in lens.disparities_px)
    count = views_for(widest) if lens.views is None else lens.views
    points = lens.aperture.points(count)
    offsets = even_offsets(len(points), generator)
    middle = eye.view(np.zeros(2), np.zeros(2))
    refocuser = Refocuser(side, lens.spread_px, middle.mean((0, 1)))

    focus = np.add.outer(np.array(lens.disparities_px), np.array(lens.chromatic_px))
    planes = refocuser.mean(
        (eye.view(point, offset) for point, offset in zip(points, offsets, strict=True)),
        [focus[..., None] * point + offset for point, offset in zip(points, offsets, strict=True)],
    )
    central = even_offsets(TRUTH_VIEWS, generator)
    truth = refocuser.mean(
        (eye.view(np.zeros(2), offset) for offset in central),
        [np.broadcast_to(offset, (1, 3, 2)) for offset in central],
    )[0]
    first = (side - lens.side_px) // 2
    window = slice(first, first + lens.side_px)
    return ThinLensStack(
        np.ascontiguousarray(planes[:, window, window].clip(min=0)),
        np.ascontiguousarray(truth[window, window].clip(min=0)),
        np.ascontiguousarray(eye.front_disparity()[window, window]),
        np.array(lens.disparities_px, np.float32),
    )
