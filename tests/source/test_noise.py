import numpy as np
import torch

from napari_focusstack.planes.focal_stack import FocalStack
from napari_focusstack.source.noise import estimate_noise


def test_noise_is_found_where_the_planes_show_least():
    chance = np.random.default_rng(0)
    smooth = np.linspace(40, 160, 128) + np.linspace(0, 40, 128)[:, None]
    smooth[:, :40] += 30 * chance.random((128, 40))

    def noise_of(deviation):
        noisy = [smooth + chance.normal(0, deviation, smooth.shape) for _ in range(3)]
        planes = [plane.clip(0, 255).astype(np.uint8) for plane in noisy]
        return estimate_noise(FocalStack(planes, "srgb", torch.device("cpu"), 2**30))

    quiet, loud = noise_of(0), noise_of(5)
    assert quiet < 0.01
    assert 0.06 < loud < 0.12  # 5 / 255 times the gain of the Laplacian, less in the quietest tenth
