"""Run the jobs of a batch on dask.distributed; the job of a worker that dies is started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from napari_focusstack.batch.job import Job, Outcome, fuse_item
from napari_focusstack.errors import InputError
from napari_focusstack.runtime.memory import memory_budget
from napari_focusstack.runtime.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence


#: Address that stands for a cluster of processes on this machine.
LOCAL = "local"
#: Time to wait for the answer of a scheduler, s (convention).
TIMEOUT_S = 5
#: Number of times that a job is started again after an error of its worker (convention).
RETRIES = 2
#: Code that a local worker runs first: Ctrl-C ends the batch, which then ends its workers.
IGNORE_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
#: Least memory of a local worker, bytes (convention); it limits the number of workers.
WORKER_BYTES = 2**30


def fuse_on_cluster(
    jobs: Sequence[Job], scheduler: str, progress: Callable[[Progress], None] | None = None
) -> Generator[Outcome, None, None]:
    """Fuse on the workers of a scheduler, which must have access to the same files.

    Parameters
    ----------
    jobs : sequence of Job
        Jobs to run.
    scheduler : str
        Address such as "tcp://10.0.0.1:8786", or "local" for a process per core of this machine.
    progress : callable, optional
        Called if there is no worker yet.

    Yields
    ------
    Outcome
        In the order of completion.

    Raises
    ------
    InputError
        If dask.distributed is not installed, or the scheduler does not answer within 5 s.
    """
    with _client(jobs, scheduler) as (client, jobs):
        from dask.distributed import as_completed

        futures = {client.submit(fuse_item, job, pure=False, retries=RETRIES): job for job in jobs}
        try:
            # Some schedulers start workers only when there is work, so this is not an error.
            if progress is not None and not client.scheduler_info()["workers"]:
                progress(Progress("wait for workers", 0, 1))
            for future in as_completed(futures):
                yield _outcome(future, futures[future])
        finally:
            client.cancel(list(futures))


def _outcome(future: Any, job: Job) -> Outcome:
    """Return the outcome of a job that has ended, also if its worker or the scheduler failed."""
    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    # A job returns the errors of its source, so this is an error of its worker.
    error = future.exception() if future.status == "error" else "the scheduler was lost"
    message = " ".join(str(error).split())
    return Outcome(source=job.source, status="failed", message=message, outputs={})


@contextlib.contextmanager
def _client(jobs: Sequence[Job], scheduler: str) -> Iterator[tuple[Any, Sequence[Job]]]:
    """Yield a client, and the jobs with their shares of the memory budget."""
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise InputError(
            "a scheduler needs the package distributed; pip install 'napari-focusstack[batch]', or "
            "leave --scheduler out."
        ) from error
    from dataclasses import replace

    with contextlib.ExitStack() as opened:
        address = scheduler
        if scheduler == LOCAL:
            budget = (jobs[0].budget_bytes if jobs else None) or memory_budget()
            count = max(1, min(len(jobs), os.cpu_count() or 1, budget // WORKER_BYTES))
            jobs = [replace(job, budget_bytes=budget // count) for job in jobs]
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address=None,
                preload=[IGNORE_SIGINT],
            )
            address = opened.enter_context(cluster).scheduler_address
        try:
            _check_answer(address)
            client = opened.enter_context(Client(address, timeout=TIMEOUT_S))
        except (OSError, ValueError) as error:  # no answer within the time; no such address
            reason = " ".join(str(error).split()) or f"nothing within {TIMEOUT_S} s"
            raise InputError(
                f"the scheduler {scheduler} does not answer ({reason}); start it with dask "
                "scheduler, or check the address."
            ) from error
        yield client, jobs


def _check_answer(address: str) -> None:
    """Raise OSError or ValueError if no scheduler answers; a client would wait for it."""
    from distributed.comm.core import connect

    async def ask() -> None:
        async with asyncio.timeout(TIMEOUT_S):
            (await connect(address, timeout=TIMEOUT_S)).abort()

    # In a separate thread, because a notebook already runs an event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(ask())).result()
