"""The command `evaluate`: scores of cases and of other programs' images."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_focusstack.commands.main import main
from napari_focusstack.evaluation.truth_metrics import psnr
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.writing.image import write_image


def test_simulated_cases_are_evaluated_by_the_command(run, tmp_path, networks):
    words = ["--count", 2, "--side", 64, "--sigma", 2, 3]
    assert run("simulate", "-o", tmp_path / "cases", *words).returncode == 0
    done = run("evaluate", tmp_path / "cases", "--report", tmp_path / "scores.json", *networks)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "scores.json").read_text())
    images = ["none", "subtract", "unmix"]
    assert [(row["case"], row["image"]) for row in rows] == [
        (case, image) for case in ("0001", "0002", "mean") for image in images
    ]
    first, second, mean = (row["psnr"] for row in rows if row["image"] == "unmix")
    assert mean == pytest.approx((first + second) / 2)
    assert "mean_iou" in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[0].split()[:3] == ["case", "image", "psnr"]


@pytest.fixture
def cases(tmp_path, make_scene, fsb_weights, keb_weights, monkeypatch):
    """Two small cases in cases/, images of another program in theirs/; options of networks."""
    monkeypatch.chdir(tmp_path)
    for folder in ("cases", "theirs"):
        (tmp_path / folder).mkdir()
    scene = make_scene(3.0, side=96)
    near, far = scene.planes()
    truth = replace(scene, near=scene.truth).planes()[0]
    for name in ("a", "b"):
        for kind, image in {"near": near, "far": far, "truth": truth}.items():
            write_image(tmp_path / "cases" / f"{name}-{kind}.png", image)
        write_image(tmp_path / "theirs" / f"{name}.png", far)
    return ["--fsb-weights", str(fsb_weights), "--keb-weights", str(keb_weights)]


def test_images_of_another_program_are_scored_tabled_and_shown(cases, capsys):
    options = ["--images", "theirs=theirs", "--report", "x.csv", "--sheet", "x.png"]
    assert main(["evaluate", "cases", *options, *cases]) == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader(Path("x.csv").read_text().splitlines()))
    images = ["none", "subtract", "unmix", "theirs"]
    assert [(row["case"], row["image"]) for row in rows] == [
        (case, image) for case in ("a", "b", "mean") for image in images
    ]
    far, truth = (read_image(f"cases/a-{kind}.png") for kind in ("far", "truth"))
    theirs = rows[3]
    assert float(theirs["psnr"]) == pytest.approx(psnr(far, truth))
    assert float(rows[2]["tr"]) > float(theirs["tr"]) + 5
    assert theirs["seconds"] == ""
    assert float(rows[10]["psnr"]) == pytest.approx(float(rows[2]["psnr"]))  # of equal cases
    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["case", "image"], *([row["case"], row["image"]] for row in rows)
    ]  # fmt: skip
    sheet = read_image("x.png")
    assert sheet.dtype == np.uint8
    # Two rows of near, far, four fused images and the truth, 64 px magnified three times.
    assert sheet.shape == (2 * (192 + 16), 7 * (192 + 2), 3)


def test_images_may_be_given_of_several_programs(cases):
    Path("b-program").mkdir()
    for name in ("a", "b"):
        image = read_image(f"cases/{name}-truth.png")
        image[0, 0] ^= 255
        write_image(f"b-program/{name}.tif", image)
    options = ["--images", "theirs=theirs", "--images", "his=b-program", "--psf", "3"]
    assert main(["evaluate", "cases", *options, "--report", "x.json", *cases]) == 0
    rows = json.loads(Path("x.json").read_text())
    assert [row["image"] for row in rows[:5]] == ["none", "subtract", "unmix", "theirs", "his"]
    assert rows[4]["psnr"] > rows[2]["psnr"] > rows[3]["psnr"]


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--images", "unmix=theirs"], "unmix=theirs"),
        (["--images", "none=theirs"], "none=theirs"),
        (["--images", "subtract=theirs"], "subtract=theirs"),
        (["--images", "near=theirs"], "near=theirs"),
        (["--images", "far=theirs"], "far=theirs"),
        (["--images", "truth=theirs"], "truth=theirs"),
        (["--images", "theirs"], "NAME=DIR"),
        (["--images", "=theirs"], "NAME=DIR"),
        (["--images", "theirs="], "NAME=DIR"),
        (["--images", "theirs=nowhere"], "nowhere is not a folder"),
        (["--images", "theirs=cases"], "a.png of case a"),
        (["--report", "x.txt"], ".csv, .json"),
        (["--sheet", "x.jpg"], ".png"),
        (["--sheet", "nowhere/x.png"], "nowhere"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_one_line(cases, capsys, option, named):
    before = sorted(Path().rglob("*"))
    assert main(["evaluate", "cases", *option, *cases]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("napari-focusstack: error: ")
    assert said.err.count("\n") == 1
    assert named in said.err
    assert said.out == ""
    assert sorted(Path().rglob("*")) == before
