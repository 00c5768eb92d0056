"""The command as a process of its own: exit codes, errors in one line, logging."""

import re
import subprocess
import sys

import numpy as np
import pytest

from napari_focusstack.commands import demo
from napari_focusstack.io.writing.image import write_image


def run_process(*words):
    """Run the command and return its finished process."""
    command = [sys.executable, "-W", "error", "-m", "napari_focusstack", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_process_writes_its_results_and_prints_no_warning(pair):
    done = run_process(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--labels",
        pair / "mask.png", "--psf", "4",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{pair / 'out.tif'}: sigma 4.00 px")
    assert (pair / "out.tif").stat().st_size > 0


def test_an_unknown_word_is_refused_in_one_line(run):
    done = run("fuze")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "fuze" in done.stderr


def test_an_interruption_gives_code_130(run, monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupted)
    done = run("demo")
    assert (done.returncode, done.stderr) == (130, "napari-focusstack: interrupted\n")


def test_the_version_is_that_of_the_package(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("--version")
    assert ended.value.code == 0
    assert re.fullmatch(r"napari-focusstack [\d.]+\w*\n", capsys.readouterr().out)


def test_a_verbose_process_logs_its_steps_and_the_traceback_of_an_error(pair):
    write_image(pair / "other.png", np.ones((5, 6), np.uint8))
    done = run_process(
        "fuse", pair / "near.png", pair / "far.png", "-o", pair / "out.tif", "--labels",
        pair / "other.png", "--verbose",
    )  # fmt: skip
    assert done.returncode == 2
    assert "napari_focusstack.fusion.prepared_planes: 2 planes" in done.stderr
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("napari-focusstack: error: ")
