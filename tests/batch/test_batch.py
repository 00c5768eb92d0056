"""The batch: every stack on its own, failures told, work resumed, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch import series as stack_outputs
from napari_focusstack.batch.batch import batch, find_sources, output_names
from napari_focusstack.batch.staging import STAGING
from napari_focusstack.errors import InputError
from napari_focusstack.fusion import fuse as fusion
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.io.reading.stack_header import find_stacks
from napari_focusstack.io.reading.stack_pixels import pixels
from napari_focusstack.registration.transforms import IDENTITY, Registration


@pytest.fixture
def stack(make_scene):
    """Return the planes of a small grey pair, (2, Y, X)."""
    return lambda seed=0: np.stack(make_scene(2.0, side=64, seed=seed).planes("uint16", grey=True))


@pytest.fixture
def sources(tmp_path, stack):
    """Three stacks in a folder, the one in the middle cut short."""
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"s{number}.tif" for number in (1, 2, 10)]
    for seed, path in enumerate(paths):
        tifffile.imwrite(path, stack(seed), metadata={"axes": "ZYX"})
    paths[1].write_bytes(paths[1].read_bytes()[:-3000])
    return paths


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


def test_the_report_is_whole_after_each_stack(tmp_path, sources, parameters):
    out = tmp_path / "out"
    for number, outcome in enumerate(batch(sources, out, parameters), 1):
        assert len(report_of(out)) == number
        assert report_of(out)[str(outcome.source)]["status"] == outcome.status


def statuses(sources, *args, **options):
    """Resume, and return what became of each source, in their order."""
    outcomes = batch(sources, *args, resume=True, **options)
    found = {outcome.source: outcome.status for outcome in outcomes}
    return [found[source] for source in sources]


def test_resuming_does_what_failed_and_what_changed_and_nothing_else(
    tmp_path, sources, parameters, stack
):
    out = tmp_path / "out"
    assert statuses(sources, out, parameters) == ["done", "failed", "done"]
    assert statuses(sources, out, parameters) == ["skipped", "failed", "skipped"]

    tifffile.imwrite(sources[1], stack(1), metadata={"axes": "ZYX"})  # mended
    assert statuses(sources, out, parameters) == ["skipped", "done", "skipped"]

    os.utime(sources[0], ns=(0, 0))
    assert statuses(sources, out, parameters) == ["done", "skipped", "skipped"]

    whole = (out / "s2_fused.tif").read_bytes()
    (out / "s2_fused.tif").write_bytes(whole[:-10])
    (out / "s10_fused.tif").unlink()
    assert statuses(sources, out, parameters) == ["skipped", "done", "done"]

    other = replace(parameters, elimination="none")
    assert statuses(sources, out, other) == ["done"] * 3
    assert statuses(sources, out, replace(other, tile_px=512)) == ["skipped"] * 3
    assert statuses(sources, out, other, save=["labels"]) == ["done"] * 3


def test_without_resuming_all_is_done_again(tmp_path, sources, parameters):
    for _ in range(2):
        outcomes = list(batch(sources[:1], tmp_path / "out", parameters))
        assert [outcome.status for outcome in outcomes] == ["done"]


def test_a_damaged_report_is_not_resumed(tmp_path, sources, parameters):
    (tmp_path / "batch.json").write_text('{"items": ')
    with pytest.raises(InputError, match=r"batch\.json is no report of a batch; delete it"):
        statuses(sources, tmp_path, parameters)


def test_a_batch_in_a_folder_where_another_is_at_work_is_refused_and_disturbs_nothing(
    tmp_path, sources, parameters
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
job.put_in_place = lambda made, _: os.kill(os.getpid(), 9)
sys.exit(main(["batch", *sys.argv[1:]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_batch_killed_while_it_puts_a_result_in_place_is_resumed(tmp_path, sources, parameters):
    out = tmp_path / "out"
    words = [sources[0], "-o", out, "--psf", "2", "--no-crf", "--device", "cpu"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(out.glob(STAGING))) == 1

    assert statuses(sources[:1], out, parameters) == ["done"]
    assert sorted(path.name for path in out.iterdir()) == ["batch.json", "s1_fused.tif"]


@pytest.fixture
def zarr_array():
    """Return the pixels of an OME-Zarr."""
    zarr = pytest.importorskip("zarr")
    return lambda path: zarr.open_group(path, mode="r")["0"][:]


def test_results_as_zarr_hold_the_same_and_are_resumed_and_replaced(
    tmp_path, sources, parameters, stack, zarr_array
):
    out, options = tmp_path / "out", {"format": "zarr", "save": ["labels", "depth"]}

    assert statuses(sources, out, parameters, **options) == ["done", "failed", "done"]

    names = [f"s{n}_{what}.ome.zarr" for n in (1, 10) for what in ("depth", "fused", "labels")]
    assert sorted(path.name for path in out.iterdir()) == sorted([*names, "batch.json"])
    for seed, number in ((0, 1), (2, 10)):
        expected = fused(stack(seed), parameters)
        for what, values in (
            ("fused", expected.image), ("labels", expected.labels), ("depth", expected.depth)
        ):  # fmt: skip
            np.testing.assert_array_equal(zarr_array(out / f"s{number}_{what}.ome.zarr"), values)
    assert statuses(sources, out, parameters, **options) == ["skipped", "failed", "skipped"]
    assert statuses(sources, out, parameters) == ["done", "failed", "done"]  # now as TIFF

    chunk = next(path for path in (out / "s1_depth.ome.zarr").rglob("c/*/*") if path.is_file())
    chunk.write_bytes(b"")
    other = replace(parameters, elimination="none")
    again = statuses(sources, out, other, **options)
    assert again == ["done", "failed", "done"]
    expected = fused(stack(0), other)
    np.testing.assert_array_equal(zarr_array(out / "s1_fused.ome.zarr"), expected.image)
    np.testing.assert_array_equal(zarr_array(out / "s1_depth.ome.zarr"), expected.depth)


def test_a_zarr_that_lost_a_chunk_is_made_again(tmp_path, sources, parameters, zarr_array):
    out = tmp_path / "out"
    assert statuses(sources[:1], out, parameters, format="zarr") == ["done"]
    whole = zarr_array(out / "s1_fused.ome.zarr")
    next(path for path in (out / "s1_fused.ome.zarr").rglob("c/*/*") if path.is_file()).unlink()

    assert statuses(sources[:1], out, parameters, format="zarr") == ["done"]

    np.testing.assert_array_equal(zarr_array(out / "s1_fused.ome.zarr"), whole)


def test_a_folder_of_another_kind_is_never_replaced_by_a_zarr(
    tmp_path, sources, parameters, zarr_array
):
    dear = tmp_path / "out" / "s1_fused.ome.zarr" / "dear.txt"
    dear.parent.mkdir(parents=True)
    dear.touch()

    (outcome,) = batch(sources[:1], tmp_path / "out", parameters, format="zarr")

    assert "is there and no Zarr group; choose another name" in outcome.message
    assert dear.exists()


def test_without_zarr_it_is_said_before_any_work(tmp_path, sources, parameters, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match="needs the package zarr 3; pip install"):
        list(batch(sources, tmp_path / "out", parameters, format="zarr"))


def test_a_registration_found_before_is_applied_to_every_time_point_and_channel(
    tmp_path, stack, parameters
):
    down = ((1.0, 0.0, 3.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    known = Registration((IDENTITY, down), (64, 64), "shift", "the far plane lies 3 px lower")
    data = np.stack([np.stack([stack(seed), stack(seed) // 2], 1) for seed in (0, 1)])
    data[:, 1] = np.roll(data[:, 1], 3, 2)
    path, other = tmp_path / "cells.ome.tif", tmp_path / "three.tif"
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "TZCYX"})
    tifffile.imwrite(other, np.stack([*stack(), stack()[0]]), photometric="minisblack")

    outcomes = list(batch([path, other], tmp_path / "out", parameters, registration=known))

    assert [outcome.status for outcome in outcomes] == ["done", "failed"]
    assert "the registration is of 2 planes, the stack has 3" in outcomes[1].message
    image = tifffile.imread(tmp_path / "out" / "cells_fused.tif")
    options = {name: getattr(parameters, name) for name in vars(parameters)}
    for t in range(2):
        guide = fuse(data[t, :, 0], registration=known, **options)
        np.testing.assert_array_equal(image[t, 0], guide.image)
        second = fuse(data[t, :, 1], registration=known, labels=guide.focus, **options)
        np.testing.assert_array_equal(image[t, 1], second.image)
    found = read_record(tmp_path / "out" / "cells_fused.tif")["found"]
    assert [one["registration"] for one in found] == [known.to_dict()] * 4
    resumed = [path], tmp_path / "out", parameters
    assert statuses(*resumed, registration=known) == ["skipped"]
    assert statuses(*resumed) == ["done"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_keeps_what_is_done_and_leaves_nothing_half_written(
    tmp_path, sources, parameters, monkeypatch, error
):
    out, calls = tmp_path / "out", []
    write = stack_outputs.result_file

    def interrupted(path, form):
        calls.append(path)
        if len(calls) == 3:  # the labels of the second stack
            raise error
        return write(path, form)

    monkeypatch.setattr(stack_outputs, "result_file", interrupted)
    with pytest.raises(error):
        list(batch([sources[0], sources[2]], out, parameters, save=["labels"]))

    assert sorted(path.name for path in out.iterdir()) == [
        "batch.json",
        "s1_fused.tif",
        "s1_labels.tif",
    ]


def test_whatever_breaks_in_one_stack_is_told_in_one_line_and_the_others_go_on(
    tmp_path, sources, parameters, monkeypatch
):
    fuse_planes = fusion.fuse_steps

    def broken(planes, *rest):
        if (planes[0][:, :] == tifffile.imread(sources[0], key=0)).all():
            raise MemoryError("out of\nmemory")
        return fuse_planes(planes, *rest)

    monkeypatch.setattr(fusion, "fuse_steps", broken)
    outcomes = list(batch([sources[0], sources[2]], tmp_path / "out", parameters))

    assert [outcome.status for outcome in outcomes] == ["failed", "done"]
    assert outcomes[0].message.startswith("MemoryError('out of")
    assert "\n" not in outcomes[0].message


def test_time_points_and_channels_keep_their_place_names_colours_and_scale(
    tmp_path, stack, parameters
):
    data = np.stack([np.stack([stack(seed), stack(seed) // 2], 1) for seed in (0, 1, 2)])
    path = tmp_path / "cells.ome.tif"
    meta = {
        "axes": "TZCYX",
        "PhysicalSizeX": 0.25,
        "PhysicalSizeY": 0.5,
        "TimeIncrement": 30.0,
        "TimeIncrementUnit": "s",
        "Channel": {"Name": ["DAPI", "GFP"], "Color": [65535, 16711935]},
    }
    tifffile.imwrite(path, data, ome=True, metadata=meta)

    (outcome,) = batch([path], tmp_path / "out", parameters, save=["depth", "confidence"])

    assert outcome.message == ""
    (result,) = find_stacks([tmp_path / "out" / "cells_fused.tif"])
    assert (result.axes, result.shape) == ("TCYX", (3, 2, 64, 64))
    assert result.scale == (30.0, 1.0, 0.5, 0.25)
    assert result.units == ("s", "pixel", "um", "um")
    assert [channel.name for channel in result.channels] == ["DAPI", "GFP"]
    assert [channel.colour for channel in result.channels] == [(0, 0, 1), (0, 1, 0)]
    image = pixels(result)
    for t in range(3):
        guide = fused(data[t, :, 0], parameters)
        np.testing.assert_array_equal(image[t, 0], guide.image)
        options = {name: getattr(parameters, name) for name in vars(parameters)}
        other = fuse(data[t, :, 1], labels=guide.alpha, **options)
        np.testing.assert_array_equal(image[t, 1], other.image)
    (depth,) = find_stacks([tmp_path / "out" / "cells_depth.tif"])
    assert (depth.axes, depth.shape, depth.dtype) == ("TYX", (3, 64, 64), np.float32)
    (confidence,) = find_stacks([tmp_path / "out" / "cells_confidence.tif"])
    assert (confidence.axes, confidence.scale) == ("TYX", (30.0, 0.5, 0.25))
    np.testing.assert_array_equal(pixels(confidence)[2], guide.confidence)
    found = read_record(tmp_path / "out" / "cells_fused.tif")["found"]
    assert [(one["T"], one["C"]) for one in found] == [(t, c) for t in range(3) for c in range(2)]


def test_each_position_of_a_file_gets_an_output_of_its_own(tmp_path, stack, parameters):
    path = tmp_path / "positions.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for seed in (0, 1):
            writer.write(stack(seed), metadata={"axes": "ZYX"}, photometric="minisblack")

    (outcome,) = batch([path], tmp_path / "out", parameters)

    assert list(outcome.outputs) == ["positions_1_fused.tif", "positions_2_fused.tif"]
    for seed in (0, 1):
        image = read_image(tmp_path / "out" / f"positions_{seed + 1}_fused.tif")
        np.testing.assert_array_equal(image, fused(stack(seed), parameters).image)


def test_a_folder_of_planes_is_a_stack(tmp_path, stack, parameters):
    folder = tmp_path / "in" / "bug.1"
    folder.mkdir(parents=True)
    for number, plane in zip((9, 10), stack(), strict=True):
        tifffile.imwrite(folder / f"z{number}.tif", plane)

    (outcome,) = batch([folder], tmp_path / "out", parameters)

    assert list(outcome.outputs) == ["bug.1_fused.tif"]
    image = read_image(tmp_path / "out" / "bug.1_fused.tif")
    np.testing.assert_array_equal(image, fused(stack(), parameters).image)


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


def test_a_pattern_without_matches_is_told(tmp_path):
    with pytest.raises(InputError, match=r"nothing matches '.*\*\.czi'"):
        find_sources([f"{tmp_path}/*.czi"], tmp_path)


def test_names_that_collide_get_their_folders_or_are_refused(tmp_path):
    one, two = tmp_path / "day1" / "pos1" / "img.tif", tmp_path / "day2" / "pos1" / "img.tif"
    assert output_names([one, two]) == ["day1_pos1_img", "day2_pos1_img"]
    with pytest.raises(InputError, match=r"img\.tif and .*img\.tiff would both be named img"):
        output_names([one, one.with_suffix(".tiff")])


def test_a_folder_that_cannot_be_made_is_told(tmp_path, sources, parameters):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot make the folder .*file"):
        list(batch(sources, tmp_path / "file" / "out", parameters))


def test_weights_that_are_missing_stop_the_batch_before_any_work(tmp_path, sources, parameters):
    missing = replace(parameters, keb_weights=str(tmp_path / "gone.safetensors"))
    with pytest.raises(InputError, match=r"gone\.safetensors cannot be read"):
        list(batch(sources, tmp_path / "out", missing))


def test_the_traceback_of_a_failure_is_logged(tmp_path, parameters, caplog):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 and no more")
    outcomes = list(batch([broken], tmp_path / "out", parameters))
    assert [outcome.status for outcome in outcomes] == ["failed"]
    (record,) = [one for one in caplog.records if one.name.endswith("batch.job")]
    assert "broken.tif failed" in record.message
    assert record.exc_info is not None
