"""A fork after a fusion is refused, before it waits for ever."""

import os

import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.runtime import forked
from napari_focusstack.runtime.forked import check_not_forked


def test_a_process_forked_from_one_that_fused_is_refused(monkeypatch):
    monkeypatch.setattr(forked, "_used_by", None)
    check_not_forked()
    check_not_forked()
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    with pytest.raises(InputError, match="use multiprocessing"):
        check_not_forked()


def test_a_fork_before_the_first_fusion_passes(monkeypatch):
    monkeypatch.setattr(forked, "_used_by", None)
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    check_not_forked()
