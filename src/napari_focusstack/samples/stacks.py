"""Sample stacks of more than two planes: opaque layers at several depths and a thin lens.

The sigma of a layer grows linearly with its distance from the plane in focus. The textures are
images inside the package scikit-image, so nothing is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_focusstack.samples.drawing import blades, cover, pebbles
from napari_focusstack.samples.specimen import sample_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


#: Default size: rows and columns, px.
SIZE = (384, 512)
#: Sigma of a layer at a distance of one plane step, px.
SIGMA_PER_PLANE_PX = 0.9
#: Distance between planes and size of a pixel of the microscopy stack, um.
Z_STEP_UM = 2.0
PIXEL_UM = 0.65
#: Camera of the microscopy stack: electrons of the brightest pixel, electrons added as an offset,
#: standard deviation of the read noise in electrons, and grey levels per electron. Convention:
#: values of a typical scientific camera.
FULL_WELL = 12_000
OFFSET = 100
READ_NOISE = 6.0
GAIN = 4.0


@dataclass(frozen=True)
class Layer:
    """One opaque layer of a scene."""

    #: (Y, X, C), linear light, 0 to 1, defined in the whole image.
    light: np.ndarray
    #: (Y, X), 0 to 1, share of a pixel that it covers.
    alpha: np.ndarray
    #: In plane steps; 0 at the first plane.
    depth: float


def colour_stack(size: tuple[int, int] = SIZE, planes: int = 8) -> np.ndarray:
    """Render blades of grass, a specimen with bristles and pebbles in front of tissue.

    Parameters
    ----------
    size : tuple of int
        Height and width, px.
    planes : int
        Number of planes, from the grass to the tissue. Distances grow with it.

    Returns
    -------
    ndarray of uint8, (planes, Y, X, 3)
        sRGB, nearest plane first.

    Examples
    --------
    >>> colour_stack((48, 64)).shape
    (8, 48, 64, 3)
    """
    import torch
    from skimage import data

    from napari_focusstack.imaging.srgb import linear_to_srgb

    specimen, alpha, tissue = sample_layers(size)
    blade = cover(data.grass(), size)[..., None] * np.array([0.45, 0.95, 0.3], np.float32)
    stone = cover(data.gravel(), size)[..., None] * np.array([1.3, 1.1, 0.8], np.float32)
    last = planes - 1
    scene = [
        Layer(_linear(blade), blades(size), 0),
        Layer(_linear(specimen), alpha, last * 2 / 7),
        Layer(_linear(stone), pebbles(size, seed=3), last * 4.5 / 7),
        Layer(_linear(tissue), np.ones(size, np.float32), last),
    ]
    light = photograph(scene, planes)
    return (linear_to_srgb(torch.from_numpy(light)) * 255).round().byte().numpy()


def microscopy_stack(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Render fibres and grains over tissue, with the noise of a microscope camera.

    Parameters
    ----------
    size : tuple of int
        Height and width, px.

    Returns
    -------
    ndarray of uint16, (9, Y, X)
        Linear, nearest plane first, with shot noise and read noise from a fixed seed.

    Examples
    --------
    >>> stack = microscopy_stack((48, 64))
    >>> stack.shape, stack.dtype
    ((9, 48, 64), dtype('uint16'))
    """
    from skimage import data

    tissue = data.immunohistochemistry()[..., 1]
    scene = [
        Layer(0.25 + 0.75 * cover(data.grass(), size)[..., None], blades(size, turned=True), 1),
        Layer(0.2 + 0.8 * cover(data.gravel(), size)[..., None], pebbles(size, seed=5), 3),
        Layer((cover(data.moon(), size)[..., None] - 0.2).clip(0, 1), pebbles(size, seed=8), 5.5),
        Layer(0.6 * cover(tissue, size)[..., None], np.ones(size, np.float32), 8),
    ]
    electrons = photograph(scene, planes=9)[..., 0] * FULL_WELL
    rng = np.random.default_rng(11)
    noisy = rng.poisson(electrons) + rng.normal(OFFSET, READ_NOISE, electrons.shape)
    return np.clip(np.rint(noisy * GAIN), 0, 65535).astype(np.uint16)


def photograph(scene: Sequence[Layer], planes: int) -> np.ndarray:
    """Render each plane of a scene: layers are composited from back to front by Eq. 4.

    Parameters
    ----------
    scene : sequence of Layer
        Nearest first; the last one covers the whole image.
    planes : int
        Number of planes, one plane step apart, the first at depth 0.

    Returns
    -------
    ndarray of float32, (planes, Y, X, C)
        Linear light, 0 to 1.
    """
    import torch

    from napari_focusstack.imaging.blur import blur
    from napari_focusstack.imaging.image_formation import over, premultiply

    *fronts, back = scene
    premultiplied = [
        (premultiply(_tensor(layer.light), _tensor(layer.alpha)), layer.depth) for layer in fronts
    ]
    images = []
    for plane in range(planes):
        image = blur(_tensor(back.light), SIGMA_PER_PLANE_PX * abs(plane - back.depth))
        for layer, depth in reversed(premultiplied):
            image = over(blur(layer, SIGMA_PER_PLANE_PX * abs(plane - depth)), image)
        images.append(image.permute(1, 2, 0))
    return torch.stack(images).clamp(0, 1).numpy()


def _linear(coded: np.ndarray) -> np.ndarray:
    """Decode sRGB values to linear light, float32."""
    import torch

    from napari_focusstack.imaging.srgb import srgb_to_linear

    return srgb_to_linear(torch.from_numpy(coded.clip(0, 1).astype(np.float32))).numpy()


def _tensor(picture: np.ndarray) -> Tensor:
    """Return (Y, X) or (Y, X, C) as a tensor (C, Y, X)."""
    import torch

    return torch.from_numpy(np.atleast_3d(picture).astype(np.float32)).permute(2, 0, 1)
