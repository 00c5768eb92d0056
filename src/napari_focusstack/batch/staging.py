"""The hidden folder in which a batch prepares its results, and the lock that keeps others out."""

from __future__ import annotations

import contextlib
import errno
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

from filelock import FileLock, Timeout

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock


STAGING = ".batch-*.part"
LOCK = ".batch.lock"


@contextlib.contextmanager
def staging_in(folder: Path) -> Iterator[Path]:
    """Create a hidden folder for results in progress, and lock the output folder for this batch.

    The lock is taken before anything else, so of several batches that start at once exactly one
    works. The system drops the lock of a process that dies. What such a batch left behind is
    deleted.

    Parameters
    ----------
    folder : Path
        Output folder.

    Yields
    ------
    Path
        The hidden folder. It is deleted at the end, with all that is left in it.

    Raises
    ------
    InputError
        If another batch is at work in the output folder, or the folder cannot be written to.
    """
    # A generator may be closed by another thread than the one that started it.
    lock = FileLock(folder / LOCK, timeout=0, thread_local=False)
    is_locked = _acquire(lock, folder)
    try:
        for left in folder.glob(STAGING):
            if not is_locked:
                raise _busy(folder, left.name)
            shutil.rmtree(left, ignore_errors=True)
        staging = folder / STAGING.replace("*", uuid4().hex)
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    finally:
        # Deleted while it is locked, so that nobody else can lock the old file. Windows deletes no
        # open file: there filelock deletes it after the release.
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        lock.release()


def _acquire(lock: BaseFileLock, folder: Path) -> bool:
    """Take the lock without waiting; return False where the file system has no locks."""
    try:
        lock.acquire()
    except Timeout:
        raise _busy(folder, LOCK) from None
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP):
            return False
        raise InputError(
            f"cannot lock {folder} ({error.strerror or error}); choose another folder."
        ) from error
    return True


def _busy(folder: Path, left: str) -> InputError:
    """Return the error that another batch is at work."""
    return InputError(
        f"another batch is at work in {folder}; wait for its end, or choose another folder "
        f"(if there is none, delete {left})."
    )
