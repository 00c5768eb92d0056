"""Choice of the device and of the precision on it."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.networks import device
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.device import autocast, resolve_device
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.networks.meb import FEATURES, MEB
from napari_focusstack.networks.seb import SEB
from napari_focusstack.source.choice import choose

# A tensor of this device has no memory, so nothing can be read back from it.
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


def test_the_processor_is_always_there():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_the_fastest_device_there_is(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto").type == expected


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cuda:-1", "cpu:0", "mps:1", "tpu:0"])
def test_an_unknown_device_is_refused_with_the_known_ones(name):
    with pytest.raises(InputError, match=f"device is '{name}'; choose one of auto, cpu, cuda, mps"):
        resolve_device(name)


@pytest.mark.parametrize(("name", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2), ("mps", 0)])
def test_an_absent_device_is_refused_with_those_present(monkeypatch, name, count):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    here = "cuda, cpu" if count else "cpu"
    with pytest.raises(InputError, match=f"'{name}' is not on this machine; it has {here}"):
        resolve_device(name)


def test_precision_is_lowered_only_where_the_hardware_has_it(monkeypatch):
    cpu = torch.device("cpu")
    layer = torch.nn.Conv2d(1, 1, 1)
    for has_it, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(device, "has_bfloat16", lambda device, has_it=has_it: has_it)
        with autocast(cpu):
            assert layer(torch.rand(1, 1, 2, 2)).dtype == dtype


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
