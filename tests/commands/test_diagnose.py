"""The command names the best plane of many stacks, and one that cannot be read stops none."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from napari_focusstack.commands.main import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two stacks of five planes, in focus in plane 2 and 4, and a picture."""
    monkeypatch.chdir(tmp_path)
    surface = gaussian_filter(np.random.default_rng(0).random((96, 96)), 0.8)
    for name, focus in (("a", 1), ("b", 3)):
        planes = [
            gaussian_filter(surface, 0.5 + 0.7 * abs(plane - focus - 0.2)) for plane in range(5)
        ]
        data = (60000 * np.stack(planes)).astype(np.uint16)
        tifffile.imwrite(f"{name}.tif", data, metadata={"axes": "ZYX"})
    tifffile.imwrite("one.tif", np.zeros((20, 20), np.uint8))
    return tmp_path


def test_best_planes_and_curves_are_written_as_tables(folder, capsys):
    assert main(["diagnose", "[ab].tif", "-o", "best.csv", "--curves", "curves.csv"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in said] == ["a.tif: best plane 2", "b.tif: best plane 4"]
    best = list(csv.DictReader(Path("best.csv").read_text().splitlines()))
    assert [(row["source"], row["best_plane"]) for row in best] == [("a.tif", "2"), ("b.tif", "4")]
    assert float(best[0]["focus_plane"]) == pytest.approx(2.2, abs=0.1)
    curves = list(csv.DictReader(Path("curves.csv").read_text().splitlines()))
    assert len(curves) == 10
    of_b = [float(row["sharpness"]) for row in curves if row["source"] == "b.tif"]
    assert int(np.argmax(of_b)) == 3


def test_findings_are_printed_below_their_stack(folder, capsys):
    planes = tifffile.imread("a.tif")
    tifffile.imwrite("c.tif", planes[[0, 1, 2, 2, 3, 4]], metadata={"axes": "ZYX"})
    assert main(["diagnose", "c.tif"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].strip().startswith("Planes 3 and 4 show the same image")


def test_what_cannot_be_read_gets_a_line_and_code_2_and_stops_no_other(folder, capsys):
    assert main(["diagnose", "*.tif", "-o", "best.csv"]) == 2
    out, err = capsys.readouterr()
    assert "a.tif: best plane 2" in out
    assert "one.tif" in err.splitlines()[0]
    assert "1 of 3 stacks could not be read" in err.splitlines()[1]
    assert len(list(csv.DictReader(Path("best.csv").read_text().splitlines()))) == 2


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-o", "best.txt"], ".csv"),
        (["-o", "t.csv", "--curves", "t.csv"], "two tables"),
        (["--planes", "0:3"], "such as 1,3,5:9 or 3:40:2"),
    ],
)
def test_what_cannot_be_written_or_chosen_is_refused_first(folder, capsys, words, named):
    assert main(["diagnose", "a.tif", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert named in err
