"""Files are checked before the work and written whole or not at all."""

import os

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.files import check_writable, write_text
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.writing.image import write_image


def test_unknown_suffix_lists_the_good_ones(tmp_path):
    with pytest.raises(InputError, match=r"'\.jpg'; use \.tif, \.tiff, \.png"):
        check_writable(tmp_path / "out.jpg")


def test_missing_folder_is_found_early(tmp_path):
    with pytest.raises(InputError, match="missing does not exist"):
        check_writable(tmp_path / "missing" / "out.tif")


def test_file_in_place_of_the_folder_is_found_early(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(InputError, match="file does not exist"):
        check_writable(tmp_path / "file" / "out.tif")


def test_folder_in_place_of_the_file_is_found_early(tmp_path):
    (tmp_path / "out.tif").mkdir()

    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path / "out.tif")


@pytest.mark.parametrize("locked", ["folder", "file"])
def test_missing_permission_is_found_early(tmp_path, monkeypatch, locked):
    path = tmp_path / "out.tif"
    path.touch()
    # An administrator may write anywhere, so the refusal is staged.
    refused = tmp_path if locked == "folder" else path
    monkeypatch.setattr(os, "access", lambda target, mode: target != refused)

    with pytest.raises(InputError, match=r"not writable|write-protected"):
        check_writable(path)


def test_writable_path_passes_and_nothing_is_created(tmp_path):
    check_writable(tmp_path / "out.tif", dtype="float32")
    check_writable(tmp_path / "report.json", suffixes=(".json",))

    assert list(tmp_path.iterdir()) == []


def test_linked_result_is_replaced_behind_its_link(tmp_path):
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store" / "out.tif", tmp_path / "out.tif"
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("this system does not allow links")

    write_image(link, np.ones((4, 5), np.uint8))

    assert link.is_symlink()
    assert read_image(target).all()


def test_text_replaces_the_old_file_in_utf8(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("older report")

    write_text(path, '{"sigma": "σ"}')

    assert path.read_bytes().decode("utf-8") == '{"sigma": "σ"}'
    assert list(tmp_path.iterdir()) == [path]
