"""Trained weights: safetensors files that name their network, checked by their SHA-256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from napari_focusstack.errors import InputError
from napari_focusstack.networks.deb import DEB
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.networks.meb import MEB
from napari_focusstack.networks.seb import SEB
from napari_focusstack.networks.teb import TEB
from napari_focusstack.runtime.schemas import ShippedFile, WeightsNote, parse, read_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


Network = FSB | KEB | DEB | MEB | SEB | TEB
NETWORKS: dict[str, type[Network]] = {
    "fsb": FSB,
    "keb": KEB,
    "deb": DEB,
    "meb": MEB,
    "seb": SEB,
    "teb": TEB,
}
#: Weights of a network for some stacks only.
Variant = Literal["", "pairs"]
REGISTRY = "registry.json"
#: The only key of a file's metadata: several would be stored in random order, and change the hash.
METADATA = "napari-focusstack"
#: Most settings of a network, and greatest value. Convention: ours are 9, and 64.
MAX_SETTINGS, MAX_SETTING = 64, 1024


def shipped_folder() -> Path:
    """Return the folder of the shipped weights: inside an installed package, or beside ``src``."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parents[1] / "weights"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@overload
def load(
    network: Literal["fsb"], device: torch.device, path: str | Path | None = None
) -> tuple[FSB, str]: ...


@overload
def load(
    network: Literal["keb"], device: torch.device, path: str | Path | None = None
) -> tuple[KEB, str]: ...


@overload
def load(
    network: Literal["deb"],
    device: torch.device,
    path: str | Path | None = None,
    variant: Variant = "",
) -> tuple[DEB, str]: ...


@overload
def load(
    network: Literal["meb"], device: torch.device, path: str | Path | None = None
) -> tuple[MEB, str]: ...


@overload
def load(
    network: Literal["seb"], device: torch.device, path: str | Path | None = None
) -> tuple[SEB, str]: ...


@overload
def load(
    network: Literal["teb"], device: torch.device, path: str | Path | None = None
) -> tuple[TEB, str]: ...


@overload
def load(
    network: str, device: torch.device, path: str | Path | None = None, variant: Variant = ""
) -> tuple[Network, str]: ...


def load(
    network: str, device: torch.device, path: str | Path | None = None, variant: Variant = ""
) -> tuple[Network, str]:
    """Load a trained network.

    Parameters
    ----------
    network : {"fsb", "keb", "deb", "meb", "seb", "teb"}
        Name of the network.
    device : torch.device
        Device on which it runs.
    path : path, optional
        A safetensors file written by :func:`save`. The shipped weights if not given.
    variant : {"", "pairs"}
        Which shipped weights: those of DEB for pairs were trained further, mostly on pairs.

    Returns
    -------
    network : FSB, KEB, DEB, MEB, SEB or TEB
        In evaluation mode.
    sha256 : str
        SHA-256 of the file, for the record of a result.

    Raises
    ------
    InputError
        If the file is missing, damaged, altered (shipped weights), or of another network.
    """
    if path is None:
        file, expected = _shipped(f"{network}_{variant}" if variant else network)
    else:
        file, expected = Path(path), None
    if not file.is_file():
        remedy = "install the package again" if path is None else "name a file that exists"
        raise InputError(f"the weights {file} are missing; {remedy}.")
    actual = sha256(file)
    if expected is not None and actual != expected:
        raise InputError(
            f"the weights {file} are not those that were shipped (sha256 {actual[:12]}..., not "
            f"{expected[:12]}...); install the package again."
        )
    is_shipped = expected is not None
    return _read(file, network, is_shipped=is_shipped).to(device).eval(), actual


def _shipped(name: str) -> tuple[Path, str]:
    """Return the file of shipped weights and its SHA-256, from the registry."""
    registry = shipped_folder() / REGISTRY
    if not registry.is_file():
        raise InputError(f"the list of weights {registry} is missing; install the package again.")
    try:
        entry = read_json(registry, dict[str, ShippedFile], "list of weights")[name]
    except (InputError, KeyError) as error:
        raise InputError(
            f"the list of weights {registry} is damaged or lacks {name}; install the package again."
        ) from error
    return registry.parent / entry["file"], entry["sha256"]


def _read(file: Path, network: str, *, is_shipped: bool) -> Network:
    """Build a network from a safetensors file."""
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as weights:
            note = (weights.metadata() or {}).get(METADATA)
            state = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{file} is not a whole safetensors file ({error}); train or install it again."
        ) from error
    if note is None:
        raise InputError(
            f"{file} holds weights of an unknown network, not of {network}; name a file of "
            f"{network}."
        )
    metadata = parse(note, WeightsNote, f"{file} does not fit this version of {network}")
    if metadata["network"] != network:
        raise InputError(
            f"{file} holds weights of {metadata['network']}, not of {network}; name a file of "
            f"{network}."
        )
    try:
        settings: dict[str, Any] = metadata["config"]
        if not is_shipped:
            _check_shapes(network, settings, state)
        with torch.random.fork_rng(devices=[]):  # the random numbers of the caller stay
            model: Network = NETWORKS[network](**settings)
        model.load_state_dict(state)
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{file} does not fit this version of {network}; train it again, or install the "
            "version that wrote it."
        ) from error
    if not all(tensor.isfinite().all() for tensor in state.values()):
        raise InputError(f"{file} holds NaN or infinite weights; train or install it again.")
    # the type hints of torch lack memory_format
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _check_shapes(network: str, config: dict[str, Any], state: dict[str, Tensor]) -> None:
    """Raise ValueError if weights do not fit the settings of a network; nothing takes memory.

    It takes seconds, because torch imports its compiler for it. Shipped weights have their hash.
    """
    import torch

    numbers = [
        number
        for setting in config.values()
        for number in (setting if isinstance(setting, list) else [setting])
    ]
    if len(numbers) > MAX_SETTINGS or not all(0 < number <= MAX_SETTING for number in numbers):
        raise ValueError(f"settings {numbers}")
    with torch.device("meta"):
        empty = NETWORKS[network](**config).state_dict()
    if {name: one.shape for name, one in empty.items()} != {n: t.shape for n, t in state.items()}:
        raise ValueError("weights of other shapes")


def save(model: nn.Module, path: Path) -> str:
    """Write a network's weights, with its name and the settings that build it.

    Parameters
    ----------
    model : FSB, KEB, DEB, MEB, SEB or TEB
        The network.
    path : Path
        Ends in ``.safetensors``. The file is written whole or not at all.

    Returns
    -------
    str
        SHA-256 of the file.
    """
    from safetensors.torch import save_file

    from napari_focusstack.files import replacing

    network = next(name for name, kind in NETWORKS.items() if isinstance(model, kind))
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    metadata = json.dumps({"network": network, "config": model.config})
    with replacing(path) as temporary:
        save_file(state, temporary, {METADATA: metadata})
    return sha256(path)
