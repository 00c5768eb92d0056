"""Focal stacks of a tilted texture, whose planes are all different."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.imaging.blur import blur


def tilted_stack(count=8, side=96, slope=1.0, noise=0.01, seed=0, flat=None):
    """Planes (side, side) uint8; sigma grows by `slope` px per plane away from focus.

    The focus moves from the left border to the right one, or stays at plane `flat` all over.
    """
    rng = np.random.default_rng(seed)
    field = sum(
        ndimage.gaussian_filter(rng.standard_normal((side, side)), s) * s for s in (1, 2, 6)
    )
    texture = torch.from_numpy(0.5 + 0.4 * np.tanh(field)).float()
    sigmas = np.arange(0, count * slope + 1, 0.5)
    levels = np.stack([blur(texture, float(sigma)).numpy() for sigma in sigmas])
    focus = np.full(side, flat) if flat is not None else np.linspace(-0.5, count - 0.5, side)
    columns = np.arange(side)
    planes = []
    for plane in range(count):
        place = np.abs(focus - plane) * slope / 0.5
        below = np.minimum(place.astype(int), len(sigmas) - 2)
        share = place - below
        image = levels[below, :, columns] * (1 - share)[:, None]
        image = (image + levels[below + 1, :, columns] * share[:, None]).T
        image = image + noise * rng.standard_normal(image.shape)
        planes.append((255 * image).clip(0, 255).round().astype(np.uint8))
    return planes


@pytest.fixture(scope="session")
def make_stack():
    """Renders a stack: make_stack(count, side=..., slope=..., noise=..., seed=..., flat=...)."""
    return tilted_stack


@pytest.fixture
def stack():
    """Eight planes of 96 px, nothing wrong with them."""
    return tilted_stack()
