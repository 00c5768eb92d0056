"""The command, as a user runs it: in a process of its own."""

import csv
import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusstack.commands import main as cli
from napari_focusstack.commands.options import read_parameters
from napari_focusstack.evaluation.truth_metrics import psnr
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_header import find_stacks
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB
from napari_focusstack.networks.keb import KEB
from napari_focusstack.samples.pair import sample_pair
from napari_focusstack.samples.specimen import sample_layers
from napari_focusstack.training.config import TrainParameters

SIZE = (96, 128)


def run(*words):
    """Run the command and return its finished process."""
    command = [sys.executable, "-W", "error", "-m", "napari_focusstack", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def pair(tmp_path):
    """A near, a far and a mask image of a small scene in a folder."""
    near, far, _ = sample_pair(SIZE)
    mask = (sample_layers(SIZE)[1] > 0.5).astype(np.uint8) * 255
    for name, image in {"near": near, "far": far, "mask": mask}.items():
        write_image(tmp_path / f"{name}.png", image)
    return tmp_path


@pytest.fixture
def networks(tmp_path):
    """Options that name tiny untrained networks."""
    weights.save(FSB(8, (2, 4)), tmp_path / "fsb.safetensors")
    weights.save(KEB(8), tmp_path / "keb.safetensors")
    return [
        "--fsb-weights",
        tmp_path / "fsb.safetensors",
        "--keb-weights",
        tmp_path / "keb.safetensors",
    ]


def test_fuse_writes_what_the_api_returns_and_every_side_output(pair):
    done = run(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--labels",
        pair / "mask.png", "--psf", "4", "--save-labels", pair / "labels.tif", "--save-initial",
        pair / "initial.png", "--save-depth", pair / "depth.tif", "--report", pair / "report.json",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    planes = [read_image(pair / f"{name}.png") for name in ("near", "far")]
    result = fuse(planes, labels=read_labels(pair / "mask.png"), psf=4.0)
    assert np.array_equal(read_image(pair / "out.tif"), result.image)
    assert np.array_equal(read_image(pair / "initial.png"), result.initial)
    assert np.array_equal(read_labels(pair / "labels.tif"), result.labels)
    assert np.array_equal(read_image(pair / "depth.tif"), result.depth)
    report = json.loads((pair / "report.json").read_text())
    assert report["found"]["sigma_px"] == 4.0
    assert report["parameters"]["psf"] == "4"
    assert 0 < report["found"]["reblur_residual"] < 0.05


def test_the_output_carries_all_settings_and_the_hash_of_the_weights(pair, networks):
    done = run(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--elimination",
        "subtract", "--psf", "keb", *networks,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = read_record(pair / "out.tif")
    assert record["software"] == "napari-focusstack"
    assert record["parameters"]["elimination"] == "subtract"
    assert record["weights"]["fsb"] == weights.sha256(pair / "fsb.safetensors")


def test_a_folder_of_two_planes_is_a_pair_nearest_first(pair):
    folder = pair / "stack"
    folder.mkdir()
    for number, name in ((2, "near"), (10, "far")):
        (pair / f"{name}.png").rename(folder / f"z{number}.png")
    done = run("fuse", folder, "-o", pair / "out.png", "--labels", pair / "mask.png", "--psf", "4")
    assert done.returncode == 0, done.stderr
    near = read_image(folder / "z2.png")
    inside = np.s_[44:52, 56:64]
    assert np.array_equal(read_image(pair / "out.png")[inside], near[inside])


def bad_inputs():
    """Return (what is wrong, arguments, what the message names)."""
    pair = ("near.png", "far.png")
    return [
        ("one plane", ("near.png",), "single picture"),
        ("a missing file", ("near.png", "nowhere.png"), "nowhere.png"),
        ("an empty file", ("near.png", "empty.png"), "empty.png"),
        ("a truncated file", ("near.png", "cut.png"), "cut.png"),
        ("another size", ("near.png", "small.png"), "(96, 128, 3)"),
        ("another dtype", ("near.png", "deep.png"), "uint16"),
        ("a constant plane", ("near.png", "flat.png"), "constant (7)"),
        ("NaN", ("nan.tif", "nan.tif"), "NaN"),
        ("sigma 0", (*pair, "--psf", "0"), "0.0"),
        ("a negative sigma", (*pair, "--psf=-3"), "-3.0"),
        ("a word for sigma", (*pair, "--psf", "sharp"), "sharp"),
        ("a mask of another shape", (*pair, "--labels", "small_mask.png"), "(32, 32)"),
        ("an unknown device", (*pair, "--device", "quantum"), "quantum"),
        ("an unknown method", (*pair, "--elimination", "magic"), "magic"),
        ("missing weights", (*pair, "--fsb-weights", "gone.safetensors"), "gone.safetensors"),
        ("altered weights", (*pair, "--fsb-weights", "cut.safetensors"), "cut.safetensors"),
    ]


@pytest.fixture
def bad_files(pair):
    """Files that cannot be used beside those of the pair."""
    near = read_image(pair / "near.png")
    (pair / "empty.png").touch()
    (pair / "cut.png").write_bytes((pair / "far.png").read_bytes()[:2000])
    write_image(pair / "small.png", near[:32, :32])
    write_image(pair / "small_mask.png", near[:32, :32, 0] // 255)
    write_image(pair / "deep.png", near.astype(np.uint16) * 257)
    write_image(pair / "flat.png", np.full_like(near, 7))
    nan = near[..., 0].astype(np.float32)
    nan[3, 4] = np.nan
    write_image(pair / "nan.tif", nan)
    weights.save(FSB(8, (2, 4)), pair / "whole.safetensors")
    whole = (pair / "whole.safetensors").read_bytes()
    (pair / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    return pair


@pytest.mark.parametrize(
    ("arguments", "named"), [b[1:] for b in bad_inputs()], ids=[b[0] for b in bad_inputs()]
)
def test_bad_input_gets_one_line_and_code_2_and_leaves_nothing(
    bad_files, monkeypatch, capsys, arguments, named
):
    from napari_focusstack.commands.main import main

    monkeypatch.chdir(bad_files)
    before = sorted(bad_files.iterdir())
    assert main(["fuse", *arguments, "-o", "out.tif"]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert said.err.startswith("napari-focusstack: error: ")
    assert named in said.err
    assert said.out == ""
    assert sorted(bad_files.iterdir()) == before


@pytest.mark.parametrize("output", ["missing/out.tif", "near.png/out.tif", "out.jpg", "out"])
def test_an_unwritable_output_is_refused_before_any_work(pair, monkeypatch, capsys, output):
    from napari_focusstack.commands.main import main

    monkeypatch.chdir(pair)
    assert main(["fuse", "near.png", "far.png", "-o", output, "--psf", "4"]) == 2
    assert output.split("/")[0] in capsys.readouterr().err


def test_a_wrong_word_is_one_line_too():
    done = run("fuze")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "fuze" in done.stderr


def test_simulated_cases_are_evaluated_by_the_command(tmp_path, networks):
    made = run("simulate", "-o", tmp_path / "cases", "--count", 2, "--side", 64, "--sigma", 2, 3)
    assert made.returncode == 0, made.stderr
    names = sorted(path.name for path in (tmp_path / "cases").iterdir())
    kinds = ("far.png", "mask.png", "meta.json", "near.png", "truth.png")
    assert names == [f"{number}-{kind}" for number in ("0001", "0002") for kind in kinds]
    assert 2 <= json.loads((tmp_path / "cases" / "0002-meta.json").read_text())["sigma_px"] <= 3
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
    from napari_focusstack.commands.main import main

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
    from napari_focusstack.commands.main import main

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
    from napari_focusstack.commands.main import main

    before = sorted(Path().rglob("*"))
    assert main(["evaluate", "cases", *option, *cases]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("napari-focusstack: error: ")
    assert said.err.count("\n") == 1
    assert named in said.err
    assert said.out == ""
    assert sorted(Path().rglob("*")) == before


def test_training_stops_resumes_and_gives_weights_that_fuse_takes(tmp_path, pair):
    run("simulate", "-o", tmp_path, "--count", 3, "--side", 64)
    photos = tmp_path / "data" / "photos"
    photos.mkdir(parents=True)
    for number in range(1, 4):
        (tmp_path / f"{number:04}-truth.png").rename(photos / f"{number}.png")
    words = [
        "train", "fsb", "--data", tmp_path / "data", "-o", tmp_path / "mine.safetensors",
        "--width", 8, "--batch", 1, "--validation-pairs", 1, "--device", "cpu",
    ]  # fmt: skip
    first = run(*words, "--steps", 2)
    assert first.returncode == 0, first.stderr
    again = run(*words, "--steps", 3)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    more = run(*words, "--steps", 3, "--resume")
    assert more.returncode == 0, more.stderr
    assert "after 3 steps" in more.stdout
    done = run(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--psf", "4",
        "--fsb-weights", tmp_path / "mine.safetensors",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_train_has_an_option_for_each_value_of_the_recipe():
    given = TrainParameters(
        network="keb", width=8, steps=7, batch=3, learning_rate=2.5e-4, average=0.9,
        validate_every=5, validation_pairs=16, seed=4,
    )  # fmt: skip
    words = [
        word
        for each in fields(TrainParameters)[1:]
        for word in (f"--{each.name.replace('_', '-')}", str(getattr(given, each.name)))
    ]
    for expected, more in ((given, words), (TrainParameters(network="keb"), [])):
        options = cli._parser().parse_args(["train", "keb", "--data", "here", *more])
        assert read_parameters(options, TrainParameters) == expected


def test_a_recipe_that_cannot_be_trained_with_is_refused(tmp_path):
    done = run("train", "fsb", "--data", tmp_path, "-o", tmp_path / "a.safetensors", "--steps", 0)
    assert (done.returncode, done.stdout) == (2, "")
    assert "steps is 0" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demo_gains_in_the_transition_region(tmp_path):
    done = run("demo", "-o", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    before, after = (
        float(next(line for line in lines if line.startswith(word)).split()[-1])
        for word in ("before", "after")
    )
    assert after > before + 3
    assert (tmp_path / "demo" / "all_in_focus.tif").stat().st_size > 0


@pytest.fixture
def stack(tmp_path, make_focal_stack, monkeypatch):
    """Five planes in stack.tif, 2 um apart, their labels in labels.tif."""
    monkeypatch.chdir(tmp_path)
    scene = make_focal_stack(5, 1.5)
    planes = np.stack(scene.planes("uint16", grey=True))
    about = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite("stack.tif", planes, imagej=True, metadata=about)
    write_image(Path("labels.tif"), scene.labels)
    return planes, scene.labels


def test_a_stack_in_one_file_is_fused_with_its_distance_between_planes(stack, capsys):
    planes, _ = stack
    side = ["--save-labels", "l.tif", "--save-depth", "d.tif", "--report", "r.json"]
    assert cli.main(["fuse", "stack.tif", "-o", "out.tif", "--psf", "reblur", *side]) == 0
    result = fuse(planes, psf="reblur")
    assert np.array_equal(read_image("out.tif"), result.image)
    assert np.array_equal(read_labels("l.tif"), result.labels)
    np.testing.assert_allclose(read_image("d.tif"), 2 * result.depth)
    found = json.loads(Path("r.json").read_text())["found"]
    assert (found["planes"], found["near"], found["plain"]) == (5, "first", None)
    assert found["sigma_px"] == pytest.approx(1.5, rel=0.15)
    assert f"sigma {result.sigma_px:.2f} px" in capsys.readouterr().out


def test_confidence_and_the_surface_are_written_where_they_are_asked_for(stack, capsys):
    planes, _ = stack
    words = ["-o", "out.tif", "--elimination", "none", "--save-confidence", "c.tif"]
    for surface in ("red ant.obj", "ant.ply"):
        assert cli.main(["fuse", "stack.tif", *words, "--save-surface", surface]) == 0
    result = fuse(planes, elimination="none", z_step=2.0)
    np.testing.assert_array_equal(read_image("c.tif"), result.confidence)
    filled = read_record("c.tif")["found"]["filled"]
    assert filled == pytest.approx(result.filled.mean())
    assert f"depth filled in {100 * filled:.1f}% of the pixels" in capsys.readouterr().out
    lines = [line.split() for line in Path("red ant.obj").read_text().splitlines()]
    x, y, z = np.array([line[1:] for line in lines if line[0] == "v"], float).T
    assert (x.min(), x.max(), y.min(), y.max()) == (0, 95, -95, 0)
    ends = -result.depth.max(), -result.depth.min()
    np.testing.assert_allclose((z.min(), z.max()), ends, rtol=1e-5)
    assert read_image("red_ant.png").shape == (96, 96)
    assert Path("ant.ply").read_bytes().startswith(b"ply\n")


def test_a_surface_is_as_wide_as_the_file_says(stack):
    planes, labels = stack
    about = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite("um.tif", planes, imagej=True, metadata=about, resolution=(4, 4))
    words = ["--labels", "labels.tif", "--elimination", "none", "--save-surface", "s.obj"]
    assert cli.main(["fuse", "um.tif", "-o", "out.tif", *words]) == 0
    lines = [line.split() for line in Path("s.obj").read_text().splitlines()]
    x, _, z = np.array([line[1:] for line in lines if line[0] == "v"], float).T
    assert x.max() == pytest.approx(95 / 4)
    assert set(z) == {-2.0 * (label - 1) for label in np.unique(labels)}


def test_files_and_a_stack_are_one_and_the_near_end_may_be_last(stack):
    planes, _ = stack
    names = [f"z{number}.tif" for number in range(5)]
    for name, plane in zip(names, planes[::-1], strict=True):
        write_image(Path(name), plane)
    assert cli.main(["fuse", "stack.tif", "-o", "a.tif", "--elimination", "none"]) == 0
    words = ["-o", "b.tif", "--elimination", "none", "--near"]
    for near in ("last", "auto"):
        assert cli.main(["fuse", *names, *words, near]) == 0
        assert np.array_equal(read_image("b.tif"), read_image("a.tif"))


def test_it_is_said_why_nothing_was_eliminated(stack, capsys):
    write_image(Path("flat.tif"), np.full((96, 96), 4, np.uint8))
    assert cli.main(["fuse", "stack.tif", "-o", "out.tif", "--labels", "flat.tif"]) == 0
    assert "every pixel is a source pixel: nothing lies in front" in capsys.readouterr().out
    assert np.array_equal(read_image("out.tif"), stack[0][3])


def test_what_is_wrong_with_the_planes_is_said_and_reported(stack, capsys):
    planes, _ = stack
    names = [f"z{number}.tif" for number in (0, 2, 1, 3, 4)]
    for name, plane in zip(names, planes, strict=True):
        write_image(Path(name), plane)
    words = ["-o", "out.tif", "--elimination", "none", "--report", "r.json"]
    assert cli.main(["fuse", *sorted(names), *words]) == 0
    found = json.loads(Path("r.json").read_text())["found"]["findings"]
    assert found[0] == "Planes 2 and 3 seem to be swapped."
    assert capsys.readouterr().out.splitlines()[1:] == found


def test_one_channel_tells_the_focus_of_all(stack):
    planes, _ = stack
    smooth = np.stack([np.linspace(0, 9000, 96 * 96).reshape(96, 96)] * 5).astype(np.uint16)
    channels = np.stack([smooth, planes], 1)
    tifffile.imwrite("c.tif", channels, imagej=True, metadata={"axes": "ZCYX"})
    options = ["--channel", "2", "--elimination", "none", "--save-labels", "l.tif"]
    assert cli.main(["fuse", "c.tif", "-o", "out.tif", *options]) == 0
    with tifffile.TiffFile("out.tif") as tiff:
        assert tiff.series[0].axes == "CYX"
        fused = tiff.asarray()
    guide = fuse(planes, elimination="none")
    assert np.array_equal(fused[1], guide.image)
    assert np.array_equal(tifffile.imread("l.tif"), guide.labels)
    assert np.array_equal(fused[0], smooth[0])


@pytest.mark.parametrize("name", ["out.tif", "out.ome.zarr"])
def test_results_keep_the_scale_and_units_of_the_stack(stack, name):
    planes, _ = stack
    about = {"axes": "ZYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0}
    tifffile.imwrite("um.ome.tif", planes, ome=True, metadata=about)
    words = ["-o", name, "--save-depth", "d.tif", "--save-initial", "i.png"]
    assert cli.main(["fuse", "um.ome.tif", *words, "--elimination", "none"]) == 0
    image = fuse(planes, elimination="none").image
    for path in ("d.tif", *([name] if name == "out.tif" else [])):
        (result,) = find_stacks([Path(path)])
        assert (result.scale, result.units) == ((0.5, 0.25), ("um", "um"))
    if name != "out.tif":
        group = pytest.importorskip("zarr").open_group(name, mode="r")
        assert np.array_equal(group["0"], image)
        (level,) = group.attrs["ome"]["multiscales"][0]["datasets"]
        assert level["coordinateTransformations"] == [{"type": "scale", "scale": [0.5, 0.25]}]
    assert np.array_equal(read_image("i.png"), image)


def test_every_image_is_written_for_each_time_point(stack):
    planes, _ = stack
    tifffile.imwrite("t.ome.tif", np.stack([planes, planes[:, ::-1]]), metadata={"axes": "TZYX"})
    words = ["--save-initial", "i.tif", "--save-confidence", "c.tif", "--report", "r.json"]
    assert cli.main(["fuse", "t.ome.tif", "-o", "out.tif", *words, "--psf", "1.5"]) == 0
    results = [fuse(each, psf=1.5) for each in (planes, planes[:, ::-1])]
    for name, what in (("out.tif", "image"), ("i.tif", "initial"), ("c.tif", "confidence")):
        assert np.array_equal(tifffile.imread(name), [getattr(one, what) for one in results])
    assert [one["T"] for one in json.loads(Path("r.json").read_text())["found"]] == [0, 1]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--labels", "labels.tif"], "labels"),
        (["--save-surface", "s.obj"], "a surface"),
        (["--save-initial", "i.png"], "i.png cannot hold the axes TYX"),
    ],
)
def test_what_is_of_one_time_point_only_is_refused_for_several(stack, capsys, options, named):
    tifffile.imwrite("t.ome.tif", np.stack([stack[0]] * 2), metadata={"axes": "TZYX"})
    before = sorted(Path().iterdir())
    assert cli.main(["fuse", "t.ome.tif", "-o", "out.tif", *options]) == 2
    assert named in capsys.readouterr().err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--channel", "2"], "channel 2"),
        (["--save-labels", "out.tif"], "out.tif is to hold two results"),
        (["--labels", "other.tif"], "the value 6"),
        (["--z-step=-1"], "-1"),
        (["--deb-weights", "gone.safetensors"], "gone.safetensors"),
        (["--near", "left"], "left"),
        (["--memory", "much"], "much"),
        (["--save-confidence", "c.png"], "c.png cannot hold float32"),
        (["--save-surface", "s.stl"], "'.stl'; use .obj, .ply"),
        (["--save-surface", "nowhere/s.obj"], "nowhere"),
        (["--save-surface", "l.obj", "--save-labels", "l.png"], "its texture in l.png"),
    ],
)
def test_what_cannot_be_done_with_a_stack_is_refused_in_one_line(stack, capsys, options, named):
    write_image(Path("other.tif"), np.full((96, 96), 6, np.uint8))
    before = sorted(Path().iterdir())
    assert cli.main(["fuse", "stack.tif", "-o", "out.tif", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert named in said
    assert sorted(Path().iterdir()) == before


def test_verbose_logs_the_steps_and_the_traceback_of_an_error(pair):
    near, far = pair / "near.png", pair / "far.png"
    quiet, verbose = (
        run("fuse", near, far, "-o", pair / "out.tif", "--psf", "2", "--no-crf", *more)
        for more in ((), ("--verbose",))
    )
    assert quiet.stderr == ""
    assert "napari_focusstack.fusion.pipeline: 2 planes" in verbose.stderr
    failed = run("fuse", near, pair / "none.png", "-o", pair / "out.tif", "--verbose")
    assert failed.returncode == 2
    assert "Traceback" in failed.stderr
    assert failed.stderr.rstrip().splitlines()[-1].startswith("napari-focusstack: error: ")
