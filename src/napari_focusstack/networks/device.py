"""The device that networks run on, and their precision (float32 or bfloat16)."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


Net = TypeVar("Net", bound=nn.Module)
#: Functions of torch.cpu that return whether a CPU multiplies bfloat16 in hardware.
CPU_BFLOAT16 = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device of a name, checked to be present.

    Parameters
    ----------
    name : str
        ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Returns
    -------
    torch.device

    Raises
    ------
    InputError
        If the name is unknown or that device is absent.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, present in available.items() if present))
    kind, _, index = name.partition(":")
    if kind not in available or (index and not (kind == "cuda" and index.isdigit())):
        raise InputError(f"device is {name!r}; choose one of {', '.join(DEVICES)}.")
    absent = kind == "cuda" and int(index or 0) >= torch.cuda.device_count()
    if absent or not available[kind]:
        names = ", ".join(kind for kind, present in available.items() if present)
        raise InputError(f"device {name!r} is not on this machine; it has {names}.")
    return torch.device(name)


def available_devices() -> tuple[str, ...]:
    """Return the names of the devices of this machine, "auto" first."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = ["cuda"] if count == 1 else [f"cuda:{number}" for number in range(count)]
    metal = ["mps"] if torch.backends.mps.is_available() else []
    return ("auto", "cpu", *gpus, *metal)


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """Return the context that runs convolutions in bfloat16 where the hardware supports it."""
    if not has_bfloat16(device):
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies bfloat16 in hardware, faster than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        # torch has no public function for this; older or newer versions may lack these.
        known = (getattr(torch.cpu, name, None) for name in CPU_BFLOAT16)
        return any(is_supported() for is_supported in known if is_supported is not None)
    return False


def to_bfloat16(network: Net) -> Net:
    """Return a copy of a network, in bfloat16 where its device supports that, else in float32.

    With all weights in bfloat16 no time is lost to conversions between the layers.
    """
    device = next(network.parameters()).device
    return deepcopy(network).to(torch.bfloat16 if has_bfloat16(device) else torch.float32)
