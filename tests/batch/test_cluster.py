"""The batch on dask.distributed: same outputs, and no death of a worker loses anything."""

import os
import signal
import socket
import sys

import numpy as np
import pytest
import tifffile

from napari_focusstack.batch import cluster as cluster_module
from napari_focusstack.batch.batch import batch
from napari_focusstack.errors import InputError
from napari_focusstack.fusion.fuse import fuse
from napari_focusstack.io.reading.image import read_image
from napari_focusstack.runtime.progress import Progress

COUNT = 4


@pytest.fixture
def sources(tmp_path, make_scene):
    paths = [tmp_path / f"s{number}.tif" for number in range(COUNT)]
    for seed, path in enumerate(paths):
        planes = make_scene(2.0, side=64, seed=seed % 2).planes("uint16", grey=True)
        tifffile.imwrite(path, np.stack(planes), metadata={"axes": "ZYX"})
    return paths


@pytest.mark.slow
def test_work_begins_when_workers_come_and_a_killed_one_loses_nothing(
    tmp_path, sources, parameters
):
    distributed = pytest.importorskip("dask.distributed")
    out, reported, outcomes = tmp_path / "out", [], []
    sources[1].write_bytes(sources[1].read_bytes()[:-3000])
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, memory_limit=0, dashboard_address=None
    ) as cluster:

        def hire(progress):
            reported.append(progress)
            cluster.scale(1)

        address = cluster.scheduler_address
        for outcome in batch(sources, out, parameters, scheduler=address, progress=hire):
            if not outcomes:
                worker = next(worker.pid for worker in cluster.workers.values() if worker.pid)
                os.kill(worker, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
            outcomes.append(outcome)

    assert reported == [Progress("wait for workers", 0, 1)]
    status = {outcome.source: outcome.status for outcome in outcomes}
    assert [status[path] for path in sources] == ["done", "failed", "done", "done"]
    options = {name: getattr(parameters, name) for name in vars(parameters)}
    for number in (0, 2, 3):
        expected = fuse(tifffile.imread(sources[number]), **options).image
        np.testing.assert_array_equal(read_image(out / f"s{number}_fused.tif"), expected)
    names = {f"s{number}_fused.tif" for number in (0, 2, 3)}
    assert {path.name for path in out.iterdir()} == names | {"batch.json"}


@pytest.mark.slow
def test_a_local_cluster_needs_no_scheduler_of_its_own(tmp_path, sources, parameters):
    pytest.importorskip("dask.distributed")
    (outcome,) = batch(sources[:1], tmp_path / "out", parameters, scheduler="local")

    assert (outcome.source, outcome.status) == (sources[0], "done")


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://here", "127.0.0.1:port"])
def test_an_unreachable_scheduler_is_refused_and_leaves_nothing(
    tmp_path, sources, parameters, address, monkeypatch
):
    pytest.importorskip("dask.distributed")
    monkeypatch.setattr(cluster_module, "TIMEOUT_S", 1)

    with pytest.raises(InputError, match=f"the scheduler {address} does not answer") as raised:
        list(batch(sources, tmp_path / "out", parameters, scheduler=address))

    assert "\n" not in str(raised.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_port_that_never_answers_is_refused_after_the_time_limit(
    tmp_path, sources, parameters, monkeypatch
):
    pytest.importorskip("dask.distributed")
    monkeypatch.setattr(cluster_module, "TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(InputError, match=r"does not answer \(nothing within 1 s\); start it"):
            list(batch(sources, tmp_path / "out", parameters, scheduler=address))


def test_a_scheduler_is_given_a_few_seconds_to_answer():
    assert 1 <= cluster_module.TIMEOUT_S <= 10


def test_without_distributed_it_is_said_what_to_install(tmp_path, sources, parameters, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(InputError, match=r"needs the package distributed; pip install"):
        list(batch(sources, tmp_path / "out", parameters, scheduler="local"))
