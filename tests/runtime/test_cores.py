import os

from napari_focusstack.runtime.cores import yield_cores


def test_waiting_threads_sleep_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    yield_cores()
    assert os.environ["OMP_WAIT_POLICY"] == "passive"
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    yield_cores()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
