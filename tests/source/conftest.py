"""A stack of three blurs of noise, and the SEB that comes with the package."""

import numpy as np
import pytest
import torch

from napari_focusstack.imaging.blur import blur
from napari_focusstack.networks import weights
from napari_focusstack.planes.focal_stack import FocalStack


@pytest.fixture(scope="session")
def network():
    return weights.load("seb", torch.device("cpu"))[0]


@pytest.fixture(scope="session")
def stack():
    noise = torch.rand(1, 3, 250, 420, generator=torch.Generator().manual_seed(0))
    planes = [blur(noise, sigma)[0].permute(1, 2, 0).numpy() for sigma in (0.5, 1.5, 4.0)]
    planes = [(255 * plane).astype(np.uint8) for plane in planes]
    return FocalStack(planes, "auto", torch.device("cpu"), 2**30)
