"""The command writes slabs as a stack, and refuses outputs of one image beside them."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusstack.commands.main import main


@pytest.fixture
def stack(tmp_path, make_focal_stack, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planes = np.stack(make_focal_stack(5, 1.0).planes("uint16", grey=True))
    tifffile.imwrite("s.tif", planes, metadata={"axes": "ZYX"})
    Path("r.tif").write_text("{}")


def test_slabs_are_written_and_counted(stack, capsys):
    words = ["--slab", "3:1", "--elimination", "none", "--report", "r.json"]
    assert main(["fuse", "s.tif", "-o", "out.tif", *words]) == 0
    assert capsys.readouterr().out == "out.tif: 2 slabs of 3 planes, 1 of them shared\n"
    assert tifffile.imread("out.tif").shape == (2, 96, 96)
    record = json.loads(Path("r.json").read_text())
    assert record["slabs"]["planes"] == [[1, 3], [3, 5]]
    assert record["input"] == {"planes": ["s.tif"]}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--slab", "1:0"], "two planes or more"),
        (["--slab", "3:3"], "an overlap below"),
        (["--slab", "three"], "such as 10:3"),
        (["--slab", "3:1", "--save-depth", "d.tif"], "leave out --save-depth"),
        (["--slab", "3:1", "--planes", "4:9"], "give 1 to 5"),
        (["--slab", "3:1", "--project", "max"], "give one of them"),
        (["--slab", "3:1", "--registration", "r.tif", "-o", "r.tif"], "r.tif is read"),
        (["--slab", "3:1", "--report", "./out.json", "-o", "s.tif"], "s.tif"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(stack, capsys, words, named):
    assert main(["fuse", "s.tif", "-o", "out.tif", *words]) == 2
    assert named in capsys.readouterr().err
    assert not Path("out.tif").exists()
