"""A part of the hostile inputs of hostile.py; `python tests/hostile.py` runs all of them."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("hostile", Path(__file__).with_name("hostile.py"))
hostile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hostile)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX timers, links and pipes")
#: The step shares no divisor with the number of kinds, so every kind is among them.
PART = range(0, hostile.COUNT, 9)
#: A pipe, a page of claims and an odd option, as processes of their own.
PROCESSES = (33, 22, 56)


def test_every_kind_is_tried():
    assert hostile.COUNT == 300
    assert {number % len(hostile.KINDS) for number in PART} == set(range(len(hostile.KINDS)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("number", PART)
def test_a_hostile_input_ends_in_a_result_or_one_line(tmp_path, number):
    assert hostile.outcome(number, tmp_path) in ("result", "refused")


def test_the_same_holds_for_a_process(tmp_path):
    for number in PROCESSES:
        folder = tmp_path / str(number)
        folder.mkdir()
        words = hostile.make(number, folder)
        started = subprocess.Popen(
            [sys.executable, "-m", "napari_focusstack", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        said = started.stderr.read()
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        started.stderr.close()
        assert started.returncode in (0, 2)
        assert said.count("\n") == (started.returncode == 2)
        assert usage.ru_maxrss < 2 * 2**20  # kB
        assert usage.ru_utime + usage.ru_stime < 60
