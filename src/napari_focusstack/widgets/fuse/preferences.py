"""What the dock keeps for the next time, in the settings of napari."""

from __future__ import annotations

from typing import Any


def preferred() -> Any:
    """Return the Preferences of this plugin; None where napari has not loaded them."""
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings("napari-focusstack").fusing
    except KeyError:
        return None


def remember(name: str, value: Any) -> None:
    """Keep a value for the next time."""
    kept = preferred()
    if kept is not None:
        setattr(kept, name, value)


def remembered(name: str, otherwise: Any) -> Any:
    """Return a value that was kept, or another one where napari has not loaded the Preferences."""
    kept = preferred()
    return otherwise if kept is None else getattr(kept, name)
