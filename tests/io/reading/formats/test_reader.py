"""What all readers share: a look at the first bytes of a file."""

import os

import pytest

from napari_focusstack.io.reading.formats.reader import first_bytes


def test_a_short_file_and_none_have_fewer_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"ZISRAW")

    assert first_bytes(tmp_path / "a", 3) == b"ZIS"
    assert first_bytes(tmp_path / "a", 10) == b"ZISRAW"
    assert first_bytes(tmp_path / "missing", 3) == b""
    assert first_bytes(tmp_path, 3) == b""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert first_bytes(tmp_path / "pipe", 3) == b""
