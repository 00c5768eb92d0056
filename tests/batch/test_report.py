"""The report of a batch: complete after each source, and read to resume."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.batch import batch
from napari_focusstack.errors import InputError
from napari_focusstack.registration.transforms import Registration


def report_of(folder):
    return json.loads((folder / "batch.json").read_text("utf-8"))["items"]


def test_the_report_is_whole_after_each_stack(tmp_path, sources, parameters):
    out = tmp_path / "out"
    for number, outcome in enumerate(batch(sources, out, parameters), 1):
        assert len(report_of(out)) == number
        assert report_of(out)[str(outcome.source)]["status"] == outcome.status


def test_resuming_does_what_failed_and_what_changed_and_nothing_else(
    tmp_path, sources, parameters, stack, statuses
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
    known = Registration.identity(2, (64, 64))
    assert statuses(sources[:1], out, other, registration=known) == ["done"]
    assert statuses(sources[:1], out, other, registration=known) == ["skipped"]


def test_a_damaged_report_is_not_resumed(tmp_path, sources, parameters, statuses):
    (tmp_path / "batch.json").write_text('{"items": ')
    with pytest.raises(InputError, match=r"batch\.json is no report of a batch; delete it"):
        statuses(sources, tmp_path, parameters)


def test_a_zarr_that_lost_a_chunk_is_made_again(
    tmp_path, sources, parameters, zarr_array, statuses
):
    out = tmp_path / "out"
    assert statuses(sources[:1], out, parameters, format="zarr") == ["done"]
    whole = zarr_array(out / "s1_fused.ome.zarr")
    next(path for path in (out / "s1_fused.ome.zarr").rglob("c/*/*") if path.is_file()).unlink()

    assert statuses(sources[:1], out, parameters, format="zarr") == ["done"]

    np.testing.assert_array_equal(zarr_array(out / "s1_fused.ome.zarr"), whole)
