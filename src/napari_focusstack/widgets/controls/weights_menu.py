"""The weights that a user can choose from: shipped, trained or named in this session, kept."""

from __future__ import annotations

import json
from pathlib import Path

from qtpy.QtCore import QObject, QStandardPaths, Signal

from napari_focusstack.errors import InputError

SHIPPED = "shipped"
#: Files trained or named since napari began, by network.
_session: dict[str, list[str]] = {}


class _Hub(QObject):
    changed = Signal(str)


_hub = _Hub()
#: Emitted with the name of the network whose list has grown.
changed = _hub.changed


def user_folder() -> Path:
    """Return the folder of this user's weights, which need not exist yet."""
    kind = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(kind)) / "napari-focusstack"


def known_weights(network: str) -> list[str]:
    """Return the weights of a network: "shipped", this session's files, those in the user's folder.

    Parameters
    ----------
    network : {"fsb", "deb", "meb", "keb"}
        Whose weights are wanted.

    Returns
    -------
    list of str
        "shipped" first, then paths of files that exist.
    """
    session = [path for path in _session.get(network, []) if Path(path).is_file()]
    kept = sorted(user_folder().glob("*.safetensors"))
    found = [str(path) for path in kept if network_of(path) == network]
    return [SHIPPED, *dict.fromkeys(session + found)]


def named_weights(network: str) -> list[tuple[str, str]]:
    """Return (title, weights) for a menu: the file's name, or its path where another has that name.

    Parameters
    ----------
    network : {"fsb", "deb", "meb", "keb"}
        Whose weights are wanted.
    """
    known = known_weights(network)
    names = [Path(path).name for path in known]
    return [
        (name if names.count(name) == 1 else path, path)
        for name, path in zip(names, known, strict=True)
    ]


def add_weights(network: str, path: str | Path) -> None:
    """Put a file on the list of a network and tell every widget that shows it.

    Parameters
    ----------
    network : {"fsb", "deb", "meb", "keb"}
        Whose weights they are.
    path : path
        Written by :func:`napari_focusstack.networks.weights.save`.

    Raises
    ------
    InputError
        If the file is missing or holds something else.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise InputError(f"the weights {path} are missing; name a file that exists.")
    found = network_of(path)
    if found != network:
        raise InputError(
            f"{path} holds weights of {found or 'an unknown network'}, not of {network}; "
            f"name a file of {network}."
        )
    listed = _session.setdefault(network, [])
    if str(path) not in listed:
        listed.append(str(path))
    changed.emit(network)


def network_of(path: Path) -> str | None:
    """Return which network a file of weights is for, without torch; None if it does not say."""
    from safetensors import SafetensorError, safe_open

    from napari_focusstack.provenance import SOFTWARE

    try:
        with safe_open(path, framework="np") as weights:
            network = json.loads((weights.metadata() or {})[SOFTWARE])["network"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None
    return str(network)
