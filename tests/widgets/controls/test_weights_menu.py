"""The list of weights that widgets share."""

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.widgets.controls import weights_menu
from napari_focusstack.widgets.controls.weights_menu import (
    add_weights,
    known_weights,
    named_weights,
)


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """The user's folder, which is not there yet, and no session."""
    monkeypatch.setattr(weights_menu, "user_folder", lambda: tmp_path / "kept")
    monkeypatch.setattr(weights_menu, "_session", {})
    return tmp_path / "kept"


def write(path, network=None):
    path.parent.mkdir(exist_ok=True)
    weights.save(network or FSB(8, (2, 4)), path)
    return path


def test_the_shipped_weights_are_always_there():
    assert known_weights("fsb") == known_weights("keb") == ["shipped"]


def test_an_added_file_is_listed_once_for_its_network_and_told_to_all(qtbot, tmp_path):
    path = write(tmp_path / "mine.safetensors")
    for _ in range(2):
        with qtbot.waitSignal(weights_menu.changed, timeout=1000) as signal:
            add_weights("fsb", path)
        assert signal.args == ["fsb"]
    assert known_weights("fsb") == ["shipped", str(path)]
    assert known_weights("keb") == ["shipped"]


def test_files_of_earlier_sessions_come_last_and_by_network(kept, tmp_path):
    old = write(kept / "b.safetensors")
    older = write(kept / "a.safetensors")
    other = write(kept / "keb.safetensors", KEB(8))
    (kept / "damaged.safetensors").write_bytes(b"no weights")
    new = write(tmp_path / "mine.safetensors")
    add_weights("fsb", new)
    assert known_weights("fsb") == ["shipped", str(new), str(older), str(old)]
    add_weights("fsb", old)
    assert known_weights("fsb") == ["shipped", str(new), str(old), str(older)]
    assert known_weights("keb") == ["shipped", str(other)]


def test_titles_are_names_of_files_unless_two_share_one(kept, tmp_path):
    one, two = write(tmp_path / "mine.safetensors"), write(kept / "mine.safetensors")
    add_weights("fsb", one)
    other = write(kept / "other.safetensors")
    assert named_weights("fsb") == [
        ("installed", "shipped"),
        (str(one), str(one)),
        (str(two), str(two)),
        ("other.safetensors", str(other)),
    ]


def test_a_file_that_is_gone_is_listed_no_more(tmp_path):
    path = write(tmp_path / "mine.safetensors")
    add_weights("fsb", path)
    path.unlink()
    assert known_weights("fsb") == ["shipped"]


def test_a_file_that_is_not_what_it_should_be_is_refused(qtbot, tmp_path):
    keb = write(tmp_path / "keb.safetensors", KEB(8))
    text = tmp_path / "text.safetensors"
    text.write_text("no weights")
    with qtbot.assertNotEmitted(weights_menu.changed):
        for path, told in (
            (keb, "keb.safetensors holds weights of keb, not of fsb"),
            (text, "text.safetensors holds weights of an unknown network"),
            (tmp_path / "none.safetensors", "none.safetensors are missing"),
        ):
            with pytest.raises(InputError, match=told):
                add_weights("fsb", path)
    assert known_weights("fsb") == ["shipped"]
