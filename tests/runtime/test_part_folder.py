"""Hidden folders of unfinished outputs."""

import contextlib
import subprocess
import sys
import threading

import pytest

from napari_focusstack.runtime.part_folder import LOCK, OLD, PREFIX, SUFFIX, part_folder, sweep


def test_a_part_folder_is_hidden_and_gone_at_the_end_with_all_that_is_in_it(tmp_path):
    with part_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".")
        (folder / "half.tif").touch()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_the_living_stay(tmp_path):
    with part_folder(tmp_path) as first, part_folder(tmp_path) as second:
        (first / "half.tif").touch()
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([first, second])
        assert (first / "half.tif").exists()


AT_WORK = """
import os, sys
from pathlib import Path
from napari_focusstack.runtime.part_folder import part_folder
with part_folder(Path(sys.argv[1])) as folder:
    (folder / "half.tif").touch()
    print("at work", flush=True)
    sys.stdin.readline()
    os._exit(9)  # no clean-up, as after a kill
"""


def test_what_another_process_writes_stays_as_long_as_it_lives(tmp_path):
    other = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        other.stdout.readline()
        (theirs,) = tmp_path.iterdir()
        with part_folder(tmp_path):
            assert (theirs / "half.tif").exists()
        other.stdin.write("die\n")
    assert other.returncode == 9
    assert list(tmp_path.iterdir()) == [theirs]
    with part_folder(tmp_path) as ours:
        assert list(tmp_path.iterdir()) == [ours]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("replaced", [False, True])
def test_what_a_dead_process_set_aside_takes_its_place_again(tmp_path, replaced):
    left = tmp_path / f"{PREFIX}0f{SUFFIX}"
    (left / f"cells.zarr{OLD}").mkdir(parents=True)
    (left / f"cells.zarr{OLD}" / "zarr.json").write_text("old")
    (left / LOCK).touch()
    if replaced:
        (tmp_path / "cells.zarr").mkdir()
        (tmp_path / "cells.zarr" / "zarr.json").write_text("new")

    sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["cells.zarr"]
    assert (tmp_path / "cells.zarr" / "zarr.json").read_text() == ("new" if replaced else "old")


def test_folders_of_others_are_left_alone(tmp_path):
    for name in (".download.part", f"{PREFIX}mine{SUFFIX}", ".batch-0f.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    sweep(tmp_path)
    assert len(list(tmp_path.rglob("file"))) == 3


def test_many_at_once_do_not_sweep_each_other(tmp_path):
    lost = []

    def work():
        for _ in range(20):
            with part_folder(tmp_path) as folder:
                (folder / "half.tif").touch()
                sweep(tmp_path)
                if not (folder / "half.tif").exists():
                    lost.append(folder)

    threads = [threading.Thread(target=work) for _ in range(4)]
    with contextlib.ExitStack() as ended:
        for thread in threads:
            thread.start()
            ended.callback(thread.join)
    assert lost == []
    assert list(tmp_path.iterdir()) == []
