"""Scratch planes: what was written comes back, space is certain, and the file is gone."""

import errno
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from napari_focusstack.errors import InputError
from napari_focusstack.planes.scratch import ScratchPlanes

NOISE = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Folder for temporary files of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("shape", [(3, 17, 31), (3, 17, 31, 3)])
def test_rectangles_in_any_order_make_the_planes(folder, shape):
    planes = (NOISE.random(shape) * 60000).astype(np.uint16)
    corners = [(z, y, x) for z in range(3) for y in (0, 8) for x in (0, 20)]
    with ScratchPlanes(shape, "uint16") as scratch:
        for number in NOISE.permutation(len(corners)):
            z, y, x = corners[number]
            part = np.s_[y : 8 if y == 0 else 17, x : 20 if x == 0 else 31]
            scratch.write(z, planes[z][part], part)
        for z in range(3):
            np.testing.assert_array_equal(scratch.read(z), planes[z])
            np.testing.assert_array_equal(scratch.read(z, np.s_[5:9, 19:22]), planes[z, 5:9, 19:22])


def test_what_is_read_is_a_copy(folder):
    with ScratchPlanes((1, 4, 4), "uint8") as scratch:
        scratch.read(0)[:] = 9
        assert not scratch.read(0).any()


def test_nothing_lies_in_the_folder_once_it_is_closed(folder):
    with ScratchPlanes((2, 64, 64), "float32") as scratch:
        scratch.write(1, np.ones((64, 64)))
    assert list(folder.iterdir()) == []


def test_a_disk_with_too_little_space_is_refused_before_anything_is_written(folder, monkeypatch):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 5000, 5000)
    )
    with pytest.raises(InputError, match=r"disk is full: 0\.01 GB are needed in .* set TMPDIR"):
        ScratchPlanes((3, 1000, 1000), "uint16")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("fallocate", [True, False])
def test_a_disk_that_fills_up_at_the_last_moment_raises_and_leaves_nothing(
    folder, monkeypatch, fallocate
):
    resource = pytest.importorskip("resource", reason="file size limits are a Unix feature")
    if not fallocate:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError, match="the disk is full"):
            ScratchPlanes((3, 200, 200), "uint16")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []


def test_space_is_reserved_where_the_system_cannot_do_it_at_once(folder, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr("napari_focusstack.planes.scratch.RESERVE_BYTES", 1000)
    with ScratchPlanes((3, 33, 47), "uint8") as scratch:
        scratch.write(2, np.full((33, 47), 7))
        assert (scratch.read(2) == 7).all()
        assert not scratch.read(1).any()


def test_other_trouble_is_not_called_a_full_disk(folder, monkeypatch):
    def broken(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "posix_fallocate", broken, raising=False)
    with pytest.raises(OSError, match="Input/output"):
        ScratchPlanes((3, 8, 8), "uint8")


def test_planes_are_written_where_they_belong_while_others_are_read():
    planes = np.arange(200, dtype=np.uint8)[:, None, None] * np.ones((64, 64), np.uint8)
    with ScratchPlanes(planes.shape, "uint8") as scratch, ThreadPoolExecutor(4) as pool:
        tasks = []
        for number, plane in enumerate(planes):
            tasks += [pool.submit(scratch.read, 0) for _ in range(5)]
            tasks.append(pool.submit(scratch.write, number, plane))
        for task in tasks:
            task.result()
        for number, plane in enumerate(planes):
            np.testing.assert_array_equal(scratch.read(number), plane)
