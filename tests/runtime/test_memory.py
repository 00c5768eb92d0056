"""The memory budget: what users write, what systems say is free, and what control groups leave."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_focusstack.commands.options import parse_bytes
from napari_focusstack.errors import InputError
from napari_focusstack.runtime import memory
from napari_focusstack.runtime.memory import (
    free_bytes,
    left_in_groups,
    memory_budget,
    trim_heap,
)

GIB = 2**30


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.5GB", 1_500_000_000),
        ("1.5 gib", 1_610_612_736),
        ("800M", 800_000_000),
        ("64kB", 64_000),
        ("4096", 4096),
        ("4096 B", 4096),
        (".5T", 500_000_000_000),
    ],
)
def test_amounts_are_read_as_users_write_them(text, amount):
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "lots", "-1GB", "0", "0.1B", "1.5PB", "GB", "1,5GB", "3iB"])
def test_what_is_no_amount_is_refused_by_name(text):
    with pytest.raises(InputError, match="is no amount of memory; give one such as") as raised:
        parse_bytes(text)
    assert repr(text) in str(raised.value)


def test_the_budget_is_half_of_what_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 6 * GIB)
    assert memory_budget() == 3 * GIB


def test_this_machine_has_memory_free():
    assert 2**20 < free_bytes() < 2**60


@pytest.mark.parametrize(
    ("available", "left", "free"),
    [(6 * GIB, [], 6 * GIB), (6 * GIB, [8 * GIB, 2 * GIB], 2 * GIB), (6 * GIB, [-400], 0)],
)
def test_free_is_what_both_the_system_and_its_control_groups_leave(
    monkeypatch, available, left, free
):
    system = SimpleNamespace(available=available, total=16 * GIB, free=GIB)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: system)
    monkeypatch.setattr(memory, "left_in_groups", lambda root: iter(left))
    assert free_bytes() == free


def groups(root, listed, **files):
    """Lay out the control groups of a process under a folder; `__` in a name stands for a slash."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(listed)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_system_without_control_groups_has_no_limit(tmp_path):
    assert list(left_in_groups(tmp_path)) == []


def test_a_container_has_what_its_limit_leaves_and_its_file_cache(tmp_path):
    root = groups(
        tmp_path, "0::/box/inner\n",
        box__memory_DOT_max=f"{4 * GIB}\n", box__memory_DOT_current=f"{3 * GIB}\n",
        box__memory_DOT_stat=f"anon 5\ninactive_file {GIB // 2}\n",
        box__inner__memory_DOT_max="max\n", box__inner__memory_DOT_current="7\n",
    )  # fmt: skip
    assert list(left_in_groups(root)) == [GIB + GIB // 2]


def test_the_older_control_groups_count_too(tmp_path):
    root = groups(
        tmp_path, "4:cpu,cpuacct:/job\n7:memory:/job\n",
        memory__job__memory_DOT_limit_in_bytes=f"{2 * GIB}\n",
        memory__job__memory_DOT_usage_in_bytes=f"{GIB}\n",
        memory__memory_DOT_limit_in_bytes=f"{2**63 - 4096}\n",
        memory__memory_DOT_usage_in_bytes=f"{9 * GIB}\n",
    )  # fmt: skip
    assert list(left_in_groups(root)) == [GIB]


def test_each_group_above_limits_too(tmp_path):
    root = groups(
        tmp_path, "0::/job\n",
        memory_DOT_max="100\n", memory_DOT_current="500\n",
        job__memory_DOT_max="80\n", job__memory_DOT_current="50\n",
    )  # fmt: skip
    assert list(left_in_groups(root)) == [30, -400]


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_memory_that_was_freed_goes_back_to_the_system():
    held = [np.ones(50_000, np.uint8) for _ in range(4000)]  # too small to be mapped one by one
    resident = _resident_bytes()
    keep = held[::50]
    del held
    trim_heap()
    assert _resident_bytes() < resident - 10**8
    assert len(keep) == 80


def _resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measured(start, work):
    """What a new process that begins in a way prints of its work."""
    program = f"""
import resource
from pathlib import Path
import numpy as np
from napari_focusstack.runtime.memory import arrange_heap
{start}
{work}
"""
    command = [sys.executable, "-c", program]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_a_process_that_keeps_its_heap_clears_fewer_pages():
    work = """
first = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    np.ones(6_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - first)
"""
    assert measured("arrange_heap(10**9)", work) < 0.3 * measured("", work)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_where_memory_is_scarce_what_is_freed_goes_back_at_once():
    work = """
def pages():
    return int(Path("/proc/self/statm").read_text().split()[1])
first = pages()
held = [np.ones(600_000) for _ in range(100)]
del held[::2]
print((pages() - first) * resource.getpagesize())
"""
    held = 50 * 600_000 * 8
    assert measured("arrange_heap(10**8)", work) < 1.1 * held
    assert measured("arrange_heap(10**9)", work) > 1.5 * held
