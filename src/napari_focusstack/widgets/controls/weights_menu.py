"""The weights that a user can choose: shipped, of this session, or in the user's folder."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject, QStandardPaths, Signal

from napari_focusstack.errors import InputError

#: The weights that come with the package, and their title in menus.
SHIPPED, SHIPPED_TITLE = "shipped", "installed"
#: Files that were trained or named since napari began, by network.
_session: dict[str, list[str]] = {}


class _Hub(QObject):
    """Holder of the signal: only Qt objects have signals."""

    changed = Signal(str)


_hub = _Hub()
#: Emitted with the name of the network whose list of weights has changed.
changed = _hub.changed


def user_folder() -> Path:
    """Return the folder of this user's weights; it need not exist."""
    kind = QStandardPaths.StandardLocation.GenericDataLocation
    return Path(QStandardPaths.writableLocation(kind)) / "napari-focusstack"


def known_weights(network: str) -> list[str]:
    """Return the weights of a network: "shipped", this session's files, those in the user's folder.

    Parameters
    ----------
    network : {"fsb", "deb", "meb", "keb"}
        Name of the network.

    Returns
    -------
    list of str
        "shipped" first, then paths of files that exist.
    """
    session = [path for path in _session.get(network, []) if Path(path).is_file()]
    files = sorted(user_folder().glob("*.safetensors"))
    kept = [str(path) for path in files if network_of(path) == network]
    return [SHIPPED, *dict.fromkeys(session + kept)]


def named_weights(network: str) -> list[tuple[str, str]]:
    """Return (title, weights) for a menu: the file's name, or its path where another has that name.

    Parameters
    ----------
    network : {"fsb", "deb", "meb", "keb"}
        Name of the network.
    """
    known = known_weights(network)
    names = [SHIPPED_TITLE if path == SHIPPED else Path(path).name for path in known]
    return [
        (name if names.count(name) == 1 else path, path)
        for name, path in zip(names, known, strict=True)
    ]


def add_weights(network: str, path: str | Path) -> None:
    """Put a file on the list of a network, and notify every widget that shows the list.

    Parameters
    ----------
    network : {"fsb", "deb", "meb", "keb"}
        Name of the network.
    path : path
        File that :func:`napari_focusstack.networks.weights.save` wrote.

    Raises
    ------
    InputError
        If the file is missing, or holds weights of another network or something else.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise InputError(f"the weights {path} are missing; name a file that exists.")
    holds = network_of(path)
    if holds != network:
        raise InputError(
            f"{path} holds weights of {holds or 'an unknown network'}, not of {network}; "
            f"name a file of {network}."
        )
    listed = _session.setdefault(network, [])
    if str(path) not in listed:
        listed.append(str(path))
    changed.emit(network)


def network_of(path: Path) -> str | None:
    """Return the network of a file of weights, without torch; None if the file does not say."""
    from safetensors import SafetensorError, safe_open

    from napari_focusstack.provenance import SOFTWARE
    from napari_focusstack.runtime.schemas import WeightsNote, parse

    try:
        with safe_open(path, framework="np") as weights:
            note = (weights.metadata() or {})[SOFTWARE]
        return parse(note, WeightsNote, f"{path} holds no settings of a network")["network"]
    except (SafetensorError, OSError, ValueError, KeyError):
        return None
