"""Both commands project, with offsets of several channels."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusstack import read_record
from napari_focusstack.commands.main import main

PLAIN = ["--elimination", "none", "--near", "first", "--device", "cpu"]


@pytest.fixture
def planes(tmp_path, make_focal_stack, monkeypatch):
    monkeypatch.chdir(tmp_path)
    planes = np.stack(make_focal_stack(5, 1.0).planes("uint16", grey=True))
    about = {"axes": "ZCYX", "spacing": 0.5, "unit": "um"}
    tifffile.imwrite("s.tif", np.stack([planes, planes // 2], 1), imagej=True, metadata=about)
    return planes


def test_fuse_writes_the_projection_of_all_channels(planes, capsys):
    words = ["--project", "max", "--above", "9", "--below", "2.5um", "--channel-offset", "2=1um"]
    assert main(["fuse", "s.tif", "-o", "out.tif", *words, "--channel-offset", "1=0", *PLAIN]) == 0
    assert capsys.readouterr().out == "out.tif: max of the planes around the surface\n"
    made = tifffile.imread("out.tif")
    np.testing.assert_array_equal(made, [planes.max(0), planes.max(0) // 2])
    assert read_record("out.tif")["projection"] == {
        "project": "max",
        "above": "9",
        "below": "2.5um",
        "channel_offset": "2=1um,1=0",
    }


def test_batch_names_projections_so(planes):
    words = ["--project", "sum", "--above", "9", "--below", "9", *PLAIN]
    assert main(["batch", "s.tif", "-o", "out", *words]) == 0
    np.testing.assert_array_equal(
        tifffile.imread("out/s_projected.tif")[0], planes.sum(0, dtype=np.uint32)
    )


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--above", "-1"], "give 0 or more"),
        (["--below", "2 miles"], "no unit of length"),
        (["--channel-offset", "nuclei"], "give NAME=DISTANCE"),
        (["--channel-offset", "nuclei=2"], "no channel 'nuclei'"),
        (["--save-source", "x.tif"], "no source image"),
    ],
)
def test_what_cannot_be_projected_is_refused_in_one_line(planes, capsys, words, named):
    assert main(["fuse", "s.tif", "-o", "out.tif", "--project", "max", *words, *PLAIN]) == 2
    assert named in capsys.readouterr().err
    assert not Path("out.tif").exists()
