"""The memory budget: how much memory the work may take."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Share of the free memory that is the budget where the user gives none. Convention.
FREE_SHARE = 0.5

#: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h, bytes: what is taken from the
#: system on its own, what may stay free at the end of the heap, and by what it grows. M_ARENA_MAX:
#: one heap for all threads, for what one has freed, another takes.
KEEPING = {-3: 2**30, -1: 2**27, -2: 2**26, -8: 1}
#: The same where memory is scarce: what is large goes back to the system at once.
RETURNING = {-3: 2**22, -8: 1}
#: Memory budget below which memory is scarce, bytes: three times what the heap keeps. Convention.
SCARCE_BYTES = 600_000_000


def memory_budget() -> int:
    """Return the memory budget where the user gives none, bytes: half of the free memory.

    Returns
    -------
    int
        Above 0.

    Examples
    --------
    >>> memory_budget() > 0
    True
    """
    return max(int(FREE_SHARE * free_bytes()), 1)


def free_bytes() -> int:
    """Return how much memory this process can take without swapping, bytes.

    The system says how much memory is available. On Linux the control groups of a container or a
    batch system may leave less.

    Returns
    -------
    int
        At least 0.

    Examples
    --------
    >>> free_bytes() > 0
    True
    """
    return max(min([psutil.virtual_memory().available, *left_in_groups(Path("/"))]), 0)


def left_in_groups(root: Path) -> Iterator[int]:
    """Yield how much each control group (cgroup v1 or v2) of this process leaves, bytes.

    Parameters
    ----------
    root : Path
        Folder that holds ``proc`` and ``sys``.

    Yields
    ------
    int
        Limit less usage. Copies of files in memory do not count as usage, because the kernel drops
        them on demand. Negative where a group exceeds its limit. Nothing for a group without a
        limit, and nothing on a system without control groups.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "":  # version 2: one tree for all controllers
            tree, limit_name, usage_name = root / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            tree = root / "sys/fs/cgroup/memory"
            limit_name, usage_name = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        folder = tree / group.lstrip("/")
        # The limits of the groups above apply too.
        for level in (folder, *folder.parents):
            if level == tree.parent:
                break
            limit, usage = _number(level / limit_name), _number(level / usage_name)
            # Version 1 writes "no limit" as a number larger than any memory.
            if limit is not None and usage is not None and limit < 2**60:
                yield limit - usage + _file_cache(level / "memory.stat")


def trim_heap() -> None:
    """Return freed memory to the system (glibc only, elsewhere nothing to do); takes milliseconds.

    Tensors of many sizes fragment the heap. It then holds twice the memory that is in use.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def arrange_heap(budget_bytes: int | None = None) -> None:
    """Choose between time and memory in how the process takes memory from the system (glibc only).

    Tensors of tiles are freed and allocated all the time. As a rule the process keeps freed memory
    for a while, so that the system need not clear its pages again: a quarter less time, a tenth
    more memory, measured on 28 planes of 0.4 megapixels. With little memory it returns it at once:
    elimination and edges take half the memory and half as much time again, measured on 30 planes of
    4 megapixels. For a process of its own, not within other programs.

    Parameters
    ----------
    budget_bytes : int, optional
        Memory budget; :func:`memory_budget` if not given.
    """
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        budget = memory_budget() if budget_bytes is None else budget_bytes
        if set_option is not None:
            for option, value in (RETURNING if budget < SCARCE_BYTES else KEEPING).items():
                set_option(option, value)


def _number(path: Path) -> int | None:
    """Return the number in a file; None if there is no file or no number, such as "max"."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _file_cache(path: Path) -> int:
    """Return the bytes of memory that hold copies of files, from a ``memory.stat``."""
    try:
        counters = dict(line.split() for line in path.read_text("ascii").splitlines())
    except OSError:
        return 0
    return int(counters.get("total_inactive_file", counters.get("inactive_file", 0)))
