"""The command `fuse`: files written, lines printed, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusstack.commands.main import main
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.find_stacks import find_stacks
from napari_focusstack.io.reading.image import read_image, read_labels
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.writing.image import write_image
from napari_focusstack.networks import weights
from napari_focusstack.networks.fsb import FSB


def test_fuse_writes_what_the_api_returns_and_every_side_output(run, pair):
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


def test_the_output_carries_all_settings_and_the_hash_of_the_weights(run, pair, networks):
    done = run(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--elimination",
        "subtract", "--psf", "keb", *networks,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = read_record(pair / "out.tif")
    assert record["software"] == "napari-focusstack"
    assert record["parameters"]["elimination"] == "subtract"
    assert record["weights"]["fsb"] == weights.sha256(pair / "fsb.safetensors")


def test_a_folder_of_two_planes_is_a_pair_nearest_first(run, pair):
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
        ("nothing but NaN", ("nan.tif", "nan.tif"), "all NaN"),
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
    nan[:] = np.nan
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
    monkeypatch.chdir(pair)
    assert main(["fuse", "near.png", "far.png", "-o", output, "--psf", "4"]) == 2
    assert output.split("/")[0] in capsys.readouterr().err


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
    assert main(["fuse", "stack.tif", "-o", "out.tif", "--psf", "reblur", *side]) == 0
    result = fuse(planes, psf="reblur")
    assert np.array_equal(read_image("out.tif"), result.image)
    assert np.array_equal(read_labels("l.tif"), result.labels)
    np.testing.assert_allclose(read_image("d.tif"), 2 * result.depth)
    found = json.loads(Path("r.json").read_text())["found"]
    assert (found["planes"], found["near"], found["plain"]) == (5, "first", None)
    assert found["sigma_px"] == pytest.approx(1.5, rel=0.15)
    assert f"sigma {result.sigma_px:.2f} px" in capsys.readouterr().out


def test_planes_are_chosen_by_their_place_in_the_file(stack, capsys):
    planes, _ = stack
    words = ["--elimination", "none", "--save-labels", "l.tif", "--report", "r.json"]
    assert main(["fuse", "stack.tif", "-o", "out.tif", "--planes", "1:5:2", *words]) == 0
    assert np.array_equal(read_image("out.tif"), fuse(planes[::2], elimination="none").image)
    assert read_labels("l.tif").max() == 5
    assert json.loads(Path("r.json").read_text())["parameters"]["planes"] == "1:5:2"
    assert main(["fuse", "stack.tif", "-o", "out.tif", "--planes", "4:9"]) == 2
    assert "planes is '4:9', but the stack has 5 planes; give 1 to 5." in capsys.readouterr().err


def test_confidence_and_the_surface_are_written_where_they_are_asked_for(stack, capsys):
    planes, _ = stack
    words = ["-o", "out.tif", "--elimination", "none", "--save-confidence", "c.tif"]
    for surface in ("red ant.obj", "ant.ply"):
        assert main(["fuse", "stack.tif", *words, "--save-surface", surface]) == 0
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
    assert main(["fuse", "um.tif", "-o", "out.tif", *words]) == 0
    lines = [line.split() for line in Path("s.obj").read_text().splitlines()]
    x, _, z = np.array([line[1:] for line in lines if line[0] == "v"], float).T
    assert x.max() == pytest.approx(95 / 4)
    assert set(z) == {-2.0 * (label - 1) for label in np.unique(labels)}


def test_files_and_a_stack_are_one_and_the_near_end_may_be_last(stack):
    planes, _ = stack
    names = [f"z{number}.tif" for number in range(5)]
    for name, plane in zip(names, planes[::-1], strict=True):
        write_image(Path(name), plane)
    assert main(["fuse", "stack.tif", "-o", "a.tif", "--elimination", "none"]) == 0
    words = ["-o", "b.tif", "--elimination", "none", "--near"]
    for near in ("last", "auto"):
        assert main(["fuse", *names, *words, near]) == 0
        assert np.array_equal(read_image("b.tif"), read_image("a.tif"))


def test_the_reason_why_nothing_was_eliminated_is_printed(stack, capsys):
    write_image(Path("flat.tif"), np.full((96, 96), 4, np.uint8))
    assert main(["fuse", "stack.tif", "-o", "out.tif", "--labels", "flat.tif"]) == 0
    assert "no halo removed: nothing lies in front" in capsys.readouterr().out
    assert np.array_equal(read_image("out.tif"), stack[0][3])


def test_what_is_wrong_with_the_planes_is_said_and_reported(stack, capsys):
    planes, _ = stack
    names = [f"z{number}.tif" for number in (0, 2, 1, 3, 4)]
    for name, plane in zip(names, planes, strict=True):
        write_image(Path(name), plane)
    words = ["-o", "out.tif", "--elimination", "none", "--report", "r.json"]
    assert main(["fuse", *sorted(names), *words]) == 0
    found = json.loads(Path("r.json").read_text())["found"]["findings"]
    assert found[0] == "Planes 2 and 3 seem to be swapped."
    assert capsys.readouterr().out.splitlines()[1:] == found


def test_one_channel_gives_the_focus_of_all(stack):
    planes, _ = stack
    smooth = np.stack([np.linspace(0, 9000, 96 * 96).reshape(96, 96)] * 5).astype(np.uint16)
    channels = np.stack([smooth, planes], 1)
    tifffile.imwrite("c.tif", channels, imagej=True, metadata={"axes": "ZCYX"})
    options = ["--channel", "2", "--elimination", "none", "--save-labels", "l.tif"]
    assert main(["fuse", "c.tif", "-o", "out.tif", *options]) == 0
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
    assert main(["fuse", "um.ome.tif", *words, "--elimination", "none"]) == 0
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
    assert main(["fuse", "t.ome.tif", "-o", "out.tif", *words, "--psf", "1.5"]) == 0
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
    assert main(["fuse", "t.ome.tif", "-o", "out.tif", *options]) == 2
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
    assert main(["fuse", "stack.tif", "-o", "out.tif", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert named in said
    assert sorted(Path().iterdir()) == before


def test_the_axis_that_a_refusal_names_is_taken(stack, capsys):
    planes, _ = stack
    tifffile.imwrite("channels.tif", planes, imagej=True, metadata={"axes": "CYX"})
    fusing = ["fuse", "channels.tif", "-o", "out.tif", "--elimination", "none"]

    assert main(fusing) == 2
    assert "choose C as the focus axis. (--axis C)" in capsys.readouterr().err
    assert main([*fusing, "--axis", "C"]) == 0

    assert tifffile.imread("out.tif").shape == planes.shape[1:]


def test_what_is_left_out_of_a_folder_is_printed(stack, capsys):
    folder = Path("planes")
    folder.mkdir()
    for number, plane in enumerate(stack[0]):
        tifffile.imwrite(folder / f"z{number}.tif", plane)
    tifffile.imwrite(folder / "fused.tif", stack[0][0])

    assert main(["fuse", "planes", "-o", "out.tif", "--elimination", "none"]) == 0

    assert capsys.readouterr().out.endswith("not named as the other planes are: fused.tif.\n")
