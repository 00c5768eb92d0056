"""The batch: sources that are found and named, work that is resumed, nothing half-written."""

import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch import result_files
from napari_focusstack.batch.batch import batch, find_sources, output_names
from napari_focusstack.batch.staging import STAGING
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.parameters import ProjectionParameters


def fused(planes, parameters):
    return fuse(planes, **{name: getattr(parameters, name) for name in vars(parameters)})


def report_of(folder):
    return json.loads((folder / "batch.json").read_text("utf-8"))["items"]


def test_each_stack_is_fused_and_a_truncated_one_reported(tmp_path, sources, parameters, stack):
    out = tmp_path / "out"

    outcomes = list(batch(sources, out, parameters, save=("labels", "depth")))

    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert "s2.tif" in outcomes[1].message
    assert "damaged" in outcomes[1].message
    names = [f"s{n}_{what}.tif" for n in (1, 10) for what in ("depth", "fused", "labels")]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "batch.json"])
    for seed, number in ((0, 1), (2, 10)):
        expected = fused(stack(seed), parameters)
        np.testing.assert_array_equal(read_image(out / f"s{number}_fused.tif"), expected.image)
        np.testing.assert_array_equal(
            tifffile.imread(out / f"s{number}_labels.tif"), expected.labels
        )
        np.testing.assert_array_equal(tifffile.imread(out / f"s{number}_depth.tif"), expected.depth)
    made = read_record(out / "s1_fused.tif")
    assert made["parameters"]["psf"] == 2.0
    assert made["found"]["sigma_px"] == 2.0
    assert made["input"] == {"planes": [str(sources[0])]}
    items = report_of(out)
    assert [items[str(path)]["status"] for path in sources] == ["done", "failed", "done"]
    assert items[str(sources[0])]["seconds"] > 0
    assert items[str(sources[1])]["message"] == outcomes[1].message


def test_without_resuming_all_is_done_again(tmp_path, sources, parameters):
    for _ in range(2):
        outcomes = list(batch(sources[:1], tmp_path / "out", parameters))
        assert [outcome.status for outcome in outcomes] == ["done"]


def test_a_batch_in_a_folder_where_another_is_at_work_is_refused_and_disturbs_nothing(
    tmp_path, sources, parameters, statuses
):
    out = tmp_path / "out"
    first = batch([sources[0], sources[2]], out, parameters)
    next(first)

    with pytest.raises(InputError, match=r"another batch is at work in .*out; wait for its"):
        statuses(sources, out, parameters)

    assert [outcome.status for outcome in first] == ["done"]
    assert statuses([sources[0], sources[2]], out, parameters) == ["skipped"] * 2


