"""Hidden folders of unfinished outputs; those of processes that died are deleted by the next."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sys
from time import sleep
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

PREFIX, SUFFIX = ".napari-focusstack-", ".part"
#: File in the folder that its process keeps locked.
LOCK = "lock"
#: Errors of file systems without locks.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
#: Ending of an older output that is set aside while a new one takes its place.
OLD = ".old"


@contextlib.contextmanager
def part_folder(parent: Path) -> Iterator[Path]:
    """Make a hidden folder in a folder; at the end it is deleted with all that is left in it.

    The system drops the lock of a process that dies, however it dies and wherever it ran. What
    such processes left in the same folder is deleted first.

    Parameters
    ----------
    parent : Path
        Folder for the outputs.

    Yields
    ------
    Path

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    sweep(parent)
    folder, lock = _make(parent)
    try:
        yield folder
    finally:
        if lock is not None:
            lock.release()
        remove(folder)


def sweep(parent: Path) -> None:
    """Delete the part folders of dead processes; an output that was set aside takes its place."""
    for folder in list(parent.glob(f"{PREFIX}*{SUFFIX}")):
        with contextlib.suppress(OSError):  # at work, or swept by another process
            if (folder / LOCK).exists():
                _sweep_dead(folder)
            else:
                folder.rmdir()  # empty, or not ours


def _sweep_dead(folder: Path) -> None:
    """Delete a part folder; raise OSError if its process lives."""
    from filelock import FileLock

    with FileLock(folder / LOCK, timeout=0):
        for old in folder.glob(f"*{OLD}"):
            target = folder.parent / old.name.removesuffix(OLD)
            if not target.exists():
                old.replace(target)
        # Locked to the end: a process that has just made the folder and locks it next sees that.
        shutil.rmtree(folder, ignore_errors=True)
    if sys.platform == "win32":  # no open file is deleted there
        (folder / LOCK).unlink()
        folder.rmdir()


def remove(path: Path) -> None:
    """Delete a file or folder if it exists."""
    # After an error, threads of zarr may still write chunks for a moment.
    for _ in range(20):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if not path.exists():
            return
        sleep(0.05)


def _make(parent: Path) -> tuple[Path, BaseFileLock | None]:
    """Make a folder, and lock it where the file system has locks."""
    from filelock import FileLock, Timeout

    while True:
        folder = parent / f"{PREFIX}{uuid4().hex}{SUFFIX}"
        folder.mkdir()
        lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
        # These say that another process swept the folder before it was locked.
        with contextlib.suppress(FileNotFoundError, FileExistsError, Timeout):
            try:
                lock.acquire()
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
                (folder / LOCK).touch()  # nobody else can lock it either, so it is never swept
                return folder, None
            if (folder / LOCK).exists():
                return folder, lock
            lock.release()
