"""Nothing leaves the device within a network: a tensor without memory could not be read."""

import pytest
import torch

from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.networks.meb import FEATURES, MEB
from napari_focusstack.networks.seb import SEB
from napari_focusstack.source.choice import choose

META = torch.device("meta")


def on_meta(*shape):
    return torch.empty(shape, device=META)


EMPTY = {
    "FSB": (FSB(width=8), (on_meta(1, 6, 64, 64),)),
    "KEB": (KEB(width=8), (on_meta(1, 7, 64, 64),)),
    "DEB": (DEB(width=8), (on_meta(1, 5, 42, 32, 32),)),
    "MEB": (MEB(width=8), (on_meta(1, FEATURES, 64, 64),)),
    "SEB": (SEB(width=8), (on_meta(1, 5, 3, 64, 64), on_meta(1))),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_network_reads_nothing_back_from_the_device(name):
    network, inputs = EMPTY[name]
    with torch.no_grad():
        assert network.to(META)(*inputs).device == META


def test_the_choice_of_sources_reads_nothing_back_from_the_device():
    planes, logs = on_meta(5, 3, 64, 64), on_meta(5, 64, 64)
    with torch.no_grad():
        choice = choose(planes, planes, logs, 0.01, "none")
    assert choice.source.device == META
