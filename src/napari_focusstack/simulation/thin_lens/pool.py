"""Rendered scenes on disk: drawn once, read many times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.files import replacing
from napari_focusstack.simulation.thin_lens.lens import photograph
from napari_focusstack.simulation.thin_lens.specimens import SceneParameters, draw_lens, draw_scene

if TYPE_CHECKING:
    from pathlib import Path

    from napari_focusstack.simulation.material import SourceImages

#: Steps of 16 bits.
FULL_SCALE = 65535


@dataclass(frozen=True)
class PooledScene:
    """A rendered scene as it lies on disk: free of noise, coded for display.

    Parameters
    ----------
    planes : ndarray, (P, Y, X, 3), uint16
        Coded as sRGB, nearest first; what is brighter than the sensor holds is clipped.
    truth : ndarray, (Y, X, 3), uint16
        The same of the view through a pinhole.
    disparity_px : ndarray, (Y, X), float16
        Of the surface that covers most of a pixel.
    disparities_px : ndarray, (P,), float32
        Of the planes.
    """

    planes: np.ndarray
    truth: np.ndarray
    disparity_px: np.ndarray
    disparities_px: np.ndarray


def render(material: SourceImages, seed: int, parameters: SceneParameters) -> PooledScene:
    """Draw the scene of a seed, its lens and its pictures.

    Parameters
    ----------
    material : SourceImages
        Photos, shapes and cutouts.
    seed : int
        The same gives the same pixels.
    parameters : SceneParameters
        Which scenes.

    Returns
    -------
    PooledScene
    """
    generator = np.random.default_rng(seed)
    lens = draw_lens(parameters, generator)
    scene = draw_scene(material, lens, parameters, generator)
    stack = photograph(scene, replace(lens, seed=seed))
    return PooledScene(
        coded(stack.planes),
        coded(stack.truth),
        stack.disparity_px.astype(np.float16),
        stack.disparities_px,
    )


def coded(light: np.ndarray) -> np.ndarray:
    """Code linear light as sRGB in 16 bits; what is brighter than 1 is clipped."""
    kept = light.clip(0, 1)
    curve = np.where(kept <= 0.0031308, 12.92 * kept, 1.055 * kept ** (1 / 2.4) - 0.055)
    steps: np.ndarray = (curve * FULL_SCALE).round().astype(np.uint16)
    return steps


def save(scene: PooledScene, path: Path) -> None:
    """Write a scene whole, or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **vars(scene))


def load(path: Path) -> PooledScene:
    """Read a scene."""
    with np.load(path) as stored:
        return PooledScene(**{name: stored[name] for name in stored.files})
