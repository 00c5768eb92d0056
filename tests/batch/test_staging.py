"""The folder in which a batch works: hidden, for one batch at a time, swept after a crash."""

import errno
import subprocess
import sys
import threading

import pytest

from napari_focusstack.batch import staging
from napari_focusstack.batch.staging import LOCK, STAGING, staging_in
from napari_focusstack.errors import InputError


def test_it_is_hidden_and_gone_at_the_end_with_all_that_is_in_it(tmp_path):
    with staging_in(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert all(path.name.startswith(".") for path in tmp_path.iterdir())
        (folder / "half.tif").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("locked", [True, False])
def test_what_a_dead_batch_left_is_swept(tmp_path, locked):
    left = tmp_path / STAGING.replace("*", "0f")
    (left / "attempt").mkdir(parents=True)
    if locked:  # by a process that is no more
        (tmp_path / LOCK).touch()

    with staging_in(tmp_path) as folder:
        assert list(tmp_path.glob(STAGING)) == [folder]
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from napari_focusstack.batch.staging import staging_in
with staging_in(Path(sys.argv[1])):
    os._exit(9)  # no clean-up, as after a kill
"""


def test_the_lock_of_a_killed_process_is_dropped(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert killed.returncode == 9
    assert (tmp_path / LOCK).exists()

    with staging_in(tmp_path) as folder:
        assert list(tmp_path.glob(STAGING)) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_a_second_batch_is_refused_and_leaves_the_first_alone(tmp_path):
    with staging_in(tmp_path) as first:
        (first / "half.tif").touch()
        with (
            pytest.raises(InputError, match=rf"another batch .* \(if there is none, delete {LOCK}"),
            staging_in(tmp_path),
        ):
            pytest.fail("two at work")
        assert list(tmp_path.glob(STAGING)) == [first]
        assert (first / "half.tif").exists()


OTHER_PROCESS = """
import sys
from pathlib import Path
from napari_focusstack.batch.staging import staging_in
from napari_focusstack.errors import InputError
try:
    with staging_in(Path(sys.argv[1])):
        print("works")
except InputError as error:
    print(error)
"""


def test_a_second_process_is_refused_as_long_as_the_first_is_at_work(tmp_path):
    def other_process():
        return subprocess.check_output([sys.executable, "-c", OTHER_PROCESS, tmp_path], text=True)

    with staging_in(tmp_path):
        assert other_process().startswith("another batch is at work")
    assert other_process() == "works\n"


def test_of_batches_that_start_at_once_exactly_one_works(tmp_path):
    count, rounds = 4, 25
    start, end = threading.Barrier(count), threading.Barrier(count)

    def work(outcomes):
        for outcome in outcomes:
            start.wait()
            try:
                with staging_in(tmp_path) as folder:
                    end.wait()  # until the others are refused
                    outcome.append("worked" if folder.exists() else "lost its folder")
            except InputError:
                outcome.append("refused")
                end.wait()

    outcomes = [[] for _ in range(rounds)]
    threads = [threading.Thread(target=work, args=(outcomes,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted(outcome) for outcome in outcomes] == [["refused"] * 3 + ["worked"]] * rounds
    assert list(tmp_path.iterdir()) == []


def test_another_thread_may_end_the_batch(tmp_path):
    batch = staging_in(tmp_path)
    batch.__enter__()
    thread = threading.Thread(target=batch.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    with staging_in(tmp_path):
        pass


class NoLocks(staging.FileLock):
    """A lock on a file system without locks."""

    code = errno.ENOTSUP

    def acquire(self, *args, **kwargs):
        raise OSError(self.code, "Operation not supported")


def test_without_locks_a_batch_works_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "FileLock", NoLocks)
    with (
        staging_in(tmp_path) as first,
        pytest.raises(InputError, match=rf"another batch .* delete {first.name}\)"),
        staging_in(tmp_path),
    ):
        pytest.fail("two at work")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_refuses_the_lock_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "FileLock", NoLocks)
    monkeypatch.setattr(NoLocks, "code", errno.EACCES)
    with (
        pytest.raises(InputError, match=r"cannot lock .*not supported"),
        staging_in(tmp_path),
    ):
        pytest.fail("not locked")
