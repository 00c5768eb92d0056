"""Forked processes: the threads of torch are not copied, and waiting for them never ends."""

from __future__ import annotations

import os

from napari_focusstack.errors import InputError

#: The process that has used torch's threads here, or the one that this one was forked from.
_used_by: int | None = None


def check_not_forked() -> None:
    """Raise InputError in a process that was forked from one that had fused already."""
    global _used_by
    if _used_by not in (None, os.getpid()):
        raise InputError(
            "this process was forked from one that had fused, and would wait for its threads for "
            "ever; use multiprocessing.get_context('spawn'), or fork before the first fusion."
        )
    _used_by = os.getpid()
