"""How much memory the work may take: a budget, told in bytes or found from what is free."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Of what is free, taken where the user gives no budget.
SHARE = 0.5
#: A group of processes without a limit has one beyond any memory.
_NO_LIMIT = 2**60


def memory_budget() -> int:
    """Return the bytes that the work may take where the user gives no budget: half of what is free.

    Returns
    -------
    int
        Above 0.

    Examples
    --------
    >>> memory_budget() > 0
    True
    """
    return max(int(SHARE * free_bytes()), 1)


def free_bytes() -> int:
    """Return how much memory this process could still take without swapping, bytes.

    On Linux what the kernel calls available, or less where a control group (a container, a batch
    system) limits it; elsewhere what the system says is free, or all of it where it says nothing.

    Examples
    --------
    >>> free_bytes() > 0
    True
    """
    if sys.platform == "win32":
        return _free_on_windows()
    if Path("/proc/meminfo").is_file():
        return free_on_linux(Path("/"))
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def free_on_linux(root: Path) -> int:
    """Return the available memory, bytes, as the files under `root` tell it.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` lie.

    Returns
    -------
    int
        The least of what the machine has and what each control group leaves, at least 0.
    """
    told = dict(
        line.split(":", 1) for line in (root / "proc/meminfo").read_text("ascii").splitlines()
    )
    available = int(told.get("MemAvailable", told["MemFree"]).split()[0]) * 1024
    return max(min([available, *_left_in_groups(root)]), 0)


def tile_side(budget_bytes: int, bytes_per_pixel: float, most_px: int, least_px: int = 64) -> int:
    """Return the side of the largest square tile whose work fits into a budget.

    Parameters
    ----------
    budget_bytes : int
        What the work on one tile may take.
    bytes_per_pixel : float
        What it takes for each pixel of the tile.
    most_px, least_px : int
        Bounds of the side, px.

    Returns
    -------
    int
        A multiple of 16 px, where the bounds are.

    Examples
    --------
    >>> tile_side(200_000_000, 400, 1024), tile_side(10**12, 400, 1024), tile_side(1, 400, 1024)
    (704, 1024, 64)
    """
    side = math.isqrt(int(budget_bytes / bytes_per_pixel)) // 16 * 16
    return min(max(side, least_px), most_px)


def trim_heap() -> None:
    """Return freed memory to the system where its allocator keeps it (glibc); costs milliseconds.

    Tensors of many sizes leave a heap full of holes, which hold twice what is in use.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _left_in_groups(root: Path) -> Iterator[int]:
    """Yield what each control group of this process leaves of its limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "":  # version 2: one tree for all
            tree, limit, usage = root / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            tree = root / "sys/fs/cgroup/memory"
            limit, usage = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = tree / group.lstrip("/")
        # A limit of any group above counts too.
        for one in (folder, *folder.parents):
            if one == tree.parent:
                break
            most, used = _number(one / limit), _number(one / usage)
            if most is not None and used is not None and most < _NO_LIMIT:
                yield most - used + _file_cache(one / "memory.stat")


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):  # not there, or "max"
        return None


def _file_cache(path: Path) -> int:
    """Return the bytes that hold copies of files, which the kernel gives up when asked."""
    try:
        told = dict(line.split() for line in path.read_text("ascii").splitlines())
    except OSError:
        return 0
    return int(told.get("total_inactive_file", told.get("inactive_file", 0)))


def _free_on_windows() -> int:
    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("size", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("total", "available")),
            *((f"rest_{number}", ctypes.c_uint64) for number in range(5)),
        ]

    status = Status(size=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.available)
