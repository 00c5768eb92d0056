"""Fuse all that one source holds: every series, time point and channel, whole or not at all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from napari_focusstack.batch.series import fuse_stack
from napari_focusstack.errors import InputError
from napari_focusstack.files import put_in_place, size_of, staging_folder
from napari_focusstack.io.reading.stack_header import find_stacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_focusstack.batch.series import Output
    from napari_focusstack.parameters import FuseParameters
    from napari_focusstack.registration.transforms import Registration
    from napari_focusstack.runtime.progress import Progress


logger = logging.getLogger(__name__)

#: How the name of each output ends.
ENDINGS: dict[Output, str] = {
    "image": "_fused",
    "labels": "_labels",
    "depth": "_depth",
    "confidence": "_confidence",
}
#: What it is written as, and the suffix of that.
Format = Literal["tiff", "zarr"]
SUFFIXES: dict[Format, str] = {"tiff": ".tif", "zarr": ".ome.zarr"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One stack to fuse, with all that a worker has to know of it."""

    #: A file or a folder of planes.
    source: Path
    #: Of the outputs, without their endings.
    name: str
    #: For the outputs.
    folder: Path
    #: In which outputs are made.
    staging: Path
    parameters: FuseParameters
    #: The channel whose focus counts for all, from 1.
    channel: int = 1
    #: What is written beside the image.
    save: tuple[Output, ...] = ()
    format: Format = "tiff"
    #: How the planes lie, where that is known.
    registration: Registration | None = None
    #: Most that decoded planes may take; half of what is free where it runs if None.
    budget_bytes: int | None = None

    def outputs(self, stem: Path) -> dict[Output, Path]:
        """Return the files to be written, whose names begin with `stem`."""
        suffix = SUFFIXES[self.format]
        return {
            name: stem.with_name(f"{stem.name}{ENDINGS[name]}{suffix}")
            for name in ("image", *self.save)
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a job."""

    source: Path
    status: Literal["done", "failed", "skipped"]
    seconds: float = 0.0
    #: Why it failed, in one line.
    message: str = ""
    #: Size of each file written, bytes, by name.
    outputs: dict[str, int]


def fuse_item(job: Job, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Fuse all that one source holds and put the outputs into place; never raises for a source.

    Parameters
    ----------
    job : Job
        What to do; it may come from another machine.
    progress : callable, optional
        Called within each fusion.

    Returns
    -------
    Outcome
    """
    start = perf_counter()
    try:
        outputs, message = _fuse_source(job, progress), ""
    except Exception as error:  # whatever is wrong with one stack, the others go on
        logger.warning("%s failed", job.source, exc_info=True)
        said = " ".join(str(error).split())
        outputs, message = {}, said if isinstance(error, InputError) else f"{error!r:.500}"
    return Outcome(
        source=job.source,
        status="failed" if message else "done",
        seconds=round(perf_counter() - start, 3),
        message=message,
        outputs=outputs,
    )


def _fuse_source(job: Job, progress: Callable[[Progress], None] | None) -> dict[str, int]:
    """Fuse each series of a source; return the sizes of the outputs."""
    stacks = find_stacks([job.source])
    stacks = [stack for stack in stacks if stack.focus_axis is not None]
    if not stacks:
        raise InputError(
            f"{job.source} has no axis along which focus changes; give a stack of two planes or "
            "more."
        )
    # A worker that was given up may still run, so each attempt has a folder of its own.
    with staging_folder(job.staging / job.name) as attempt:
        for number, stack in enumerate(stacks, 1):
            name = job.name if len(stacks) == 1 else f"{job.name}_{number}"
            fuse_stack(
                stack,
                job.outputs(attempt / name),
                job.parameters,
                sources={"planes": [str(job.source)]},
                channel=job.channel,
                registration=job.registration,
                budget_bytes=job.budget_bytes,
                progress=progress,
            )
        sizes = {path.name: size_of(path) for path in sorted(attempt.iterdir())}
        for name in sizes:
            put_in_place(attempt / name, job.folder / name)
    return sizes
