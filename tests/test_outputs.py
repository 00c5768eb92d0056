"""Nothing is lost: outputs never destroy anything, and appear together or not at all."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusstack.commands.main import main
from napari_focusstack.commands.progress_bars import Bars
from napari_focusstack.io.writing.image import write_image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, limits and links")

#: Options that make a fusion quick.
QUICK = ("--psf", "2", "--register", "off", "--labels", "labels.png", "--device", "cpu")


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit code and what it printed as errors."""

    returncode: int
    stderr: str


@pytest.fixture
def run(capsys):
    """Runs the command in this process: run("fuse", path, ...)."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Finished(code, capsys.readouterr().err)

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with a stack of three planes, its planes in a folder, and labels."""
    monkeypatch.chdir(tmp_path)
    planes = np.random.default_rng(3).integers(0, 4000, (3, 48, 64), np.uint16)
    tifffile.imwrite("in.tif", planes, photometric="minisblack")
    Path("planes").mkdir()
    for number, plane in enumerate(planes):
        write_image(Path(f"planes/z{number}.tif"), plane)
    labels = np.where(np.arange(64) < 32, 1, 2)[None].repeat(48, 0)
    write_image(Path("labels.png"), labels.astype(np.uint8))
    Path("link.tif").symlink_to("in.tif")
    Path("hard.tif").hardlink_to("in.tif")
    return tmp_path


def contents(folder):
    """Everything in a folder, hidden files too."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() or path.name.startswith(".")
    }


EATEN = [
    ("in.tif", "-o", "in.tif"),
    ("in.tif", "-o", "link.tif"),
    ("in.tif", "-o", "hard.tif"),
    ("link.tif", "-o", "{folder}/in.tif"),
    ("planes", "-o", "planes/z1.tif"),
    ("planes", "-o", "out.tif", "--save-depth", "planes/z2.tif"),
    ("planes", "-o", "out.tif", "--save-surface", "planes/ant.obj"),
    ("planes/z0.tif", "planes/z1.tif", "-o", "planes/z1.tif"),
    ("in.tif", "-o", "out.tif", "--save-labels", "{folder}/out.tif"),
    ("in.tif", "-o", "out.tif", "--save-labels", "OUT.tif"),
    ("in.tif", "-o", "out.tif", "--save-source", "labels.png"),
    ("in.tif", "-o", "out.tif", "--report", "x.json", "--save-registration", "planes/../x.json"),
    ("in.tif", "-o", "out.png", "--save-surface", "out.obj"),
    ("in.tif", "-o", "{folder}/out.png", "--save-surface", "out.obj"),
    ("in.tif", "-o", "loop.tif"),
    ("in.tif", "-o", "x" * 252 + ".tif"),
    ("in.tif", "-o", "pipe.tif"),
    ("pipe.tif", "-o", "out.tif"),
    ("loop.tif", "-o", "out.tif"),
    ("x" * 256, "-o", "out.tif"),
    ("in.tif", "planes", "-o", "out.tif"),
    ("in.tif", "-o", "out.tif", "--registration", "pipe.tif"),
]


@pytest.mark.parametrize("words", EATEN)
def test_what_would_be_lost_or_is_no_file_is_refused_in_one_line(run, folder, words):
    Path("loop.tif").symlink_to("loop.tif")
    os.mkfifo("pipe.tif")
    before = contents(folder)
    done = run("fuse", *(word.format(folder=folder) for word in words), *QUICK)
    assert done.returncode == 2
    assert done.stderr.startswith("napari-focusstack: error: ")
    assert done.stderr.count("\n") == 1
    assert contents(folder) == before


def test_a_result_in_its_own_folder_is_no_plane_of_the_next_run(run, folder):
    for _ in range(2):
        done = run("fuse", "planes", "-o", "planes/fused.tif", "--report", "r.json", *QUICK)
        assert done.returncode == 0, done.stderr
        assert json.loads(Path("r.json").read_text())["found"]["planes"] == 3


SET = {
    "-o": "out.tif",
    "--save-depth": "depth.tif",
    "--save-initial": "initial.png",
    "--save-surface": "ant.obj",
    "--report": "report.json",
}


def test_a_full_disk_at_any_output_leaves_none_of_the_set(run, folder):
    import resource

    Path("depth.tif").write_text("older")
    before = contents(folder)
    words = ["fuse", "in.tif", *(word for each in SET.items() for word in each), *QUICK]
    assert run(*words).returncode == 0
    made = contents(folder)
    sizes = sorted(len(made[name]) for name in made if made[name] != before.get(name))
    for name in made:
        name.unlink() if name not in before else name.write_bytes(before[name])
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in sizes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, most))  # no file may be as large
        try:
            done = run(*words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert contents(folder) == before
    assert run(*words).returncode == 0
    assert contents(folder).keys() == made.keys()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129),
                                              (signal.SIGINT, 130)])  # fmt: skip
@pytest.mark.parametrize("step", ["find focus", "any"])
def test_a_signal_ends_a_fusion_and_leaves_nothing(run, folder, monkeypatch, number, code, step):
    before = contents(folder)

    def stop(self, progress):
        if step in (progress.step, "any"):
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Bars, "__call__", stop)
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)]
    done = run("fuse", "in.tif", "-o", "out.tif", "--save-depth", "d.tif", "--device", "cpu")
    assert (done.returncode, done.stderr) == (code, "napari-focusstack: interrupted\n")
    assert contents(folder) == before
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)] == handlers


KILLED = """
import os, sys
from napari_focusstack.commands.main import main
from napari_focusstack.commands.main import main
from napari_focusstack.commands.progress_bars import Bars
Bars.__call__ = lambda self, progress: os.kill(os.getpid(), 9)
main(["fuse", "in.tif", "-o", "out.tif", "--device", "cpu", *sys.argv[1:]])
"""


def test_the_next_run_sweeps_what_a_killed_run_left(run, folder):
    before = contents(folder)
    killed = subprocess.run([sys.executable, "-c", KILLED, *QUICK], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any(path.name.startswith(".") for path in folder.iterdir())
    done = run("fuse", "in.tif", "-o", "out.tif", *QUICK)
    assert done.returncode == 0, done.stderr
    assert contents(folder).keys() - before.keys() == {Path("out.tif")}


def test_a_batch_refuses_its_sources_as_outputs(run, folder):
    batch = ("batch", "--device", "cpu", "--psf", "2")
    before = contents(folder)
    done = run(*batch, "planes", "-o", "planes")
    assert done.returncode == 2
    assert "planes is read, so it cannot be written" in done.stderr
    Path("in_fused.tif").hardlink_to("in.tif")
    done = run(*batch, "in.tif", "-o", ".")
    assert done.returncode == 2
    assert "in_fused.tif is no result of napari-focusstack" in done.stderr
    Path("in_fused.tif").unlink()
    assert contents(folder) == before
