"""The report of a batch: complete after each source, and read to resume."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch.batch import batch
from napari_focusstack.batch.job import Outcome
from napari_focusstack.batch.report import Report, fingerprint, settings_hash
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
    assert statuses(sources, out, replace(other, device="auto")) == ["skipped"] * 3
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


def test_a_fingerprint_changes_with_the_bytes_and_the_time_of_the_files(tmp_path):
    for name, size in (("z1.tif", 10), ("z2.tif", 20), ("notes.txt", 99)):
        (tmp_path / name).write_bytes(bytes(size))
        os.utime(tmp_path / name, ns=(0, 1000 * size))
    assert fingerprint(tmp_path / "z1.tif") == {"files": 1, "bytes": 10, "modified_ns": 10_000}
    assert fingerprint(tmp_path) == {"files": 2, "bytes": 30, "modified_ns": 20_000}
    assert fingerprint(tmp_path / "gone.tif") is None
    (tmp_path / "empty").mkdir()
    assert fingerprint(tmp_path / "empty") is None


def test_settings_are_what_decides_about_the_outputs(tmp_path, parameters):
    def settings(**changes):
        return settings_hash(replace(parameters, **changes), {"channel": 1})

    assert settings(device="auto", tile_px=64) == settings()  # where and how, not what
    assert settings(psf=2.5) != settings()
    assert settings_hash(parameters, {"channel": 2}) != settings()
    copy = tmp_path / "keb.safetensors"
    copy.write_bytes(Path(parameters.keb_weights).read_bytes())
    assert settings(keb_weights=str(copy)) == settings()  # by content, not by name
    copy.write_bytes(copy.read_bytes() + b" ")
    assert settings(keb_weights=str(copy)) != settings()
    with pytest.raises(InputError, match=r"gone cannot be read"):
        settings(keb_weights="gone")


def test_a_report_knows_what_is_done_only_while_source_and_outputs_are_unchanged(tmp_path):
    source = tmp_path / "s.tif"
    source.write_bytes(b"12345")
    (tmp_path / "s_fused.tif").write_bytes(b"123")
    outcome = Outcome(source=source, status="done", outputs={"s_fused.tif": 3})
    Report(tmp_path, "settings", resume=False).add(outcome, fingerprint(source))
    assert Report(tmp_path, "settings", resume=True).is_done(source)
    assert not Report(tmp_path, "settings", resume=False).is_done(source)
    assert not Report(tmp_path, "other settings", resume=True).is_done(source)
    assert not Report(tmp_path, "settings", resume=True).is_done(tmp_path / "t.tif")
    (tmp_path / "s_fused.tif").write_bytes(b"12")
    assert not Report(tmp_path, "settings", resume=True).is_done(source)
    failed = Outcome(source=source, status="failed", outputs={})
    Report(tmp_path, "settings", resume=True).add(failed, fingerprint(source))
    assert not Report(tmp_path, "settings", resume=True).is_done(source)
