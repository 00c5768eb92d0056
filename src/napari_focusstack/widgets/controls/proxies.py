"""napari's own objects, without the proxies that it hands to docks of plugins."""

from __future__ import annotations

from typing import Any


def unwrapped(handed: Any) -> Any:
    """Return an object of napari as napari itself knows it.

    A dock is handed proxies. They equal what they stand for, but are of another type, and another
    object at each access.
    """
    return getattr(handed, "__wrapped__", handed)
