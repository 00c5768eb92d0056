"""Planes that moved, rendered with known motions."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_focusstack.imaging.blur import blur
from napari_focusstack.imaging.image_formation import composite_defocused

SIDE, COUNT, PAD = 192, 7, 32
SIZE = (SIDE, SIDE)


def _similarity(down=0.0, along=0.0, degrees=0.0, scale=1.0, size=SIZE):
    """Matrix from (row, column, 1) of the scene to the same point in a plane that moved."""
    centre = (np.array(size) - 1) / 2
    angle = np.radians(degrees)
    rotation_scale = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = rotation_scale, centre - rotation_scale @ centre + (down, along)
    return matrix


def _texture(side, seed):
    """Structure at several scales, (1, side, side), 0 to 1."""
    noise = np.random.default_rng(seed).standard_normal((side, side))
    field = sum(ndimage.gaussian_filter(noise, s) * s for s in (1, 3, 9))
    return torch.from_numpy(0.5 + 0.5 * np.tanh(1.5 * field)).float()[None]


def _stack(motions, *, seed=0, step_px=0.7, occluded=False):
    """Planes of a scene whose focus sweeps through them, (SIDE, SIDE) float32, moved."""
    side = SIDE + 2 * PAD
    light = _texture(side, seed)
    mesh = torch.zeros(1, side, side)
    mesh[:, ::48, :], mesh[:, 1::48, :], mesh[:, :, ::56] = 1, 1, 1
    planes = []
    for number, motion in enumerate(motions):
        plane = blur(light, 0.3 + step_px * abs(len(motions) - 1 - number))
        if occluded:
            plane = composite_defocused(torch.ones(1, 1, 1), mesh, plane, 0.3 + step_px * number)
        back = np.linalg.inv(motion)
        planes.append(
            ndimage.affine_transform(
                plane[0].numpy(), back[:2, :2], back[:2, 2] + PAD, output_shape=SIZE
            )
        )
    return planes


@pytest.fixture(scope="session")
def similarity():
    """Makes the matrix of a motion: similarity(down, along, degrees, scale, size=...)."""
    return _similarity


@pytest.fixture(scope="session")
def stack():
    """Renders planes of a scene that moved: stack(matrices, seed=..., step_px=...)."""
    return _stack


@pytest.fixture(scope="session")
def drift():
    """Matrices of seven planes that drift, turn and breathe."""
    return [
        _similarity(1.7 * n, -1.2 * n + 0.3 * (n % 2), 0.15 * n, 1.004**n) for n in range(COUNT)
    ]
