"""Within a block nothing leaves the device: on one without values, each transfer would fail."""

import pytest
import torch

from napari_focusstack.elimination.diffusion import unmix
from napari_focusstack.imaging.psf import Psf
from napari_focusstack.networks import weights
from napari_focusstack.networks.deb import plane_features
from napari_focusstack.source.choice import choose

SIDE = 128
META = torch.device("meta")


def image(*shape):
    return torch.empty(*shape, SIDE, SIDE, device=META)


def network(name):
    return weights.load(name, torch.device("cpu"), None)[0].to(META)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def test_a_tensor_without_values_cannot_leave_the_device():
    with pytest.raises((NotImplementedError, RuntimeError, TypeError)):
        image(1).cpu().numpy()


def test_networks_stay_on_the_device():
    assert network("fsb")(image(1, 6)).shape == (1, 1, SIDE, SIDE)
    features = torch.stack([plane_features(image(1, 3)) for _ in range(4)], 1)
    assert network("deb")(features).shape == (1, 4, SIDE, SIDE)
    noise = torch.empty(1, device=META)
    assert network("seb")(image(1, 4, 3), noise).shape == (1, 4, SIDE, SIDE)


@pytest.mark.parametrize("blend", ["none"])
def test_the_choice_of_sources_stays_on_the_device(blend):
    planes = image(4, 3)
    choice = choose(planes, planes, image(4), 0.01, blend)
    assert choice.source.device == META


def test_elimination_stays_on_the_device():
    near, far, alpha = image(1, 3), image(1, 3), image(1, 1)
    light, evidence = unmix(near, far, alpha, Psf(2.0, 2.0), [(0.0, 0.0)])
    assert light.device == evidence.device == META
