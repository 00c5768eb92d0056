"""The lattice approximates a dense Gaussian over scattered points."""

import numpy as np
import pytest
import torch

from napari_focusstack.segmentation.permutohedral import LatticeGaussian


@pytest.mark.parametrize("dims", [2, 3, 5])
def test_the_lattice_filters_like_the_dense_gaussian(dims):
    rng = np.random.default_rng(dims)
    points = rng.uniform(0, 4, (800, dims)).astype(np.float32)
    values = np.sin(points[:, 0]).astype(np.float32)
    distance = ((points[:, None] - points[None]) ** 2).sum(-1)
    kernel = np.exp(-distance / 2)
    norm = 1 / np.sqrt(kernel.sum(1))
    dense = norm * (kernel @ (norm * values))
    lattice = LatticeGaussian(torch.from_numpy(points)).filter(torch.from_numpy(values))
    assert np.sqrt(np.mean((lattice.numpy() - dense) ** 2)) < 0.14 * dense.std()
