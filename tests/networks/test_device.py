"""Choice of the device and of the precision on it."""

import pytest
import torch

from napari_focusstack.errors import InputError
from napari_focusstack.networks import device
from napari_focusstack.networks.device import autocast, resolve_device


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
