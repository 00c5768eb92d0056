"""The command `batch`: what it prints, its exit code, and what it passes on."""

import json

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch import batch as batch_module
from napari_focusstack.commands import main as cli
from napari_focusstack.io.reading.record import read_record
from napari_focusstack.registration.transforms import Registration


@pytest.fixture
def sources(tmp_path, make_scene):
    folder = tmp_path / "in"
    folder.mkdir()
    planes = np.stack(make_scene(2.0, side=64).planes("uint16", grey=True))
    for number in (1, 2, 3):
        tifffile.imwrite(folder / f"s{number}.tif", planes, metadata={"axes": "ZYX"})
    return folder


@pytest.fixture
def run(tmp_path, sources, fsb_weights, keb_weights, capsys):
    """Run the command on the sources: exit code, standard output, standard error."""
    fixed = ["batch", f"{sources}/s*.tif", "-o", f"{tmp_path}/out", "--psf", "2", "--no-crf"]
    fixed += ["--psf-shape", "gaussian", "--device", "cpu"]
    fixed += ["--fsb-weights", str(fsb_weights), "--keb-weights", str(keb_weights)]

    def run(*words):
        code = cli.main([*fixed, *words])
        return code, *capsys.readouterr()

    return run


def test_all_matches_are_fused_with_the_options_given(tmp_path, run):
    side = [f"--save-{what}" for what in ("labels", "depth", "confidence")]
    code, said, errors = run(*side, "--elimination", "subtract")

    assert (code, errors) == (0, "")
    assert said.strip() == f"{tmp_path / 'out'}: 3 done, 0 skipped, 0 failed"
    kinds = ("confidence", "depth", "fused", "labels")
    names = [f"s{n}_{what}.tif" for n in (1, 2, 3) for what in kinds]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["batch.json", *names]
    made = read_record(tmp_path / "out" / "s2_fused.tif")
    assert made["parameters"]["elimination"] == "subtract"


def test_a_saved_registration_and_the_format_are_passed_on(tmp_path, run):
    zarr = pytest.importorskip("zarr")
    known = Registration.identity(2, (64, 64), "shift", "the planes lie still")
    known.save(tmp_path / "r.json")

    assert run("--registration", f"{tmp_path}/r.json", "--format", "zarr")[0] == 0

    group = zarr.open_group(tmp_path / "out" / "s3_fused.ome.zarr", mode="r")
    assert group["0"].shape == (64, 64)
    made = group.attrs["napari-focusstack"]["record"]
    assert made["found"]["registration"] == known.to_dict()


def test_failures_get_a_line_each_and_code_2_and_a_second_run_resumes(tmp_path, sources, run):
    cut = sources / "s2.tif"
    cut.write_bytes(cut.read_bytes()[:-3000])

    code, said, errors = run()

    assert code == 2
    assert "2 done, 0 skipped, 1 failed" in said
    first, last = errors.strip().splitlines()
    assert first.startswith(f"{cut}: {cut} cannot be read, it may be cut short or damaged")
    assert last.startswith("napari-focusstack: error: 1 of 3 stacks failed; mend them")
    report = json.loads((tmp_path / "out" / "batch.json").read_text())["items"]
    assert {name: item["status"] for name, item in report.items()} == {
        str(sources / f"s{n}.tif"): "failed" if n == 2 else "done" for n in (1, 2, 3)
    }

    cut.write_bytes((sources / "s1.tif").read_bytes())
    assert run("--resume")[:2] == (0, f"{tmp_path / 'out'}: 1 done, 2 skipped, 0 failed\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--memory", "lots"), "'lots' is no amount of memory"),
        (("--registration", "gone.json"), "gone.json does not exist"),
        (("--scheduler", "tcp://127.0.0.1:9"), "the scheduler tcp://127.0.0.1:9 does not answer"),
        (("--psf", "0"), "sigma"),
    ],
)
def test_options_that_no_stack_could_be_fused_with_are_refused(run, words, message):
    if "--scheduler" in words:
        pytest.importorskip("dask.distributed")
    code, _, errors = run(*words)
    assert code == 2
    assert message in errors


def test_the_memory_given_is_what_the_stacks_may_take(run, monkeypatch):
    budgets = []
    fuse_item = batch_module.fuse_item
    monkeypatch.setattr(
        batch_module,
        "fuse_item",
        lambda job, progress: budgets.append(job.budget_bytes) or fuse_item(job, progress),
    )
    assert run("--memory", "20MB")[0] == 0
    assert budgets == [20_000_000] * 3


def test_an_interruption_gives_code_130_and_leaves_only_what_is_whole(tmp_path, run, monkeypatch):
    fuse_item = batch_module.fuse_item

    def interrupted(job, progress):
        if job.name == "s2":
            raise KeyboardInterrupt
        return fuse_item(job, progress)

    monkeypatch.setattr(batch_module, "fuse_item", interrupted)

    assert run()[0] == 130
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "batch.json",
        "s1_fused.tif",
    ]
