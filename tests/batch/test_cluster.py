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

COUNT = 6


@pytest.fixture
def sources(tmp_path, make_scene):
    paths = [tmp_path / f"s{number}.tif" for number in range(COUNT)]
    for seed, path in enumerate(paths):
        planes = make_scene(2.0, side=64, seed=seed % 2).planes("uint16", grey=True)
        tifffile.imwrite(path, np.stack(planes), metadata={"axes": "ZYX"})
    return paths


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("dask.distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing(tmp_path, sources, parameters, cluster):
    out = tmp_path / "out"
    sources[3].write_bytes(sources[3].read_bytes()[:-3000])
    workers = {worker.pid for worker in cluster.workers.values()}
    outcomes = []
    for outcome in batch(sources, out, parameters, scheduler=cluster.scheduler_address):
        if not outcomes:
            os.kill(workers.pop(), signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        outcomes.append(outcome)

    status = {outcome.source: outcome.status for outcome in outcomes}
    assert [status[path] for path in sources] == ["done"] * 3 + ["failed"] + ["done"] * 2
    options = {name: getattr(parameters, name) for name in vars(parameters)}
    for number in (0, 1, 2, 4, 5):
        expected = fuse(tifffile.imread(sources[number]), **options).image
        np.testing.assert_array_equal(read_image(out / f"s{number}_fused.tif"), expected)
    names = {f"s{number}_fused.tif" for number in (0, 1, 2, 4, 5)}
    assert {path.name for path in out.iterdir()} == names | {"batch.json"}


@pytest.mark.slow
def test_a_local_cluster_needs_no_scheduler_of_its_own(tmp_path, sources, parameters):
    pytest.importorskip("dask.distributed")
    outcomes = list(batch(sources[:2], tmp_path / "out", parameters, scheduler="local"))

    assert {outcome.source for outcome in outcomes} == set(sources[:2])
    assert [outcome.status for outcome in outcomes] == ["done", "done"]


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


@pytest.mark.slow
def test_waiting_for_workers_is_reported_and_work_begins_when_one_comes(
    tmp_path, sources, parameters
):
    distributed = pytest.importorskip("dask.distributed")
    told = []
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, memory_limit=0, dashboard_address=None
    ) as cluster:

        def hire(progress):
            told.append(progress)
            cluster.scale(1)

        (outcome,) = batch(
            sources[:1],
            tmp_path / "out",
            parameters,
            scheduler=cluster.scheduler_address,
            progress=hire,
        )

    assert told == [Progress("wait for workers", 0, 1)]
    assert outcome.status == "done"


def test_a_scheduler_is_given_a_few_seconds_to_answer():
    assert 1 <= cluster_module.TIMEOUT_S <= 10


def test_without_distributed_it_is_said_what_to_install(tmp_path, sources, parameters, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(InputError, match=r"needs the package distributed; pip install"):
        list(batch(sources, tmp_path / "out", parameters, scheduler="local"))