KILLED = """
import os, sys
from pathlib import Path
from napari_focusstack.batch import job
from napari_focusstack.commands.main import main
job.put_in_place = lambda moves: os.kill(os.getpid(), 9)
sys.exit(main(["batch", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_batch_killed_while_it_puts_a_result_in_place_is_resumed(
    tmp_path, sources, parameters, statuses
):
    out = tmp_path / "out"
    words = [sources[0], "-o", out, "--psf", "2", "--no-crf", "--device", "cpu"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(out.glob(STAGING))) == 1

    assert statuses(sources[:1], out, parameters) == ["done"]
    assert sorted(path.name for path in out.iterdir()) == ["batch.json", "s1_fused.tif"]


def test_without_zarr_it_is_said_before_any_work(tmp_path, sources, parameters, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match="needs the package zarr 3; pip install"):
        list(batch(sources, tmp_path / "out", parameters, format="zarr"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_keeps_what_is_done_and_leaves_nothing_half_written(
    tmp_path, sources, parameters, monkeypatch, error
):
    out, calls = tmp_path / "out", []
    write = result_files.result_file

    def interrupted(path, form):
        calls.append(path)
        if len(calls) == 3:  # the labels of the second stack
            raise error
        return write(path, form)

    monkeypatch.setattr(result_files, "result_file", interrupted)
    with pytest.raises(error):
        list(batch([sources[0], sources[2]], out, parameters, save=["labels"]))

    assert sorted(path.name for path in out.iterdir()) == [
        "batch.json",
        "s1_fused.tif",
        "s1_labels.tif",
    ]


def test_patterns_find_sources_in_natural_order_but_no_earlier_outputs(tmp_path):
    names = ("s10.tif", "s9.tif", "s9_fused.tif", "s9_labels.tif", "batch.json")
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "s1_fused.tif").touch()

    found = find_sources([f"{tmp_path}/*", f"{tmp_path}/**/s1_*.tif"], tmp_path)

    assert [path.name for path in found] == ["deep", "s9.tif", "s10.tif", "s1_fused.tif"]
    assert tmp_path / "deep" not in find_sources([f"{tmp_path}/*"], tmp_path / "deep")


def test_a_name_with_brackets_is_a_name_and_a_link_keeps_its_own(tmp_path, sources, parameters):
    bracketed, link = tmp_path / "s[1].tif", tmp_path / "pos1.tif"
    bracketed.write_bytes(sources[0].read_bytes())
    link.symlink_to(sources[2])

    found = find_sources([str(bracketed), str(link)], tmp_path / "out")
    outcomes = list(batch(found, tmp_path / "out", parameters))

    assert [list(outcome.outputs) for outcome in outcomes] == [
        ["s[1]_fused.tif"],
        ["pos1_fused.tif"],
    ]


def test_a_pattern_without_matches_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nothing matches '.*\*\.czi'"):
        find_sources([f"{tmp_path}/*.czi"], tmp_path)


def test_names_that_collide_get_their_folders_or_are_refused(tmp_path):
    one, two = tmp_path / "day1" / "pos1" / "img.tif", tmp_path / "day2" / "pos1" / "img.tif"
    assert output_names([one, two]) == ["day1_pos1_img", "day2_pos1_img"]
    with pytest.raises(InputError, match=r"img\.tif and .*img\.tiff would both be named img"):
        output_names([one, one.with_suffix(".tiff")])


def test_a_folder_that_cannot_be_made_is_refused(tmp_path, sources, parameters):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot make the folder .*file"):
        list(batch(sources, tmp_path / "file" / "out", parameters))


def test_weights_that_are_missing_stop_the_batch_before_any_work(tmp_path, sources, parameters):
    missing = replace(parameters, keb_weights=str(tmp_path / "gone.safetensors"))
    with pytest.raises(InputError, match=r"gone\.safetensors cannot be read"):
        list(batch(sources, tmp_path / "out", missing))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("s1_fused.tif", {}),
        ("s1_labels.tif", {"save": ("labels",)}),
        ("s1_depth.tif", {"save": ("labels", "depth")}),
        ("s1_projected.tif", {"projection": ProjectionParameters(project="max")}),
        ("s1_fused.ome.zarr", {"format": "zarr"}),
    ],
)
def test_a_file_that_is_no_result_is_not_replaced(tmp_path, sources, parameters, name, options):
    out = tmp_path / "out"
    out.mkdir()
    if name.endswith("zarr"):
        zarr = pytest.importorskip("zarr")
        zarr.open_group(out / name, mode="w").attrs["own"] = 1
    else:
        tifffile.imwrite(out / name, np.zeros((8, 8), np.uint8))

    with pytest.raises(InputError, match=f"{name} is no result of napari-focusstack"):
        list(batch(sources, out, parameters, **options))
    assert [path.name for path in out.iterdir()] == [name]


def test_a_result_that_was_edited_since_is_not_replaced(tmp_path, sources, parameters):
    out = tmp_path / "out"
    list(batch(sources[:1], out, parameters))
    list(batch(sources[:1], out, parameters))  # an untouched one is
    tifffile.imwrite(out / "s1_fused.tif", np.zeros((64, 64), np.uint8))

    with pytest.raises(InputError, match=r"s1_fused\.tif is no result"):
        list(batch(sources[:1], out, parameters))


def test_results_of_a_series_do_not_replace_those_of_another_source(tmp_path, stack, parameters):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as several:
        for seed in range(2):
            several.write(stack(seed), metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "a_1.tif", stack(2), metadata={"axes": "ZYX"})

    given = [tmp_path / "a_1.tif", tmp_path / "a.ome.tif"]
    outcomes = list(batch(given, tmp_path / "out", parameters))

    assert [outcome.status for outcome in outcomes] == ["done", "failed"]
    assert "would be named a_1 as those of another source" in outcomes[1].message


def test_files_of_a_series_that_are_no_results_are_not_replaced(tmp_path, stack, parameters):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as several:
        for seed in range(2):
            several.write(stack(seed), metadata={"axes": "ZYX"})
    own = tmp_path / "out" / "a_2_fused.tif"
    own.parent.mkdir()
    own.write_bytes(b"mine")

    (outcome,) = batch([tmp_path / "a.ome.tif"], tmp_path / "out", parameters)

    assert (outcome.status, own.read_bytes()) == ("failed", b"mine")
    assert not (tmp_path / "out" / "a_1_fused.tif").exists()
