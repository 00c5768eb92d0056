"""Where a batch makes its results: a hidden folder, locked while it runs, swept when it is dead."""

from __future__ import annotations

import contextlib
import shutil
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_focusstack.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


STAGING = ".batch-*.part"
LOCK = "lock"


@contextlib.contextmanager
def staging_in(folder: Path) -> Iterator[Path]:
    """Give a hidden folder in which results are made before they take their places.

    Parameters
    ----------
    folder : Path
        Of the outputs. What batches that were killed left in it goes.

    Yields
    ------
    Path
        Gone at the end, with all that is left in it.

    Raises
    ------
    InputError
        If another batch is at work in the folder: each would undo what the other reports.
    """
    own = folder / STAGING.replace("*", uuid4().hex)
    own.mkdir()
    try:
        with (own / LOCK).open("wb") as lock:
            _take(lock)
            for other in folder.glob(STAGING):
                if other != own:
                    _sweep(other)
            yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _sweep(other: Path) -> None:
    """Delete the folder of a batch that is dead; InputError if it lives."""
    # The system drops the lock of a process that dies.
    if (other / LOCK).exists():
        with (other / LOCK).open("r+b") as lock:
            if not _take(lock):
                raise InputError(
                    f"another batch is at work in {other.parent}; wait for its end, or choose "
                    f"another folder (if there is none, delete {other.name})."
                )
    shutil.rmtree(other, ignore_errors=True)


def _take(file: BinaryIO) -> bool:
    """Lock an open file for this process, if no other has; tell whether it is locked now."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
