"""Files are checked before the work and written whole or not at all."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.files import (
    all_or_none,
    check_replaceable,
    check_writable,
    make_folder,
    put_in_place,
    replacing,
    size_of,
    staging_folder,
    write_text,
)
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


def test_what_is_written_under_a_temporary_name_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent.parent == tmp_path
        assert temporary.parent.name.startswith(".")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")

    def broken():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"cannot write .*out\.txt \(No space left on device\)"):
        broken()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def write_set(folder, broken=None):
    """Write three files together; one of them may fail halfway."""
    with all_or_none():
        for name in ("a.txt", "b.txt", "c.txt"):
            with replacing(folder / name) as temporary:
                temporary.write_text("new")
                if name == broken:
                    raise OSError(28, "No space left on device")


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_files_of_a_set_appear_together(tmp_path):
    (tmp_path / "b.txt").write_text("old")
    write_set(tmp_path)
    assert contents(tmp_path) == {"a.txt": "new", "b.txt": "new", "c.txt": "new"}


@pytest.mark.parametrize("broken", ["a.txt", "b.txt", "c.txt"])
def test_where_one_of_a_set_fails_none_appears_and_older_ones_stay(tmp_path, broken):
    (tmp_path / "b.txt").write_text("old")
    with pytest.raises(InputError, match=rf"cannot write .*{broken} \(No space left on device\)"):
        write_set(tmp_path, broken)
    assert contents(tmp_path) == {"b.txt": "old"}


@pytest.mark.parametrize("links", [True, False])
def test_where_one_of_a_set_cannot_be_moved_the_others_are_taken_back(tmp_path, monkeypatch, links):
    (tmp_path / "b.txt").write_text("old")
    move = Path.replace

    def moved(self, target):
        if Path(target).name == "c.txt":
            raise OSError(5, "Input/output error")
        return move(self, target)

    def no_link(self, target):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", moved)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_link)
    with pytest.raises(InputError, match=r"cannot write .*c\.txt \(Input/output error\)"):
        write_set(tmp_path)
    assert contents(tmp_path) == {"b.txt": "old"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_path_that_names_no_file_is_said_before_the_work(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "loop.tif").symlink_to(tmp_path / "loop.tif")
    os.mkfifo(tmp_path / "pipe.tif")
    for name, why in (
        ("loop.tif", "Too many levels of symbolic links"),
        ("a/out.tif", "Too many levels of symbolic links"),
        ("x" * 252 + ".tif", "File name too long"),
        ("nul\0.tif", "null"),
        ("pipe.tif", "is a pipe"),
    ):
        with pytest.raises(InputError, match=why):
            check_writable(tmp_path / name)


def test_a_folder_replaces_an_older_zarr_and_no_other_folder(tmp_path):
    for name in ("new", "old", "photos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    (tmp_path / "old" / "zarr.json").touch()
    with pytest.raises(InputError, match="photos is there and no Zarr group"):
        put_in_place([(tmp_path / "new", tmp_path / "photos")])
    put_in_place([(tmp_path / "new", tmp_path / "old")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "photos"]
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["new"]
    check_replaceable(tmp_path / "nowhere")


def test_a_staging_folder_is_hidden_beside_its_path_and_goes_with_all_that_is_in_it(tmp_path):
    with staging_folder(tmp_path / "cells.tif") as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".cells-")
        (folder / "part").touch()
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_a_folder_is_that_of_all_files_in_it(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(bytes(3))
    (tmp_path / "deep" / "b").write_bytes(bytes(4))
    assert (size_of(tmp_path), size_of(tmp_path / "a")) == (7, 3)


def test_a_folder_is_made_with_those_above_it_or_the_reason_is_said(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot make the folder .*file"):
        make_folder(tmp_path / "file" / "b")
