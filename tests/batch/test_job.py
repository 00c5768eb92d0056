"""One source of a batch: its outputs, and what becomes of an error."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.batch import batch
from napari_focusstack.batch.job import Job, fuse_item
from napari_focusstack.errors import InputError
from napari_focusstack.fusion import fuse as fusion
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.io.reading.record import read_record


def fused(planes, parameters):
    return fuse(planes, **{name: getattr(parameters, name) for name in vars(parameters)})


def test_results_as_zarr_hold_the_same_and_are_resumed_and_replaced(
    tmp_path, sources, parameters, stack, zarr_array, statuses
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


def test_a_folder_of_another_kind_is_never_replaced_by_a_zarr(
    tmp_path, sources, parameters, zarr_array
):
    dear = tmp_path / "out" / "s1_fused.ome.zarr" / "dear.txt"
    dear.parent.mkdir(parents=True)
    dear.touch()

    with pytest.raises(InputError, match=r"s1_fused\.ome\.zarr is no result"):
        list(batch(sources[:1], tmp_path / "out", parameters, format="zarr"))

    assert dear.exists()


def test_an_error_in_one_stack_is_reported_in_one_line_and_the_others_go_on(
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


def test_what_is_left_out_of_a_folder_is_reported(tmp_path, stack, parameters):
    folder = tmp_path / "bug"
    folder.mkdir()
    for number, plane in enumerate(stack()):
        tifffile.imwrite(folder / f"z{number}.tif", plane)
    tifffile.imwrite(folder / "overview.tif", stack()[0])

    (outcome,) = batch([folder], tmp_path / "out", parameters)

    note = "Left out, not named as the other planes are: overview.tif."
    assert outcome.notes == (note,)
    assert read_record(tmp_path / "out" / "bug_fused.tif")["input"]["notes"] == [note]


def test_the_axis_of_planes_can_be_named_for_all_files(tmp_path, stack, parameters):
    planes = np.stack([stack()[0], stack()[1]])
    path = tmp_path / "hyperstack.tif"
    tifffile.imwrite(path, planes, imagej=True, metadata={"axes": "CYX"})

    (refused,) = batch([path], tmp_path / "out", parameters)
    assert "choose C as the focus axis" in refused.message
    (outcome,) = batch([path], tmp_path / "out", parameters, axis="C")

    assert outcome.status == "done"
    image = read_image(tmp_path / "out" / "hyperstack_fused.tif")
    np.testing.assert_array_equal(image, fused(planes, parameters).image)


def test_the_traceback_of_a_failure_is_logged(tmp_path, parameters, caplog):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 and no more")
    outcomes = list(batch([broken], tmp_path / "out", parameters))
    assert [outcome.status for outcome in outcomes] == ["failed"]
    (record,) = [one for one in caplog.records if one.name.endswith("batch.job")]
    assert "broken.tif failed" in record.message
    assert record.exc_info is not None


@pytest.mark.parametrize(("format", "suffix"), [("tiff", ".tif"), ("zarr", ".ome.zarr")])
def test_outputs_are_named_after_the_source(tmp_path, parameters, format, suffix):
    job = Job(
        source=tmp_path / "cells.v2.tif", name="cells.v2", folder=tmp_path, staging=tmp_path,
        parameters=parameters, save=("labels", "depth", "confidence"), format=format,
    )  # fmt: skip
    kinds = {"image": "fused", "labels": "labels", "depth": "depth", "confidence": "confidence"}
    assert job.outputs(tmp_path / "cells.v2") == {
        name: tmp_path / f"cells.v2_{kind}{suffix}" for name, kind in kinds.items()
    }


def test_a_single_picture_fails_with_the_reason(tmp_path, parameters):
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((64, 64), np.uint8))
    job = Job(
        source=tmp_path / "one.tif", name="one", folder=tmp_path, staging=tmp_path,
        parameters=parameters,
    )  # fmt: skip
    outcome = fuse_item(job)
    assert (outcome.status, outcome.outputs) == ("failed", {})
    assert "one.tif has no axis along which focus changes" in outcome.message
    assert [path.name for path in tmp_path.glob("one*")] == ["one.tif"]
