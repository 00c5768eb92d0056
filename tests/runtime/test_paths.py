"""Paths that name one file, and paths that name none."""

import os
import sys
from pathlib import Path

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.runtime.paths import check_apart, check_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with an image and links to it."""
    monkeypatch.chdir(tmp_path)
    Path("in.tif").write_text("pixels")
    Path("link.tif").symlink_to("in.tif")
    Path("hard.tif").hardlink_to("in.tif")
    Path("inside").mkdir()
    Path("inside/back.tif").symlink_to("../in.tif")
    Path("round").symlink_to(".")
    Path("dangling.tif").symlink_to("new.tif")
    return tmp_path


SAME = ["in.tif", "./in.tif", "link.tif", "hard.tif", "inside/back.tif", "round/in.tif",
        "inside/../in.tif"]  # fmt: skip


@pytest.mark.parametrize("output", SAME)
@pytest.mark.parametrize("form", [Path, lambda name: Path.cwd() / name])
def test_an_input_is_never_an_output(folder, output, form):
    with pytest.raises(InputError, match="is read, so it cannot be written"):
        check_apart([Path("new.tif"), form(output)], [Path("other.tif"), Path("in.tif")])


@pytest.mark.parametrize("output", [*SAME[1:], "IN.tif"])
def test_two_outputs_are_never_one_file(folder, output):
    with pytest.raises(InputError, match=r"are one file|to hold two results"):
        check_apart([Path("in.tif"), Path(output)])


@pytest.mark.parametrize(
    "output", ["new.tif", "NEW.TIF", "./new.tif", "dangling.tif", "round/new.tif"]
)
def test_two_new_outputs_are_never_one_file(folder, output):
    with pytest.raises(InputError, match=r"are one file|to hold two results"):
        check_apart([folder / "new.tif", Path(output)])


def test_names_with_accents_in_either_form_are_one_file(folder):
    with pytest.raises(InputError, match="are one file"):
        check_apart([Path("caf\u00e9.tif"), Path("cafe\u0301.tif")])


def test_nothing_lies_in_what_is_written_or_read(folder):
    Path("old.zarr").mkdir()
    Path("old.zarr/plane.tif").touch()
    with pytest.raises(InputError, match=r"plane\.tif lies in old\.zarr"):
        check_apart([Path("old.zarr")], [Path("old.zarr/plane.tif")])
    with pytest.raises(InputError, match=r"out\.tif lies in .*old\.zarr"):
        check_apart([Path("old.zarr/out.tif"), folder / "old.zarr"])
    with pytest.raises(InputError, match=r"out\.tif lies in round/old\.zarr"):
        check_apart([Path("old.zarr/out.tif")], [Path("round/old.zarr")])


def test_files_of_their_own_pass(folder):
    outputs = [Path("out.tif"), Path("inside/out.tif"), Path("out.json"), folder / "depth.tif"]
    check_apart(outputs, [Path("in.tif"), Path("link.tif")])


def test_only_a_file_is_read(folder):
    os.mkfifo("pipe.tif")
    Path("loop.tif").symlink_to("loop.tif")
    check_file(Path("link.tif"))
    for name, why in (
        ("inside", "is a folder"),
        ("gone.tif", "does not exist"),
        ("in.tif/gone.tif", "does not exist"),
        ("pipe.tif", "is a pipe"),
        ("/dev/null", "is a pipe or a device"),
        ("loop.tif", "Too many levels"),
        ("x" * 256, "too long"),
    ):
        with pytest.raises(InputError, match=why):
            check_file(Path(name))
