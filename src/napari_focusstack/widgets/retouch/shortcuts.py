"""Shortcuts of retouching, which napari's shortcut editor lists and changes.

napari ignores the key bindings of a plugin's manifest. Its action manager takes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakSet

from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.action_manager import action_manager
from napari.utils.interactions import Shortcut

from napari_focusstack.widgets.controls.proxies import unwrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Action(NamedTuple):
    """What a key does: its name, the key as shipped, and words for the shortcut editor."""

    name: str
    key: str
    description: str


#: Keys that neither the viewer nor Image and Labels layers use.
ACTIONS = {
    each.name: each
    for each in (
        Action("retouch", "R", "Begin or end retouching: choose by brush which plane is shown"),
        Action("pick_plane", "S", "Pick the plane under the cursor for the brush"),
        Action("paint_plane", "D", "Brush with the plane that the slider shows"),
        Action("blink", "A", "While held, show the plane in place of the fused image"),
        Action("wipe", "W", "Show the plane left of a line, which can be dragged"),
    )
}


class Retouching(Protocol):
    """A dock that the keys act on."""

    viewer: ViewerModel

    def act(self, name: str, *, pressed: bool) -> None:
        """Do what an action says as its key is pressed; and, for blink, as it is released."""


#: Docks that are open.
_docks: WeakSet[Any] = WeakSet()


def identifier(name: str) -> str:
    """Return the name of an action in napari's action manager."""
    return f"napari-focusstack:{name}"


def register(dock: Retouching) -> None:
    """Let the keys act on a dock while its viewer has the focus."""
    _docks.add(dock)
    for action in ACTIONS.values():
        command = _holding(action.name) if action.name == "blink" else _pressing(action.name)
        name = identifier(action.name)
        action_manager.register_action(name, command, action.description, ViewerModel)
        for key in _keys(action):
            action_manager.bind_shortcut(name, key)


def unregister(dock: Retouching) -> None:
    """Let the keys act on a dock no more."""
    _docks.discard(dock)


def described(name: str, text: str) -> str:
    """Return a tooltip with the keys of an action, as the user has set them."""
    keys = " or ".join(Shortcut(key).platform for key in _keys(ACTIONS[name]))
    return f"{text} ({keys})" if keys else text


def on_change(callback: Callable[[], None]) -> None:
    """Call back whenever a shortcut is changed, for as long as the callback's object lives."""
    action_manager.events.shortcut_changed.connect(callback)


def _keys(action: Action) -> list[Any]:
    """Return the keys that the user has set for an action, else the key as shipped."""
    name = identifier(action.name)
    chosen = get_settings().shortcuts.shortcuts.get(name)
    return [action.key] if chosen is None else list(chosen)


def _acting(viewer: Any) -> list[Any]:
    return [dock for dock in list(_docks) if unwrapped(dock.viewer) is viewer]


def _pressing(name: str) -> Callable[[Any], None]:
    def press(viewer: Any) -> None:
        for dock in _acting(viewer):
            dock.act(name, pressed=True)

    press.__name__ = f"focusstack_{name}"
    return press


def _holding(name: str) -> Callable[[Any], Iterator[None]]:
    def hold(viewer: Any) -> Iterator[None]:
        docks = _acting(viewer)
        for dock in docks:
            dock.act(name, pressed=True)
        yield
        for dock in docks:
            dock.act(name, pressed=False)

    hold.__name__ = f"focusstack_{name}"
    return hold
