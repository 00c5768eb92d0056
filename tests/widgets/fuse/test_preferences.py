"""What the dock keeps for the next time."""

from napari_focusstack.widgets.fuse import preferences
from napari_focusstack.widgets.fuse.preferences import remember, remembered


def test_what_is_kept_is_there_the_next_time():
    remember("folder", "results")
    assert remembered("folder", "") == "results"


def test_where_napari_has_no_preferences_others_hold_and_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(preferences, "preferred", lambda: None)
    remember("folder", "results")
    assert remembered("folder", "mine") == "mine"
